"""The permissions of each role: every statement, reviewed here."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
from airflow_fargate import AirflowFargate, AirflowFargateArgs
from airflow_fargate.errors import InvalidArgumentsError
from airflow_fargate.identity import Location, policy, trust_policy
from airflow_fargate.image import Image, pull_statements

from .conftest import Deploy, Recorder, Registered, build_component
from .test_inputs import container

LOCATION = Location(partition="aws", account="123456789012", region="us-east-1")
LOG_GROUP = "arn:aws:test:us-east-1:123456789012:airflow-logs-1234567"
BUCKET = "arn:aws:test:us-east-1:123456789012:airflow-dags-1234567"
PARAMETERS = [
    f"arn:aws:test:us-east-1:123456789012:airflow-{variable}-1234567"
    for variable in (
        "ADMIN_PASSWORD",
        "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__CORE__FERNET_KEY",
        "TOKEN",
    )
]

WRITE_LOG = {
    "Sid": "WriteLog",
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": f"{LOG_GROUP}:*",
}
READ_SECRETS = {
    "Sid": "ReadSecrets",
    "Effect": "Allow",
    "Action": "ssm:GetParameters",
    "Resource": PARAMETERS,
}
LOG_IN = {"Sid": "LogInToRegistry", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
DATA = "arn:aws:test:us-east-1:123456789012:airflow-data-1234567"
LIST_DATA = {
    "Sid": "ListData",
    "Effect": "Allow",
    "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
    "Resource": DATA,
}
KEEP_DATABASE = {
    "Sid": "KeepDatabase",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
    "Resource": f"{DATA}/metadata/*",
}
KEEP_LOGS = {
    "Sid": "KeepLogs",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": f"{DATA}/logs/*",
}
LIST_DAGS = {"Sid": "ListDags", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET}
READ_DAGS = {"Sid": "ReadDags", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}
ANSWER_EXEC = {
    "Sid": "AnswerEcsExec",
    "Effect": "Allow",
    "Action": [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ],
    "Resource": "*",
}


def pull(repository: str) -> dict[str, Any]:
    return {
        "Sid": "PullImage",
        "Effect": "Allow",
        "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": repository,
    }


def fill(repository: str) -> dict[str, Any]:
    return {
        "Sid": "FillCache",
        "Effect": "Allow",
        "Action": ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"],
        "Resource": repository,
    }


@pytest.mark.parametrize(
    ("image", "statements"),
    [
        ("apache/airflow:3.3.2", []),
        ("puckel/docker-airflow:1.10.9", []),
        (
            "210987654321.dkr.ecr.eu-west-1.amazonaws.com/data/airflow:7",
            [LOG_IN, pull("arn:aws:ecr:eu-west-1:210987654321:repository/data/airflow")],
        ),
        (
            f"123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow@sha256:{'0' * 64}",
            [
                LOG_IN,
                pull("arn:aws:ecr:us-east-1:123456789012:repository/airflow"),
                fill("arn:aws:ecr:us-east-1:123456789012:repository/airflow"),
            ],
        ),
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/docker-hub/apache/airflow:3.3.2",
            [
                LOG_IN,
                pull("arn:aws:ecr:us-east-1:123456789012:repository/docker-hub/apache/airflow"),
                fill("arn:aws:ecr:us-east-1:123456789012:repository/docker-hub/apache/airflow"),
            ],
        ),
        ("registry.example.com:5000/airflow:1", []),
    ],
)
def test_ecs_may_pull_this_image_and_no_other(image: str, statements: list[Any]) -> None:
    assert list(pull_statements(Image.parse(image), LOCATION)) == statements


def test_ecs_may_read_the_login_of_the_registry_and_hands_it_on(deploy: Deploy) -> None:
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-AbCdEf"

    deployment = deploy(image="ghcr.io/acme/airflow:1", registry_credentials_arn=secret)

    assert container(deployment)["repositoryCredentials"] == {"credentialsParameter": secret}
    policy = json.loads(deployment.inputs("aws:iam/rolePolicy:RolePolicy", "airflow-execution-policy")["policy"])
    assert policy["Statement"][-1] == {
        "Sid": "ReadRegistryCredentials",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": secret,
    }
    assert "repositoryCredentials" not in container(deploy())


@pytest.mark.parametrize("boundary", [None, "arn:aws:iam::123456789012:policy/boundary"])
def test_both_roles_stay_within_the_boundary(deploy: Deploy, boundary: str | None) -> None:
    roles = deploy(**({"permissions_boundary_arn": boundary} if boundary else {})).inputs_of_all("aws:iam/role:Role")

    assert [role.get("permissionsBoundary") for role in roles] == [boundary, boundary]


@pytest.mark.parametrize(("partition", "region"), [("aws", "us-east-1"), ("aws-cn", "cn-north-1")])
def test_only_tasks_of_this_account_and_region_act_as_a_role(partition: str, region: str) -> None:
    trust = trust_policy(Location(partition=partition, account="123456789012", region=region))

    assert trust == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EcsTasksOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": "123456789012"},
                    "ArnLike": {"aws:SourceArn": f"arn:{partition}:ecs:{region}:123456789012:*"},
                },
            }
        ],
    }


@pytest.mark.parametrize("kept", [False, True], ids=["without snapshots", "with snapshots"])
@pytest.mark.parametrize("enable_exec", [False, True], ids=["without ECS Exec", "with ECS Exec"])
@pytest.mark.parametrize("with_dags", [False, True], ids=["without DAGs", "with DAGs"])
def test_the_stack_has_the_reviewed_policies_and_no_other(
    deploy: Deploy, tmp_path: Path, with_dags: bool, enable_exec: bool, kept: bool
) -> None:
    (tmp_path / "dag.py").touch()
    options: dict[str, Any] = {"dags_path": str(tmp_path)} if with_dags else {}
    if not kept:
        options["database_snapshot_seconds"] = 0
    deployment = deploy(secrets={"TOKEN": "t"}, enable_exec=enable_exec, **options)
    task = [
        *([LIST_DATA, KEEP_LOGS, KEEP_DATABASE] if kept else []),
        *([LIST_DAGS, READ_DAGS] if with_dags else []),
        *([ANSWER_EXEC] if enable_exec else []),
    ]

    policies: dict[tuple[str, str], Any] = {}
    for resource in deployment.recorder.resources:
        if resource.typ.startswith("aws:iam/"):
            inputs = cast(dict[str, str], resource.inputs)
            policies[resource.typ, resource.name] = json.loads(inputs.get("policy") or inputs["assumeRolePolicy"])

    assert policies == {
        ("aws:iam/role:Role", "airflow-execution-role"): trust_policy(LOCATION),
        ("aws:iam/role:Role", "airflow-task-role"): trust_policy(LOCATION),
        ("aws:iam/rolePolicy:RolePolicy", "airflow-execution-policy"): policy([WRITE_LOG, READ_SECRETS]),
        **({("aws:iam/rolePolicy:RolePolicy", "airflow-task-policy"): policy(task)} if task else {}),
    }
    policies_of_roles = [r for r in deployment.recorder.resources if r.typ == "aws:iam/rolePolicy:RolePolicy"]
    assert {r.name: cast(dict[str, str], r.inputs)["role"] for r in policies_of_roles} == {
        "airflow-execution-policy": "airflow-execution-role-id",
        **({"airflow-task-policy": "airflow-task-role-id"} if task else {}),
    }


def test_the_deployer_may_write_every_parameter_of_a_stack(deploy: Deploy) -> None:
    document = json.loads((Path(__file__).parents[2] / "docs" / "deployer-policy.json").read_text())
    [allowed] = [each["Resource"] for each in document["Statement"] if "ssm:PutParameter" in each["Action"]]
    deployment = deploy(
        connections={"sales": "http://example.com"}, variables={"region": "north"}, users={"vera": "op"}
    )

    parameters = [each for each in deployment.recorder.resources if each.typ == "aws:ssm/parameter:Parameter"]
    names = [
        cast(dict[str, str], each.inputs).get("name", f"{each.name}-1234567").removeprefix("/") for each in parameters
    ]
    arns = [f"arn:aws:ssm:us-east-1:123456789012:parameter/{name}" for name in names]

    assert [arn for arn in arns if "/connections/" in arn]
    assert [arn for arn in arns if not any(fnmatchcase(arn, pattern) for pattern in allowed)] == []


@pytest.mark.parametrize(("number", "warned"), [(10, 0), (11, 1)])
def test_more_policies_than_iam_attaches_by_default_are_a_warning(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, number: int, warned: int
) -> None:
    warnings: list[str] = []

    def warn(message: str, **_: object) -> None:
        warnings.append(message)

    monkeypatch.setattr(pulumi.log, "warn", warn)

    deploy(
        task_role_policy_arns=[f"arn:aws:iam::123456789012:policy/{each}" for each in range(number)],
        executors=["LocalExecutor", "AwsEcsExecutor"],
    )

    assert len(warnings) == warned
    assert all(
        "has 11 policies; IAM attaches 10" in each and '"Managed policies per role"' in each for each in warnings
    )


@pytest.mark.parametrize(
    ("partition", "region", "number"), [("aws", "us-east-1", 83), ("aws-us-gov", "us-gov-west-1", 74)]
)
def test_as_many_secrets_are_taken_as_one_role_can_be_allowed_to_read(partition: str, region: str, number: int) -> None:
    def deployed(number: int) -> Registered:
        recorder = Recorder()
        recorder.partition, recorder.region = partition, region
        secrets: dict[str, pulumi.Input[str]] = {f"{each:S>40}": "secret" for each in range(number)}
        args: AirflowFargateArgs = {
            "secrets": secrets,
            "image": f"123456789012.dkr.ecr.{region}.amazonaws.com/{'i' * 200}:1",
            "command": ["bash", "-c", "airflow standalone"],
            "enable_exec": True,
        }
        return build_component(lambda: AirflowFargate("airflow", args), recorder=recorder)

    inputs = deployed(number).inputs("aws:iam/rolePolicy:RolePolicy", "airflow-execution-policy")

    # The mocks' ARNs of parameters are as those of nothing.
    policy = inputs["policy"].replace(f"arn:{partition}:test:", f"arn:{partition}:ssm:")
    characters = len(re.sub(r"\s", "", policy)) + (number + 4) * len("parameter/")
    assert 9_600 < characters <= 10_240
    with pytest.raises(InvalidArgumentsError, match=f"secrets: makes {number + 5} parameters with the component's own"):
        deployed(number + 1)
