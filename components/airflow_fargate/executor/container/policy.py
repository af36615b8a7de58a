"""What is refused of a DAG when it is parsed: a task of a size that Fargate does not have.

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


@_policies.hookimpl
def task_policy(task: Any) -> None:
    """Refuse `executor_config` with which RunTask would fail, for a task that runs by AwsEcsExecutor."""
    executors = os.environ["AIRFLOW__CORE__EXECUTOR"].split(",")
    executor = task.executor or executors[0].partition(":")[0]
    if executor.rpartition(".")[2] == _NAME and (why := refusal(task.executor_config or {})):
        raise _exceptions.AirflowClusterPolicyViolation(f"executor_config of the task {task.task_id!r}: {why}")


def refusal(executor_config: Mapping[str, Any]) -> str | None:
    """Say what of a task's size Fargate does not have; None when it has it."""
    for name in ("name", "command"):
        if name in executor_config:
            return f"has {name}, which is the executor's; leave it out"
    overrides: Mapping[str, Any] = executor_config.get("overrides") or {}
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
