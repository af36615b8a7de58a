"""What is refused of a DAG when it is parsed: what RunTask does not take, and a size that Fargate does not have.

Airflow finds this as a policy of a distribution (its documentation: "Cluster Policies"), so that an image may have
an `airflow_local_settings` besides.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

from . import REMOTE_CPU_VARIABLE, REMOTE_MEMORY_VARIABLE
from .sizes import no_such_cpu, no_such_memory

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_policies: Any = importlib.import_module("airflow.policies")
_exceptions: Any = importlib.import_module("airflow.exceptions")

_NAME = "AwsEcsExecutor"

# AWS: Amazon ECS API reference, "RunTask" and "TaskOverride".
RUN_TASK = {
    *("capacityProviderStrategy", "clientToken", "cluster", "count", "enableECSManagedTags", "enableExecuteCommand"),
    *("group", "launchType", "networkConfiguration", "overrides", "placementConstraints", "placementStrategy"),
    *("platformVersion", "propagateTags", "referenceId", "startedBy", "tags", "taskDefinition", "volumeConfigurations"),
}
OVERRIDES = {
    *("containerOverrides", "cpu", "ephemeralStorage", "executionRoleArn", "inferenceAcceleratorOverrides", "memory"),
    "taskRoleArn",
}


@_policies.hookimpl
def task_policy(task: Any) -> None:
    """Refuse `executor_config` with which RunTask would fail, for a task that runs by AwsEcsExecutor."""
    executors = os.environ["AIRFLOW__CORE__EXECUTOR"].split(",")
    executor = task.executor or executors[0].partition(":")[0]
    if executor.rpartition(".")[2] == _NAME and (why := refusal(task.executor_config or {})):
        raise _exceptions.AirflowClusterPolicyViolation(f"executor_config of the task {task.task_id!r}: {why}")


def refusal(executor_config: Mapping[str, Any]) -> str | None:
    """Say what RunTask does not take, or what of a task's size Fargate does not have; None when all is well."""
    for name in ("name", "command"):
        if name in executor_config:
            return f"has {name}, which is the executor's; leave it out"
    overrides: Mapping[str, Any] = executor_config.get("overrides") or {}
    for where, names, known in (("", executor_config, RUN_TASK), ("overrides ", overrides, OVERRIDES)):
        for name in sorted(names.keys() - known):
            return (
                f"{where}has {name}, which RunTask does not take; sizes belong in overrides, and what is a container's "
                "own in their containerOverrides"
            )
    given = {"cpu": os.environ[REMOTE_CPU_VARIABLE], "memory": os.environ[REMOTE_MEMORY_VARIABLE]}
    cpu, memory = (_number({**given, **overrides}[name]) for name in given)
    if why := no_such_cpu(cpu):
        return f"cpu {why}"
    if why := no_such_memory(cpu, memory):
        return f"memory {why}" if "memory" in overrides else f"memory, which overrides do not have, {why}"
    return None


def _number(value: object) -> int | str:
    text = str(value)
    return int(text) if text.isdecimal() else text
