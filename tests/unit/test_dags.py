"""DAGs in a bucket, from a Git repository, from both: what is built and what Airflow is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from airflow_fargate import AirflowFargate
from airflow_fargate.airflow import RESERVED_VARIABLES
from airflow_fargate.dags import container as dags_container
from airflow_fargate.validation import validate

from .conftest import Deploy, Registered
from .packing import unpacked
from .test_inputs import TASK_DEFINITION, container

GIT = "https://git.example.com/team/dags.git"
BUCKET = "airflow-dags-1234567"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
BUNDLES = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"

S3_BUNDLE: dict[str, Any] = {
    "name": "s3",
    "classpath": "airflow_fargate_dags.bucket.BucketBundle",
    "kwargs": {"bucket_name": BUCKET, "prefix": "dags", "refresh_interval": 30},
}
GIT_BUNDLE: dict[str, Any] = {
    "name": "git",
    "classpath": "airflow_fargate_dags.git.GitBundle",
    "kwargs": {"git_conn_id": "dags_git", "tracking_ref": "main", "refresh_interval": 30},
}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "data").mkdir()
    (tmp_path / "etl.py").write_text("x = 1\n")
    (tmp_path / "data" / "orders.csv").write_text("1,2\n")
    (tmp_path / ".env").write_text("")
    return str(tmp_path)


def environment(deployment: Registered) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container(deployment)["environment"]}


def test_a_command_of_the_callers_reads_dags_by_the_providers_own_bundles(deploy: Deploy, folder: str) -> None:
    told = environment(deploy(dags_path=folder, dags_git_url=GIT, command=["airflow", "standalone"]))

    assert "AIRFLOW_FARGATE_MODULES" not in told, "nobody would put them anywhere"
    assert json.loads(told[BUNDLES]) == [
        {
            "name": "s3",
            "classpath": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
            "kwargs": {**S3_BUNDLE["kwargs"], "aws_conn_id": None},
        },
        {**GIT_BUNDLE, "classpath": "airflow.providers.git.bundles.git.GitDagBundle"},
    ]


def test_the_modules_of_the_bundles_come_with_them(deploy: Deploy, folder: str) -> None:
    def modules(**args: Any) -> dict[str, str]:
        found = json.loads(environment(deploy(**args))["AIRFLOW_FARGATE_MODULES"])
        return {path: unpacked(each) for path, each in found.items() if path.startswith("airflow_fargate_dags/")}

    assert modules(dags_path=folder) == {
        f"airflow_fargate_dags/{file.name}": file.read_text()
        for file in Path(dags_container.__path__[0]).glob("*.py")
        if file.name != "prepare.py"
    }
    assert modules() == {}


def test_the_bucket_answers_over_tls_only(deploy: Deploy, folder: str) -> None:
    inputs = deploy(dags_path=folder).inputs("aws:s3/bucketPolicy:BucketPolicy", "airflow-dags-policy")
    arn = f"arn:aws:test:us-east-1:123456789012:{BUCKET}"

    assert inputs["bucket"] == BUCKET
    assert json.loads(inputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyOverTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def test_each_file_is_an_object_known_by_its_digest(deploy: Deploy, folder: str) -> None:
    inputs = deploy(dags_path=folder).inputs(OBJECT, "airflow-dags/etl.py")

    assert {key: inputs[key] for key in ("bucket", "key", "sourceHash")} == {
        "bucket": BUCKET,
        "key": "dags/etl.py",
        "sourceHash": "9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4",
    }
    assert isinstance(inputs["source"], pulumi.FileAsset)
    assert inputs["source"].path == f"{folder}/etl.py"
    assert "tags" not in inputs, "S3 allows an object ten"


def test_what_airflow_ignores_is_there_only_after_the_files_that_say_so(deploy: Deploy, folder: str) -> None:
    for name in (".airflowignore", "data/.airflowignore"):
        (Path(folder) / name).write_text("x\n")

    deployment = deploy(dags_path=folder)

    after = {
        each.name.removeprefix("airflow-dags/"): {
            urn.rpartition("::airflow-")[2] for urn in each.options["dependencies"]
        }
        for each in deployment.registrations
        if each.type == OBJECT
    }
    guards, ignore_files = (
        {"dags", "dags-encryption", "dags-policy"},
        {"dags/.airflowignore", "dags/data/.airflowignore"},
    )
    assert after == {
        ".airflowignore": guards,
        "data/.airflowignore": guards,
        "data/orders.csv": guards | ignore_files,
        "etl.py": guards | ignore_files,
    }


@pytest.mark.parametrize(
    ("added", "warned"),
    [
        pytest.param({}, None, id="nothing is ignored"),
        pytest.param({".airflowignore": "other/\n"}, None, id="nothing that is there is ignored"),
        pytest.param(
            {".airflowignore": "data/\n*ignore\n"}, "1 of the files that are uploaded (data/orders.csv)", id="a file"
        ),
        pytest.param(
            {".airflowignore": "*\n", "a.pem": "", "b.pem": ""},
            "4 of the files that are uploaded (a.pem, b.pem, data/orders.csv, …)",
            id="several files",
        ),
        pytest.param({".airflowignore": "data/\n", ".dagsignore": ""}, None, id="it is said that nothing must stay"),
        pytest.param({".airflowignore": "data/\n", "data/.dagsignore": "*.pem"}, None, id="it is said what must stay"),
    ],
)
def test_who_has_never_said_what_must_stay_is_told_what_goes_although_airflow_ignores_it(
    deploy: Deploy, folder: str, monkeypatch: pytest.MonkeyPatch, added: dict[str, str], warned: str | None
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    for name, content in added.items():
        (Path(folder) / name).write_text(content)

    deploy(dags_path=folder)

    assert [each.removeprefix("dags_path: .airflowignore excludes ").partition(":")[0] for each in warnings] == (
        [warned] if warned else []
    )


def test_the_task_definition_knows_the_bucket_and_none_of_its_files(deploy: Deploy, folder: str) -> None:
    before = deploy(dags_path=folder).inputs(TASK_DEFINITION)

    (Path(folder) / "etl.py").write_text("x = 2\n")
    (Path(folder) / "another.py").write_text("y = 1\n")

    assert deploy(dags_path=folder).inputs(TASK_DEFINITION) == before


def test_ref_subdir_and_refresh_reach_the_bundles(deploy: Deploy, folder: str) -> None:
    git = {"dags_git_url": GIT, "dags_git_ref": "release/1", "dags_git_subdir": "airflow/dags"}

    bundles = json.loads(environment(deploy(dags_path=folder, dags_refresh_seconds=5, **git))[BUNDLES])

    assert bundles == [
        {**S3_BUNDLE, "kwargs": {**S3_BUNDLE["kwargs"], "refresh_interval": 5}},
        {
            **GIT_BUNDLE,
            "kwargs": {
                "git_conn_id": "dags_git",
                "tracking_ref": "release/1",
                "subdir": "airflow/dags",
                "refresh_interval": 5,
            },
        },
    ]


def test_without_a_token_the_connection_is_in_the_environment(deploy: Deploy) -> None:
    connection = environment(deploy(dags_git_url=GIT))["AIRFLOW_CONN_DAGS_GIT"]

    assert json.loads(connection) == {"conn_type": "git", "host": GIT}


@pytest.mark.parametrize("given", [str, pulumi.Output.secret], ids=["plain", "output"])
def test_a_token_is_in_a_secret_parameter_and_nowhere_else(deploy: Deploy, given: Callable[[str], Any]) -> None:
    # In the program, since an output belongs to the event loop that it is made in.
    deployment = deploy(lambda: AirflowFargate("airflow", {"dags_git_url": GIT, "dags_git_token": given("t0ken")}))

    parameter = deployment.inputs("aws:ssm/parameter:Parameter", "airflow-AIRFLOW_CONN_DAGS_GIT")
    assert parameter["type"] == "SecureString"
    assert json.loads(parameter["value"]) == {"conn_type": "git", "host": GIT, "password": "t0ken"}
    assert "AIRFLOW_CONN_DAGS_GIT" not in environment(deployment)
    assert "AIRFLOW_CONN_DAGS_GIT" in {secret["name"] for secret in container(deployment)["secrets"]}
    others = [r for r in deployment.recorder.resources if r.name != "airflow-AIRFLOW_CONN_DAGS_GIT"]
    assert [r.name for r in others if "t0ken" in json.dumps(r.inputs)] == []


def test_the_tokens_user_is_named_where_the_server_wants_one(deploy: Deploy) -> None:
    deployment = deploy(dags_git_url=GIT, dags_git_token="t0ken", dags_git_username="x-token-auth")

    parameter = deployment.inputs("aws:ssm/parameter:Parameter", "airflow-AIRFLOW_CONN_DAGS_GIT")
    assert json.loads(parameter["value"]) == {
        "conn_type": "git",
        "host": GIT,
        "login": "x-token-auth",
        "password": "t0ken",
    }


@pytest.mark.parametrize(("args", "value"), [({}, "False"), ({"load_examples": True}, "True")])
def test_the_example_dags_are_off_unless_asked_for(deploy: Deploy, args: dict[str, Any], value: str) -> None:
    assert environment(deploy(**args))["AIRFLOW__CORE__LOAD_EXAMPLES"] == value


def test_packages_are_left_to_the_entrypoint_and_given_time(deploy: Deploy) -> None:
    definition = container(deploy(cpu=4096, memory=8192, pip_requirements=["pandas==2.3.*", "httpx[http2]>=0.27,<1"]))

    assert {"name": "_PIP_ADDITIONAL_REQUIREMENTS", "value": "pandas==2.3.* httpx[http2]>=0.27,<1"} in definition[
        "environment"
    ]
    assert definition["healthCheck"]["startPeriod"] == 300
    assert "_PIP_ADDITIONAL_REQUIREMENTS" not in environment(deploy())


def test_the_service_waits_for_the_files_so_that_its_first_task_finds_them(deploy: Deploy, folder: str) -> None:
    names = [resource.name for resource in deploy(dags_path=folder).recorder.resources]

    files = ["airflow-dags/etl.py", "airflow-dags/data/orders.csv", "airflow-task-policy"]
    assert max(names.index(file) for file in files) < names.index("airflow-service")
    guards = ["airflow-dags-encryption", "airflow-dags-policy"]
    assert max(names.index(guard) for guard in guards) < names.index("airflow-dags/etl.py")


def test_what_the_component_sets_itself_is_reserved(deploy: Deploy, folder: str) -> None:
    own = environment(deploy(dags_path=folder, dags_git_url=GIT, pip_requirements=["pandas"], port=9000))

    assert own.keys() - RESERVED_VARIABLES.keys() == {
        "AIRFLOW__CORE__PARALLELISM",
        "AIRFLOW__DAG_PROCESSOR__HEALTH_CHECK_THRESHOLD",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL",
        "AIRFLOW__WORKERS__EXECUTION_API_RETRIES",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL",
        "GIT_HTTP_LOW_SPEED_LIMIT",
        "GIT_HTTP_LOW_SPEED_TIME",
        "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS",
        "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER",
        "AIRFLOW__LOGGING__REMOTE_LOGGING",
    }, "these are defaults that the caller may change"


@pytest.mark.parametrize("ref", ["main", "release/1.2", "v1.0.0", "a1b2c3d4e5", "feature/#12"])
def test_every_ref_that_git_allows_is_accepted(ref: str) -> None:
    assert validate("airflow", {"dags_git_url": GIT, "dags_git_ref": ref}).dags.dags_git_ref == ref


@pytest.mark.parametrize(
    "args",
    [
        {"dags_git_url": "https://git.example.com/dags"},
        {"dags_git_url": "https://git.example.com/team/tree/dags"},
        {"dags_git_url": "https://git.example.com/a/b/tree/dags.git"},
        {"dags_git_url": "https://git.example.com/team/src"},
        {"dags_git_url": "https://gitlab.com/group/team/src/dags"},
        {"dags_git_url": "http://git.example.com:3000/team/dags.git", "egress_ports": [3000]},
        {"dags_git_url": "http://git.example.com/dags.git", "egress_ports": [80]},
        {"dags_git_url": GIT, "dags_git_token": "t", "dags_git_subdir": "a/b"},
        {"pip_requirements": ["pandas", "apache-airflow-providers-http==5.*", "httpx[http2]>=0.27,<1"]},
        {"dags_refresh_seconds": 5},
    ],
)
def test_valid_sources_of_dags_are_accepted(args: Any) -> None:
    validate("airflow", args)
