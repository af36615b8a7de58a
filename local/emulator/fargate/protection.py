"""The protection of a task from its service, as its container asks for it: at a path that only the task knows."""

import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from local.emulator.fargate.roles import Role
from local.emulator.fargate.task import Task

PATH = "/api/"
"""What follows the address of the ECS agent, where a container finds it."""

_ENDPOINT = "/task-protection/v1/state"
_ACTIONS = {"GET": "ecs:GetTaskProtection", "PUT": "ecs:UpdateTaskProtection"}

# ECS API reference, UpdateTaskProtection.
_MINUTES = 2 * 60
_MOST_MINUTES = 48 * 60

_FIELDS = {"ProtectionEnabled", "ExpiresInMinutes"}


@dataclass
class TaskProtections:
    """The paths of all tasks, and what may be asked for there."""

    _tasks: dict[str, Task] = field(default_factory=dict[str, Task])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, task: Task) -> str:
        """Return the path at which a task finds the agent."""
        path = f"{PATH}{uuid.uuid4()}"
        with self._lock:
            self._tasks[path] = task
        return path

    def close(self, task: Task) -> None:
        with self._lock:
            self._tasks = {path: each for path, each in self._tasks.items() if each is not task}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """Return the status and the answer of the agent, if one is asked there."""
        task = self._tasks.get(path.removesuffix(_ENDPOINT))
        if task is None or not path.endswith(_ENDPOINT) or method not in _ACTIONS:
            return None
        if method == "PUT" and (set(body) - _FIELDS or not isinstance(body.get("ProtectionEnabled"), bool)):
            return _error(task, "InvalidParameterException", "UpdateTaskProtection: failed to decode request")
        role = Role(task.account_id, task.region, task.task_role_arn, task.id)
        if not role.allows(_ACTIONS[method], task.task_arn, {"ecs:cluster": task.cluster_arn}):
            return _error(task, "AccessDeniedException", role.denial(_ACTIONS[method], task.task_arn))
        if method == "PUT":
            try:
                reason = protect(task, enabled=body["ProtectionEnabled"], minutes=body.get("ExpiresInMinutes"))
            except ValueError as error:
                return _error(task, "InvalidParameterException", str(error))
            if reason:
                # The agent has asked ECS, and ECS has answered: for both of them that is no error.
                return 200, {"failure": {"Arn": task.task_arn, "Detail": None, "Reason": reason}}
        return 200, {"protection": {"ProtectionEnabled": task.is_protected, "TaskArn": task.task_arn}}


def _error(task: Task, code: str, message: str) -> tuple[int, dict[str, Any]]:
    return 400, {"error": {"Arn": task.task_arn, "Code": code, "Message": message}}


def protect(task: Task, *, enabled: bool, minutes: int | None) -> str | None:
    """Protect a task for so many minutes of the emulator's clock, or not any more; return ECS's reason not to."""
    if minutes is not None and not 1 <= minutes <= _MOST_MINUTES:
        raise ValueError(f"Expiration must be between 1 minute and {_MOST_MINUTES} minutes")
    if not task.group.startswith("service:"):
        return "TASK_NOT_VALID"
    task.protect((minutes or _MINUTES) * 60 if enabled else 0)
    return None
