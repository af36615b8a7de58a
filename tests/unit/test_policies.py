"""What each role may do: every statement of every role, reviewed here."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from airflow_fargate.identity import Account, execution_policy, task_policy, trust_policy

from .conftest import Deploy

ACCOUNT = Account(partition="aws", number="123456789012", region="us-east-1")
LOG_GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:airflow-logs-1234567"
BUCKET = "arn:aws:test:us-east-1:123456789012:airflow-dags-1234567"
PARAMETERS = ["arn:aws:ssm:us-east-1:123456789012:parameter/b", "arn:aws:ssm:us-east-1:123456789012:parameter/a"]

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
    "Resource": sorted(PARAMETERS),
}
LOG_IN = {"Sid": "LogInToRegistry", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
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


@pytest.mark.parametrize(
    ("image", "statements"),
    [
        ("apache/airflow:3.3.2", [WRITE_LOG, READ_SECRETS]),
        ("puckel/docker-airflow:1.10.9", [WRITE_LOG, READ_SECRETS]),
        (
            "210987654321.dkr.ecr.eu-west-1.amazonaws.com/data/airflow:7",
            [WRITE_LOG, READ_SECRETS, LOG_IN, pull("arn:aws:ecr:eu-west-1:210987654321:repository/data/airflow")],
        ),
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow@sha256:0000",
            [WRITE_LOG, READ_SECRETS, LOG_IN, pull("arn:aws:ecr:us-east-1:123456789012:repository/airflow")],
        ),
    ],
)
def test_the_execution_role_may_start_this_container_and_nothing_else(image: str, statements: list[Any]) -> None:
    policy = execution_policy(ACCOUNT, image, LOG_GROUP, PARAMETERS)

    assert policy == {"Version": "2012-10-17", "Statement": statements}


@pytest.mark.parametrize(("partition", "region"), [("aws", "us-east-1"), ("aws-cn", "cn-north-1")])
def test_only_tasks_of_this_account_and_region_act_as_a_role(partition: str, region: str) -> None:
    policy = trust_policy(Account(partition=partition, number="123456789012", region=region))

    assert policy == {
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


@pytest.mark.parametrize(
    ("bucket", "enable_exec", "statements"),
    [
        pytest.param(BUCKET, False, [LIST_DAGS, READ_DAGS], id="DAGs"),
        pytest.param(None, True, [ANSWER_EXEC], id="ECS Exec"),
        pytest.param(BUCKET, True, [LIST_DAGS, READ_DAGS, ANSWER_EXEC], id="DAGs and ECS Exec"),
    ],
)
def test_the_task_role_may_do_what_its_features_take_and_nothing_else(
    bucket: str | None, enable_exec: bool, statements: list[Any]
) -> None:
    assert task_policy(bucket, enable_exec=enable_exec) == {"Version": "2012-10-17", "Statement": statements}


@pytest.mark.parametrize("enable_exec", [False, True], ids=["without ECS Exec", "with ECS Exec"])
@pytest.mark.parametrize("with_dags", [False, True], ids=["without DAGs", "with DAGs"])
def test_the_stack_has_the_reviewed_policies_and_no_other(
    deploy: Deploy, tmp_path: Path, with_dags: bool, enable_exec: bool
) -> None:
    (tmp_path / "dag.py").touch()
    dags = {"dags_path": str(tmp_path)} if with_dags else {}
    deployment = deploy(secrets={"TOKEN": "t"}, enable_exec=enable_exec, **dags)
    parameters = [
        f"arn:aws:test:us-east-1:123456789012:airflow-{variable}-1234567"
        for variable in (
            "ADMIN_PASSWORD",
            "AIRFLOW__API_AUTH__JWT_SECRET",
            "AIRFLOW__API__SECRET_KEY",
            "AIRFLOW__CORE__FERNET_KEY",
            "TOKEN",
        )
    ]

    policies: dict[tuple[str, str], Any] = {}
    for resource in deployment.recorder.resources:
        if resource.typ.startswith("aws:iam/"):
            inputs = cast(dict[str, str], resource.inputs)
            policies[resource.typ, resource.name] = json.loads(inputs.get("policy") or inputs["assumeRolePolicy"])

    assert policies == {
        ("aws:iam/role:Role", "airflow-execution-role"): trust_policy(ACCOUNT),
        ("aws:iam/role:Role", "airflow-task-role"): trust_policy(ACCOUNT),
        ("aws:iam/rolePolicy:RolePolicy", "airflow-execution-policy"): execution_policy(
            ACCOUNT,
            "apache/airflow:3.3.2",
            "arn:aws:test:us-east-1:123456789012:airflow-logs-1234567",
            parameters,
        ),
        **(
            {
                ("aws:iam/rolePolicy:RolePolicy", "airflow-task-policy"): task_policy(
                    BUCKET if with_dags else None, enable_exec=enable_exec
                )
            }
            if with_dags or enable_exec
            else {}
        ),
    }
    policies_of_roles = [r for r in deployment.recorder.resources if r.typ == "aws:iam/rolePolicy:RolePolicy"]
    assert {r.name: cast(dict[str, str], r.inputs)["role"] for r in policies_of_roles} == {
        "airflow-execution-policy": "airflow-execution-role-id",
        **({"airflow-task-policy": "airflow-task-role-id"} if with_dags or enable_exec else {}),
    }
