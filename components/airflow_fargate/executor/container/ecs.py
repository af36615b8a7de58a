"""AwsEcsExecutor, the amazon provider's: each task of Airflow is a Fargate task of its own."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, cast

from . import SUPERVISOR_VARIABLE

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_executor: Any = importlib.import_module("airflow.providers.amazon.aws.executors.ecs.ecs_executor")
_utils: Any = importlib.import_module("airflow.providers.amazon.aws.executors.ecs.utils")

START = (
    "python",
    "-c",
    f"import base64,os,zlib;exec(zlib.decompress(base64.b85decode(os.environ.pop('{SUPERVISOR_VARIABLE}'))))",
    "--",
)
"""What a command begins with: the supervisor puts modules, plugins and packages in place, and becomes the command."""


class AwsEcsExecutor(_executor.AwsEcsExecutor):
    """Starts a task once, in a container that is prepared as Airflow's own is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.active_workers: Any = StartedOnce(int(self.max_run_task_attempts))

    def _run_task(self, task_id: Any, cmd: Sequence[str], queue: Any, exec_config: Any) -> Any:
        """Say why a task was not started; the provider says so only when it gives up."""
        try:
            answer = cast(Any, super()._run_task(task_id, cmd, queue, exec_config))
        except Exception as error:
            self.log.warning("RunTask failed for %s: %s", task_id, error)
            raise
        for failure in answer["failures"]:
            self.log.warning("RunTask failed for %s: %s", task_id, failure["reason"])
        return answer

    def _run_task_kwargs(self, task_id: Any, cmd: Sequence[str], queue: Any, exec_config: Any) -> dict[str, Any]:
        arguments = cast(dict[str, Any], super()._run_task_kwargs(task_id, [*START, *cmd], queue, exec_config))
        overrides = arguments["overrides"]
        # RunTask takes them as text alone, and a DAG may have numbers.
        size = {name: str(overrides[name]) for name in ("cpu", "memory") if name in overrides}
        return {**arguments, "overrides": {**overrides, **size}}


class StartedOnce(_utils.EcsTaskCollection):
    """The tasks that run, of which one that has started is not started again.

    The provider would start the same try of a task again that was stopped, or interrupted on Spot, and Airflow refuse
    each copy, since that try has begun. Its retries are Airflow's to give. What has never started, for want of
    capacity or because its image was not to be had, is tried again as the provider does it.
    """

    def __init__(self, attempts: int) -> None:
        super().__init__()
        self._attempts = attempts

    def failure_count_by_key(self, task_key: Any) -> int:
        """Return how often this try has failed to start; all that there are once it has started."""
        if self.task_by_key(task_key).started_at:
            return self._attempts
        return cast(Any, super().failure_count_by_key(task_key))
