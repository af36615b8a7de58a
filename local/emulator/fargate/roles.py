"""Whether a role's policies allow what ECS does in its name: actions and resources with wildcards, no conditions."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, cast

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role, iam_backends
from moto.utilities.utils import get_partition

_ECS_TASKS = "ecs-tasks.amazonaws.com"


class ExecutionRole:
    """A task definition's `executionRoleArn`, as ECS uses it to fetch secrets and to write logs."""

    def __init__(self, account_id: str, region: str, arn: str | None) -> None:
        self.arn = arn
        self._account_id = account_id
        self._partition = get_partition(region)
        backend: IAMBackend = iam_backends[account_id][self._partition]
        try:
            self._role: Role | None = backend.get_role_by_arn(arn) if arn else None
        except NotFoundException:
            self._role = None

    def is_assumable(self) -> bool:
        """Whether the trust policy lets ECS tasks assume the role."""
        if self._role is None:
            return False
        return any(
            statement["Effect"] == "Allow" and _ECS_TASKS in _list((statement.get("Principal") or {}).get("Service"))
            for statement in _statements(self._role.assume_role_policy_document)
        )

    def allows(self, action: str, resource: str) -> bool:
        """As IAM decides it: one matching Allow, and no matching Deny, in any inline or attached policy."""
        effects = {
            statement["Effect"]
            for document in self._documents()
            for statement in _statements(document)
            if _matches(statement.get("Action"), action.lower(), lower=True)
            and _matches(statement.get("Resource"), resource, lower=False)
        }
        return effects == {"Allow"}

    def denial(self, action: str, resource: str, task_id: str) -> str:
        """AWS's words for an action that `allows` denies."""
        role = self._role.name if self._role else "none"
        user = f"arn:{self._partition}:sts::{self._account_id}:assumed-role/{role}/{task_id}"
        return (
            f"AccessDeniedException: User: {user} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action"
        )

    def _documents(self) -> Iterator[str]:
        if self._role is not None:
            yield from self._role.policies.values()
            for policy in self._role.managed_policies.values():
                yield from (version.document for version in policy.versions if version.is_default)


def _statements(document: str) -> list[dict[str, Any]]:
    return _list(json.loads(document)["Statement"])


def _matches(patterns: Any, value: str, *, lower: bool) -> bool:
    # fnmatch reads [x] as a set of characters, IAM reads it as itself.
    texts = [str(pattern).replace("[", "[[]") for pattern in _list(patterns)]
    return any(fnmatchcase(value, text.lower() if lower else text) for text in texts)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return cast("list[Any]", value) if isinstance(value, list) else [value]
