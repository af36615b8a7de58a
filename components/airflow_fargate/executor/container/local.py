"""LocalExecutor, where another executor is beside it."""

from __future__ import annotations

import importlib
import os
from typing import Any

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_local: Any = importlib.import_module("airflow.executors.local_executor")


class LocalExecutor(_local.LocalExecutor):
    """Runs as many tasks at once as the container's memory carries.

    Airflow has one number for all executors together, `core.parallelism`, and each of them alone may reach it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parallelism: int = min(self.parallelism, int(os.environ["AIRFLOW_FARGATE_LOCAL_PARALLELISM"]))
