"""What outlives a task: the bucket, what the container is told of it, and what a stack leaves behind."""

import json
import subprocess
import sys
from typing import Any

import pulumi
import pytest
from airflow_fargate import AirflowFargate
from airflow_fargate.data import keeper
from airflow_fargate.data.part import keeper_arguments
from airflow_fargate.data.settings import DataSettings
from airflow_fargate.modules import MODULES_VARIABLE
from airflow_fargate.task.container import supervisor_command
from airflow_fargate.validation import validate

from .conftest import Deploy, Registered
from .test_dags import environment
from .test_inputs import container

BUCKET = "airflow-data-1234567"
LOGS = {
    "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS": "True",
    "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": f"s3://{BUCKET}/logs",
    "AIRFLOW__LOGGING__REMOTE_LOGGING": "True",
}
KEY = f"{'k' * 43}="
OTHER = "airflow-data-7654321"

ARGUMENTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "by default": ({}, {**LOGS, keeper.BUCKET_VARIABLE: BUCKET, keeper.SECONDS_VARIABLE: "300"}),
    "more often": (
        {"database_snapshot_seconds": 30},
        {**LOGS, keeper.BUCKET_VARIABLE: BUCKET, keeper.SECONDS_VARIABLE: "30"},
    ),
    "without snapshots": ({"database_snapshot_seconds": 0}, {}),
    "with old runs deleted": (
        {"keep_runs_days": 30},
        {**LOGS, keeper.BUCKET_VARIABLE: BUCKET, keeper.SECONDS_VARIABLE: "300", keeper.DAYS_VARIABLE: "30"},
    ),
    "with old runs deleted alone": (
        {"database_snapshot_seconds": 0, "keep_runs_days": 30},
        {keeper.SECONDS_VARIABLE: "3600", keeper.DAYS_VARIABLE: "30"},
    ),
    "from another stack's": (
        {"restore_from": OTHER, "fernet_key": KEY},
        {
            **LOGS,
            keeper.BUCKET_VARIABLE: BUCKET,
            keeper.SECONDS_VARIABLE: "300",
            keeper.RESTORE_VARIABLE: OTHER,
        },
    ),
    "in RDS": ({"database": "postgres"}, {**LOGS, keeper.BUCKET_VARIABLE: BUCKET}),
    "in RDS, with old runs deleted, from a snapshot of RDS": (
        {"database": "postgres", "keep_runs_days": 30, "restore_from": "last", "fernet_key": KEY},
        {**LOGS, keeper.BUCKET_VARIABLE: BUCKET, keeper.SECONDS_VARIABLE: "3600", keeper.DAYS_VARIABLE: "30"},
    ),
    "with keys of AWS for DAGs": (
        {"environment": {"AWS_ACCESS_KEY_ID": "AKIA"}, "secrets": {"AWS_SECRET_ACCESS_KEY": "a-key"}},
        {keeper.BUCKET_VARIABLE: BUCKET, keeper.SECONDS_VARIABLE: "300"},
    ),
    "with a command of one's own": ({"command": ["sleep", "1"]}, {}),
}


KEYS_OF_DAGS: dict[str, Any] = {"secrets": {"AWS_PROFILE": "dags", "AWS_SESSION_TOKEN": "token"}}


@pytest.mark.parametrize(
    ("args", "warned"),
    [
        (KEYS_OF_DAGS, True),
        ({}, False),
        ({**KEYS_OF_DAGS, "database_snapshot_seconds": 0}, False),
        ({**KEYS_OF_DAGS, "command": ["sleep", "1"]}, False),
        ({**KEYS_OF_DAGS, "image": "puckel/docker-airflow:1.10.9"}, False),
        ({**KEYS_OF_DAGS, "environment": {"AIRFLOW__LOGGING__REMOTE_LOGGING": "False"}}, False),
    ],
)
def test_keys_with_which_logs_could_not_be_kept_are_told(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, args: dict[str, Any], warned: bool
) -> None:
    told: list[str] = []

    def warn(message: str, **_: object) -> None:
        told.append(message)

    monkeypatch.setattr(pulumi.log, "warn", warn)

    deploy(**args)

    assert [message.partition(" is in environment or secrets: ")[0] for message in told if "AWS_" in message] == (
        ["AWS_PROFILE"] if warned else []
    )


@pytest.mark.parametrize(("args", "told"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_the_container_is_told(deploy: Deploy, args: dict[str, Any], told: dict[str, str]) -> None:
    own = environment(deploy(**args))

    about = [name for name in own if ("FARGATE" in name or "LOGGING" in name) and name != MODULES_VARIABLE]
    assert {name: own[name] for name in about} == told


@pytest.mark.parametrize("given", ["environment", "secrets"])
def test_logs_that_the_caller_sends_elsewhere_stay_there(deploy: Deploy, given: str) -> None:
    own = environment(deploy(**{given: {"AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": "s3://mine"}}))

    assert {name for name in own if "LOGGING" in name} <= {"AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"}
    assert own[keeper.BUCKET_VARIABLE] == BUCKET


def test_a_local_copy_of_the_logs_can_be_kept(deploy: Deploy) -> None:
    own = environment(deploy(environment={"AIRFLOW__LOGGING__DELETE_LOCAL_LOGS": "False"}))

    assert {name: value for name, value in own.items() if "LOGGING" in name} == {
        **LOGS,
        "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS": "False",
    }


@pytest.mark.parametrize(("seconds", "timeout"), [(300, 120), (0, 60)])
def test_the_container_has_the_time_to_save_what_it_has(deploy: Deploy, seconds: int, timeout: int) -> None:
    assert container(deploy(database_snapshot_seconds=seconds))["stopTimeout"] == timeout


def test_the_supervisor_is_given_the_keepers_program_where_something_is_kept(deploy: Deploy) -> None:
    arguments = list(keeper_arguments(DataSettings()))

    assert arguments
    assert container(deploy())["command"][len(supervisor_command()) :] == arguments
    assert container(deploy(database_snapshot_seconds=0))["command"][len(supervisor_command()) :] == []


def test_the_keepers_arguments_are_those_of_a_python_that_runs_it() -> None:
    arguments = keeper_arguments(DataSettings())
    program = [sys.executable, *arguments, "stopping"]
    ended = subprocess.run(program, env={}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")

    # In a process that is there already, as the supervisor runs the first stage.
    code = "import sys; arguments = sys.argv[1:]; sys.argv = ['-c', *arguments[2:], 'start']; "
    code += "exec(arguments[1], {'__name__': '__main__'})"
    told = {keeper.BUCKET_VARIABLE: "none", "PATH": "/nowhere"}
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=told, capture_output=True, text=True, check=False
    )
    assert "PackageNotFoundError" in ended.stderr, "it looks for the version of Airflow, which is not here"


def test_the_bucket_keeps_versions_and_forgets_what_is_old(deploy: Deploy) -> None:
    deployment = deploy(log_retention_days=90, tags={"team": "data"})

    assert deployment.inputs("aws:s3/bucket:Bucket", "airflow-data") == {"forceDestroy": True, "tags": {"team": "data"}}
    assert deployment.inputs("aws:s3/bucketVersioning:BucketVersioning") == {
        "bucket": BUCKET,
        "versioningConfiguration": {"status": "Enabled"},
    }
    assert deployment.inputs("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration") == {
        "bucket": BUCKET,
        "rules": [
            {
                "id": "snapshots",
                "status": "Enabled",
                "filter": {"prefix": "metadata/"},
                "noncurrentVersionExpiration": {"noncurrentDays": 7, "newerNoncurrentVersions": 10},
            },
            {
                "id": "logs",
                "status": "Enabled",
                "filter": {"prefix": "logs/"},
                "expiration": {"days": 90},
                "noncurrentVersionExpiration": {"noncurrentDays": 1},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
            },
        ],
    }


def test_the_bucket_is_private_and_encrypted_and_answers_over_tls_only(deploy: Deploy) -> None:
    deployment = deploy()
    access = deployment.inputs("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert access == {
        "bucket": BUCKET,
        **dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True),
    }
    encryption = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    assert deployment.inputs(encryption) == {
        "bucket": BUCKET,
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
    }
    policy = json.loads(deployment.inputs("aws:s3/bucketPolicy:BucketPolicy")["policy"])
    assert [statement["Condition"] for statement in policy["Statement"]] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_no_task_starts_before_the_bucket_keeps_versions(deploy: Deploy) -> None:
    names = [resource.name for resource in deploy().recorder.resources]

    guards = [f"airflow-data-{guard}" for guard in ("encryption", "policy", "versioning", "lifecycle")]
    assert max(names.index(guard) for guard in guards) < names.index("airflow-service")


def test_a_task_may_write_snapshots_only_of_a_database_in_it(deploy: Deploy) -> None:
    policy = deploy(database="postgres").inputs("aws:iam/rolePolicy:RolePolicy", "airflow-task-policy")["policy"]

    assert [statement["Sid"] for statement in json.loads(policy)["Statement"]] == ["ListData", "KeepLogs"]


def test_what_another_stack_has_left_may_be_read_and_not_written(deploy: Deploy) -> None:
    policy = json.loads(
        deploy(restore_from=OTHER, fernet_key=KEY).inputs("aws:iam/rolePolicy:RolePolicy", "airflow-task-policy")[
            "policy"
        ]
    )

    assert policy["Statement"][-2:] == [
        {
            "Sid": "ListOtherData",
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
            "Resource": f"arn:aws:s3:::{OTHER}",
        },
        {
            "Sid": "RestoreDatabase",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": f"arn:aws:s3:::{OTHER}/metadata/*",
        },
    ]


@pytest.mark.parametrize("key", [KEY, f"{'n' * 43}=,{KEY}"], ids=["one", "a new one and the one before"])
def test_a_fernet_key_of_the_callers_is_kept_as_a_parameter(deploy: Deploy, key: str) -> None:
    deployment = deploy(fernet_key=key)

    parameter = deployment.inputs("aws:ssm/parameter:Parameter", "airflow-AIRFLOW__CORE__FERNET_KEY")
    assert parameter["value"] == key
    assert KEY not in json.dumps(container(deployment))


@pytest.mark.parametrize(
    "name", ["xn--x", "My-Bucket", "a", "192.168.0.1", "a..b", "s3://bucket", "bucket/metadata", "-a-b"]
)
def test_what_is_no_name_of_a_bucket_is_refused(name: str) -> None:
    with pytest.raises(Exception, match=r"restore_from: is .*; give the name of a bucket"):
        validate("airflow", {"restore_from": name, "fernet_key": KEY})


def retained(deployment: Registered) -> set[str]:
    """Return the names of the resources that stay when the stack is destroyed."""
    return {each.name for each in deployment.registrations if each.options.get("retainOnDelete")}


def test_the_retained_are_what_a_new_stack_needs(deploy: Deploy) -> None:
    kept, gone = deploy(retain_data=True), deploy()

    kept_names, gone_names = ({(each.typ, each.name) for each in of.recorder.resources} for of in (kept, gone))
    assert kept_names == gone_names
    assert retained(kept) == {
        "airflow-AIRFLOW__CORE__FERNET_KEY",
        "airflow-data",
        *(
            f"airflow-data-{each}"
            for each in ("encryption", "lifecycle", "policy", "public-access-block", "versioning")
        ),
    }
    assert kept.inputs("aws:s3/bucket:Bucket") == {"forceDestroy": False, "tags": {}}
    assert retained(gone) == set()


@pytest.mark.parametrize(
    ("name", "bucket"),
    [("airflow", "airflow-data"), ("my_Airflow", "my-Airflow-data"), ("a_" + "b" * 39, "a-" + "b" * 39 + "-data")],
)
def test_a_bucket_has_a_name_of_which_pulumi_makes_one_that_s3_takes(deploy: Deploy, name: str, bucket: str) -> None:
    resources = deploy(lambda: AirflowFargate(name, {})).recorder.resources
    [made] = [resource.name for resource in resources if resource.typ == "aws:s3/bucket:Bucket"]

    assert made == bucket
    assert len(made) <= 63 - len("-1234567"), "the provider adds eight characters, and writes all of them small"
