"""The two roles of the task, and who may act as them.

The execution role is used by ECS to start the container: pull the image, read the secrets, write the log. The task
role is what Airflow and its tasks act as. Neither has a permission that no part asks for, but what the caller gives
the task role for the DAGs.
"""

import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from .document import IF_MEANT, VERSION, refuse_document
from .engine import answered
from .errors import Refusal, checked_late, refuse_repeated
from .part import Part, Permissions, Statement
from .scope import Scope
from .settings import CapabilitySettings

# AWS: IAM user guide, "IAM ARNs"; AWS's own policies have the account `aws`.
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+")

# AWS: "IAM and AWS STS quotas", managed policies attached to a role, by default and at most. The component has none.
_MANAGED_POLICIES = 10
_MAX_MANAGED_POLICIES = 20

_ADMINISTRATOR = "iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, kw_only=True)
class RoleSettings(CapabilitySettings):
    """What bounds both roles, and what the task role may do besides the component's own needs."""

    permissions_boundary_arn: pulumi.Input[str] | None = None
    task_role_policy_arns: tuple[str, ...] = ()
    task_role_policy: pulumi.Input[str] | None = None
    allow_admin_task_role: bool = False

    @property
    def wanted_quota(self) -> str | None:
        """What the account has to have been granted for so many policies, if anything."""
        number = len(self.task_role_policy_arns)
        if number <= _MANAGED_POLICIES:
            return None
        return (
            f"task_role_policy_arns has {number} policies; IAM attaches {_MANAGED_POLICIES} to a role, and refuses the "
            'others until the account\'s quota "Managed policies per role" is raised (Service Quotas). '
            "Merge some into one of your own, or into task_role_policy."
        )


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
        aws.get_partition_output(opts=lookup).partition,
        aws.get_caller_identity_output(opts=lookup).account_id,
        aws.get_region_output(opts=lookup).region,
    ).apply(
        lambda known: Location(
            partition=answered("aws.get_partition", known[0]),
            account=answered("aws.get_caller_identity", known[1]),
            region=answered("aws.get_region", known[2]),
        )
    )


def refuse_roles(settings: RoleSettings) -> Iterator[Refusal]:
    """Refuse what is no policy, and what lets DAGs do everything unless that is meant."""
    arn = settings.permissions_boundary_arn
    if isinstance(arn, str) and not _POLICY_ARN.fullmatch(arn):
        yield Refusal(
            "permissions_boundary_arn",
            f"is {arn!r}; give the ARN of a policy, such as arn:aws:iam::123456789012:policy/boundary",
        )
    for arn in settings.task_role_policy_arns:
        if not _POLICY_ARN.fullmatch(arn):
            yield Refusal(
                "task_role_policy_arns",
                f"has {arn!r}; give ARNs of policies, such as arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
            )
        elif arn.endswith(_ADMINISTRATOR) and not settings.allow_admin_task_role:
            yield Refusal("task_role_policy_arns", f"has {arn}, with which a DAG may do everything; {IF_MEANT}")
    yield from refuse_repeated("task_role_policy_arns", settings.task_role_policy_arns)
    if (number := len(settings.task_role_policy_arns)) > _MAX_MANAGED_POLICIES:
        yield Refusal(
            "task_role_policy_arns", f"has {number} policies; AWS attaches at most {_MAX_MANAGED_POLICIES} to a role"
        )
    if isinstance(settings.task_role_policy, str):
        yield from refuse_document(settings.task_role_policy, allow_admin=settings.allow_admin_task_role)


def create_roles(scope: Scope, settings: RoleSettings, location: pulumi.Output[Location], part: Part) -> Roles:
    """Create both roles, each with a policy of what `part` asks for; one that nothing is asked of has no policy.

    What the caller gives the task role is apart from it: a change of one leaves the other.
    """
    trust = location.apply(lambda known: json.dumps(trust_policy(known)))
    execution_role = aws.iam.Role(
        f"{scope.name}-execution-role",
        description="Airflow: what ECS may do to start the container",
        assume_role_policy=trust,
        permissions_boundary=settings.permissions_boundary_arn,
        tags=scope.tags,
        opts=scope.opts,
    )
    task_role = aws.iam.Role(
        f"{scope.name}-task-role",
        description="Airflow: what Airflow and its tasks may do",
        assume_role_policy=trust,
        permissions_boundary=settings.permissions_boundary_arn,
        tags=scope.tags,
        opts=scope.opts,
    )
    policies: list[pulumi.Resource] = [
        aws.iam.RolePolicy(f"{scope.name}-{suffix}", role=role.id, policy=_policy_of(permissions), opts=scope.opts)
        for suffix, role, permissions in (
            ("execution-policy", execution_role, part.execution_permissions),
            ("task-policy", task_role, part.task_permissions),
        )
        if permissions
    ]
    if settings.task_role_policy is not None:
        refuse = functools.partial(refuse_document, allow_admin=settings.allow_admin_task_role)
        document = checked_late(scope.name, settings.task_role_policy, refuse)
        policies.append(
            aws.iam.RolePolicy(f"{scope.name}-task-role-policy", role=task_role.id, policy=document, opts=scope.opts)
        )
    policies += [
        aws.iam.RolePolicyAttachment(
            # Not by the place in the list: a policy that has moved up would be attached again, and then detached.
            f"{scope.name}-task-role-policy/{arn.partition('::')[2].replace(':policy', '')}",
            role=task_role.name,
            policy_arn=arn,
            opts=scope.opts,
        )
        for arn in settings.task_role_policy_arns
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
    return {"Version": VERSION, "Statement": list(statements)}


def _policy_of(permissions: Permissions) -> pulumi.Output[str]:
    def document(groups: Sequence[Sequence[Statement]]) -> str:
        return json.dumps(policy([statement for group in groups for statement in group]))

    return pulumi.Output.all(*permissions).apply(document)
