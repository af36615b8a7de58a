"""The two roles of the task, and who may act as them.

The execution role is used by ECS to start the container: pull the image, read the secrets, write the log. The task
role is what Airflow and its tasks act as. Neither has a permission that no part asks for.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from .errors import Refusal
from .part import Part, Permissions, Statement
from .scope import Scope
from .settings import CapabilitySettings

# AWS: IAM user guide, "IAM ARNs"; AWS's own policies have the account `aws`.
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+")


@dataclass(frozen=True, kw_only=True)
class RoleSettings(CapabilitySettings):
    """The arguments that both roles share."""

    permissions_boundary: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class Location:
    """Where the stack is: partition (`aws`), account number and region."""

    partition: str
    account: str
    region: str


@dataclass(frozen=True)
class Roles:
    """The two roles of the task, and the policies that must be in place while it runs."""

    execution_role: aws.iam.Role
    task_role: aws.iam.Role
    policies: tuple[pulumi.Resource, ...]


def find_location(lookup: pulumi.InvokeOutputOptions) -> pulumi.Output[Location]:
    """Ask AWS where the resources will be."""
    return pulumi.Output.all(
        partition=aws.get_partition_output(opts=lookup).partition,
        account=aws.get_caller_identity_output(opts=lookup).account_id,
        region=aws.get_region_output(opts=lookup).region,
    ).apply(lambda known: Location(**known))


def refuse_roles(settings: RoleSettings) -> Iterator[Refusal]:
    """Refuse what is no policy."""
    arn = settings.permissions_boundary
    if isinstance(arn, str) and not _POLICY_ARN.fullmatch(arn):
        yield Refusal(
            "permissions_boundary",
            f"is {arn!r}; give the ARN of a policy, such as arn:aws:iam::123456789012:policy/boundary",
        )


def create_roles(scope: Scope, settings: RoleSettings, location: pulumi.Output[Location], part: Part) -> Roles:
    """Create both roles, each with a policy of what `part` asks for; one that nothing is asked of has no policy."""
    trust = location.apply(lambda known: json.dumps(trust_policy(known)))
    execution_role = aws.iam.Role(
        f"{scope.name}-execution-role",
        description="Airflow: what ECS may do to start the container",
        assume_role_policy=trust,
        permissions_boundary=settings.permissions_boundary,
        tags=scope.tags,
        opts=scope.opts,
    )
    task_role = aws.iam.Role(
        f"{scope.name}-task-role",
        description="Airflow: what Airflow and its tasks may do",
        assume_role_policy=trust,
        permissions_boundary=settings.permissions_boundary,
        tags=scope.tags,
        opts=scope.opts,
    )
    policies = [
        aws.iam.RolePolicy(f"{scope.name}-{suffix}", role=role.id, policy=_policy_of(permissions), opts=scope.opts)
        for suffix, role, permissions in (
            ("execution-policy", execution_role, part.execution_permissions),
            ("task-policy", task_role, part.task_permissions),
        )
        if permissions
    ]
    return Roles(execution_role=execution_role, task_role=task_role, policies=tuple(policies))


def trust_policy(location: Location) -> dict[str, Any]:
    """Let ECS tasks of this account and region, and no others, act as the role (AWS: "confused deputy")."""
    return policy(
        [
            {
                "Sid": "EcsTasksOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": location.account},
                    "ArnLike": {
                        "aws:SourceArn": f"arn:{location.partition}:ecs:{location.region}:{location.account}:*"
                    },
                },
            }
        ]
    )


def policy(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _policy_of(permissions: Permissions) -> pulumi.Output[str]:
    def document(groups: Sequence[Sequence[Statement]]) -> str:
        return json.dumps(policy([statement for group in groups for statement in group]))

    return pulumi.Output.all(*permissions).apply(document)
