"""LocalExecutor, which knows what it runs."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Sequence
from typing import Any, cast

from . import LOCAL_PARALLELISM_VARIABLE

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_local: Any = importlib.import_module("airflow.executors.local_executor")

_LONGEST_WAIT_SECONDS = 24 * 60 * 60


class LocalExecutor(_local.LocalExecutor):
    """Takes no more tasks from the scheduler than it can run soon: one for each slot, and one that waits for it.

    Airflow's own forgets a task when it hands it to its processes, so that all slots look free and whatever is ready
    waits there: some of it until its token is over, which fails it before it has run, and some until the scheduler is
    told to stop, which starts it then. With none that waits, a slot would have to wait for the scheduler's next look,
    a second later, and short tasks take twice as long.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Airflow has one number for all executors together, `core.parallelism`, and each of them alone may reach it.
        if bound := os.environ.get(LOCAL_PARALLELISM_VARIABLE):
            self.parallelism: int = min(self.parallelism, int(bound))

    @functools.cached_property
    def jwt_generator(self) -> Any:
        """Make tokens with which a task may wait for a long one to end; Airflow's are good for ten minutes."""
        return LastingTokens(super().jwt_generator)

    @property
    def slots_available(self) -> int:
        """Return how many tasks the scheduler may hand over."""
        return cast(Any, super().slots_available) + self.parallelism

    @property
    def slots_occupied(self) -> int:
        """Return how many of them count for `core.parallelism`: those that run."""
        return max(0, cast(Any, super().slots_occupied) - self.parallelism)

    def trigger_tasks(self, open_slots: int) -> None:
        """Hand over as many tasks as slots are open, and as many again."""
        super().trigger_tasks(max(0, open_slots + self.parallelism))

    def _process_workloads(self, workload_list: Sequence[Any]) -> None:
        """Remember tasks until Airflow hears that they have ended, or hears nothing more of them.

        Not what is no task, such as a callback: Airflow takes the beginning of that for its end.
        """
        super()._process_workloads(workload_list)
        self.running.update(each.ti.key for each in workload_list if hasattr(each, "ti"))

    def end(self) -> None:
        """Let what runs end, and leave what waits to the next scheduler."""
        queue = self.activity_queue
        # Whoever waits for work has the lock: then there is none.
        if queue._rlock.acquire(block=False):  # pyright: ignore[reportPrivateUsage] - nothing public empties it
            try:
                while not queue.empty():
                    queue._reader.recv_bytes()  # pyright: ignore[reportPrivateUsage] - nothing public empties it
            finally:
                queue._rlock.release()  # pyright: ignore[reportPrivateUsage] - nothing public empties it
        super().end()


class LastingTokens:
    """Makes the tokens that another generator would, good for a day."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator
        generator.valid_for = max(generator.valid_for, _LONGEST_WAIT_SECONDS)

    def generate(self, *args: Any, **kwargs: Any) -> str:
        """Return a token, however long it should be good for."""
        kwargs.pop("valid_for", None)
        return self._generator.generate(*args, **kwargs)
