"""The credentials of a task's role, as ECS hands them to its container: at a path that only the task knows."""

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.sts.models import AssumedRole, STSBackend, sts_backends
from moto.utilities.utils import get_partition

from local.emulator.fargate.init import CREDENTIALS_ADDRESS
from local.emulator.fargate.task import Task

ADDRESS = (CREDENTIALS_ADDRESS, 80)
"""Where a container asks (ECS developer guide, "Task IAM role")."""

PATH = "/v2/credentials/"

_VALID = timedelta(hours=6)
_RENEWED_BEFORE = timedelta(hours=1)


@dataclass
class _Entry:
    task: Task
    role_arn: str
    session: AssumedRole | None = None


@dataclass
class TaskCredentials:
    """The paths of all tasks, and the credentials behind them; new ones in time before those end."""

    _entries: dict[str, _Entry] = field(default_factory=dict[str, _Entry])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, task: Task, role_arn: str) -> str:
        """Return the path at which a task finds the credentials of its role."""
        path = f"{PATH}{uuid.uuid4()}"
        self._entries[path] = _Entry(task, role_arn)
        return path

    def close(self, task: Task) -> None:
        for path in [path for path, entry in self._entries.items() if entry.task is task]:
            del self._entries[path]

    def get(self, path: str) -> dict[str, Any] | None:
        """Return what is to be read there, if anything is."""
        entry = self._entries.get(path)
        if entry is None:
            return None
        with self._lock:
            session = entry.session
            if session is None or _expiration(session) < datetime.now(UTC) + _RENEWED_BEFORE:
                entry.session = session = _assume(entry.task, entry.role_arn)
        return {
            "RoleArn": entry.role_arn,
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.session_token,
            "Expiration": f"{_expiration(session):%Y-%m-%dT%H:%M:%SZ}",
        }


def session_of(access_key_id: str) -> AssumedRole | None:
    """Return the session of a role that these credentials belong to."""
    for by_partition in sts_backends.values():
        for backend in by_partition.values():
            if session := backend.get_assumed_role_from_access_key(access_key_id):
                return session
    return None


def has_expired(session: AssumedRole) -> bool:
    return _expiration(session) < datetime.now(UTC)


def _expiration(session: AssumedRole) -> datetime:
    return session.expiration.replace(tzinfo=UTC)


def _assume(task: Task, role_arn: str) -> AssumedRole:
    backend: STSBackend = sts_backends[task.account_id][get_partition(task.region)]
    return backend.assume_role(task.region, task.id, role_arn, "", int(_VALID.total_seconds()), "")
