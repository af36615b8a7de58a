"""The two roles of the task and what they may do.

The execution role is used by ECS to start the container: pull the image, read the secrets, write the log. The task
role is what Airflow and its tasks act as; it has no permission but those that a feature needs.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from .settings import Settings

Policy = dict[str, Any]

# AWS: Amazon ECR user guide, "Private registry": 123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:tag
_ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)"
)


@dataclass(frozen=True)
class Account:
    """Where the stack is: partition (`aws`), account number and region."""

    partition: str
    number: str
    region: str


@dataclass(frozen=True)
class Roles:
    """The two roles of the task, and the policies that must be in place while it runs."""

    execution_role: aws.iam.Role
    task_role: aws.iam.Role
    policies: tuple[pulumi.Resource, ...]


def trust_policy(account: Account) -> Policy:
    """Let ECS tasks of this account and region, and no others, act as the role (AWS: "confused deputy")."""
    return _policy(
        {
            "Sid": "EcsTasksOfThisAccount",
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account.number},
                "ArnLike": {"aws:SourceArn": f"arn:{account.partition}:ecs:{account.region}:{account.number}:*"},
            },
        }
    )


def execution_policy(account: Account, image: str, log_group_arn: str, parameter_arns: Sequence[str]) -> Policy:
    """Allow what starting this container takes, on the resources of this stack.

    In place of the managed AmazonECSTaskExecutionRolePolicy, which allows every log group and every repository. Only
    `ecr:GetAuthorizationToken` has no narrower resource than `*` (AWS: service authorization reference, Amazon ECR).
    """
    statements: list[Policy] = [
        {
            "Sid": "WriteLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{log_group_arn}:*",
        },
        {
            "Sid": "ReadSecrets",
            "Effect": "Allow",
            "Action": "ssm:GetParameters",
            "Resource": sorted(parameter_arns),
        },
    ]
    ecr = _ECR_IMAGE.match(image)
    if ecr:
        statements += [
            {
                "Sid": "LogInToRegistry",
                "Effect": "Allow",
                "Action": "ecr:GetAuthorizationToken",
                "Resource": "*",
            },
            {
                "Sid": "PullImage",
                "Effect": "Allow",
                "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Resource": ":".join(
                    ("arn", account.partition, "ecr", ecr["region"], ecr["account"], f"repository/{ecr['repository']}")
                ),
            },
        ]
    return _policy(*statements)


def task_policy(dag_bucket_arn: str | None, *, enable_exec: bool) -> Policy:
    """Allow what the features that are switched on take: to read the DAGs, and to answer ECS Exec.

    Listing has no condition on a prefix: HeadBucket, which Airflow asks first, needs the same permission without one.
    The four actions of ECS Exec have no narrower resource than `*` (AWS: service authorization reference, Amazon
    Session Manager Message Gateway Service).
    """
    statements: list[Policy] = []
    if dag_bucket_arn is not None:
        statements += [
            {"Sid": "ListDags", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": dag_bucket_arn},
            {"Sid": "ReadDags", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{dag_bucket_arn}/*"},
        ]
    if enable_exec:
        statements.append(
            {
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
        )
    return _policy(*statements)


def create_roles(
    name: str,
    settings: Settings,
    account: pulumi.Output[Account],
    log_group_arn: pulumi.Input[str],
    parameter_arns: Sequence[pulumi.Input[str]],
    dag_bucket_arn: pulumi.Output[str] | None,
    opts: pulumi.ResourceOptions,
) -> Roles:
    """Create both roles, each with its policy; the task role has none when no feature needs one."""
    trust = account.apply(lambda known: json.dumps(trust_policy(known)))
    execution_role = aws.iam.Role(
        f"{name}-execution-role",
        description="Airflow: what ECS may do to start the container",
        assume_role_policy=trust,
        tags=settings.tags,
        opts=opts,
    )
    policies = [
        aws.iam.RolePolicy(
            f"{name}-execution-policy",
            role=execution_role.id,
            policy=pulumi.Output.all(
                account=account, image=settings.image, log_group_arn=log_group_arn, parameter_arns=list(parameter_arns)
            ).apply(lambda known: json.dumps(execution_policy(**known))),
            opts=opts,
        )
    ]
    task_role = aws.iam.Role(
        f"{name}-task-role",
        description="Airflow: what Airflow and its tasks may do",
        assume_role_policy=trust,
        tags=settings.tags,
        opts=opts,
    )
    if dag_bucket_arn is not None or settings.enable_exec:
        policies.append(
            aws.iam.RolePolicy(
                f"{name}-task-policy",
                role=task_role.id,
                policy=pulumi.Output.from_input(dag_bucket_arn).apply(
                    lambda arn: json.dumps(task_policy(arn, enable_exec=settings.enable_exec))
                ),
                opts=opts,
            )
        )
    return Roles(execution_role=execution_role, task_role=task_role, policies=tuple(policies))


def _policy(*statements: Policy) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}
