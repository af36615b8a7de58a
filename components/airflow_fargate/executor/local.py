"""LocalExecutor: tasks run beside the scheduler, in the same container."""

from ..part import Part
from .settings import ExecutorSettings

PARALLELISM = "AIRFLOW__CORE__PARALLELISM"

LOCAL_PARALLELISM = "AIRFLOW_FARGATE_LOCAL_PARALLELISM"
"""How many tasks run in the container where more run elsewhere; Airflow has one number for all."""

FREED_SLOTS = {"AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2"}
"""A task that has ended may have its slot until the next heartbeat is due, 5 s by Airflow's default; and one that is
deferred fails if its trigger fires before (apache/airflow#71580)."""


def local_executor_part(settings: ExecutorSettings, memory: int) -> Part:
    """Run as many tasks at once as so much memory, in MiB, carries."""
    if not settings.has_local:
        return Part()
    tasks = str(local_tasks(memory))
    return Part(defaults={LOCAL_PARALLELISM if settings.is_apart else PARALLELISM: tasks, **FREED_SLOTS})


def local_tasks(memory: int) -> int:
    """Return how many tasks at once so much memory, in MiB, carries."""
    return max(2, min(32, memory // 512))
