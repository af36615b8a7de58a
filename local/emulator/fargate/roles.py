"""What a role allows: its own policies and those that are attached to it, within its boundary."""

from collections.abc import Iterator, Mapping

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Policy, iam_backends
from moto.iam.models import Role as IAMRole
from moto.utilities.utils import get_partition

from local.emulator.fargate.policies import allows, trusts

_ECS_TASKS = "ecs-tasks.amazonaws.com"


class Role:
    """A role that ECS, or a task, acts as; `session` is the name that it does so under."""

    def __init__(self, account_id: str, region: str, arn: str | None, session: str) -> None:
        self.arn = arn
        self._account_id = account_id
        self._session = session
        self._partition = get_partition(region)
        self._backend: IAMBackend = iam_backends[account_id][self._partition]
        try:
            self._role: IAMRole | None = self._backend.get_role_by_arn(arn) if arn else None
        except NotFoundException:
            self._role = None

    def is_assumable(self, task_arn: str) -> bool:
        """Whether the trust policy lets ECS assume the role for a task."""
        if self._role is None:
            return False
        document: str = self._role.assume_role_policy_document
        # What ECS names as the source is known but for its end, where a policy that expects something certain "is not
        # currently supported" (ECS developer guide, "Task IAM role").
        cluster_arn = task_arn.replace(":task/", ":cluster/").rpartition("/")[0]
        return all(
            trusts(
                document,
                _ECS_TASKS,
                "sts:AssumeRole",
                {"aws:SourceAccount": self._account_id, "aws:SourceArn": source},
            )
            for source in (task_arn, cluster_arn)
        )

    def allows(self, action: str, resource: str | None, context: Mapping[str, str] | None = None) -> bool:
        """As IAM decides it of the inline and the attached policies, and of the boundary if there is one.

        An unknown `resource` is None; `context` has condition keys of the request.
        """
        if self._role is None:
            return False
        known = {"aws:PrincipalAccount": self._account_id, "aws:PrincipalArn": str(self.arn), **(context or {})}
        boundary = self._role.permissions_boundary_arn
        return allows(self._documents(self._role), action, resource, known) and (
            not boundary or allows(self._boundary(boundary), action, resource, known)
        )

    def denial(self, action: str, resource: str | None) -> str:
        """AWS's words for an action that `allows` denies."""
        role = self._role.name if self._role else "none"
        user = f"arn:{self._partition}:sts::{self._account_id}:assumed-role/{role}/{self._session}"
        return (
            f"User: {user} is not authorized to perform: {action} on resource: {resource or '*'} "
            f"because no identity-based policy allows the {action} action"
        )

    def _documents(self, role: IAMRole) -> Iterator[str]:
        yield from role.policies.values()
        for policy in role.managed_policies.values():
            yield from _document(policy)

    def _boundary(self, arn: str) -> Iterator[str]:
        policy: Policy | None = self._backend.managed_policies.get(arn)
        if policy is not None:
            yield from _document(policy)


def _document(policy: Policy) -> Iterator[str]:
    yield from (version.document for version in policy.versions if version.is_default)
