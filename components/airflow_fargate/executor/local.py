"""LocalExecutor: tasks run beside the scheduler, in the same container."""

from ..part import Part
from .container import LOCAL_PARALLELISM_VARIABLE
from .settings import ExecutorSettings

PARALLELISM_VARIABLE = "AIRFLOW__CORE__PARALLELISM"

FREED_SLOTS = {"AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2"}
"""A task that has ended may have its slot until the next heartbeat is due, 5 s by Airflow's default; and one that is
deferred fails if its trigger fires before (apache/airflow#71580)."""

OVERLAP = {"AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "60"}
"""After how many silent seconds a scheduler is dead, and its tasks are started again: one that is told to stop says
nothing more while it lets its tasks end, for 40 s at most, and the next one is there already."""


def local_executor_part(settings: ExecutorSettings, memory: int, *, tasks_may_overlap: bool = False) -> Part:
    """Run as many tasks at once as so much memory, in MiB, carries.

    :param tasks_may_overlap: Whether another scheduler may be there while this one stops.
    """
    if not settings.has_local:
        return Part()
    tasks = str(local_tasks(memory))
    return Part(
        defaults={
            # Where more run elsewhere, Airflow has one number for all.
            LOCAL_PARALLELISM_VARIABLE if settings.is_apart else PARALLELISM_VARIABLE: tasks,
            **FREED_SLOTS,
            **(OVERLAP if tasks_may_overlap else {}),
        }
    )


def local_tasks(memory: int) -> int:
    """Return how many tasks at once so much memory, in MiB, carries."""
    return max(2, min(32, memory // 512))
