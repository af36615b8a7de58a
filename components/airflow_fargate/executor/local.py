"""LocalExecutor: tasks run beside the scheduler, in the same container."""

from collections.abc import Mapping

import pulumi

from ..endpoint.endpoint import Endpoint
from ..part import Part

EXECUTOR_VARIABLES: Mapping[str, str] = {
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "it follows port and AIRFLOW__API__BASE_URL",
    "AIRFLOW__WORKERS__EXECUTION_API_SERVER_URL": "it follows port and AIRFLOW__API__BASE_URL",
    "AIRFLOW__CORE__EXECUTOR": "everything runs in one container, by LocalExecutor",
}
"""The variables that only this module sets, and what the caller does instead."""


def local_executor_part(endpoint: Endpoint, memory: int) -> Part:
    """Run as many tasks at once as so much memory, in MiB, carries.

    They ask the API server of their own container, whatever its address is for people. After a restart in place the
    scheduler takes up the tasks of the one before when it looks for orphans, which Airflow does every five minutes;
    and the server's first answers can be slow on a small CPU, where Airflow gives up after five tries.
    """
    api = pulumi.Output.format("http://localhost:{0}{1}/execution/", endpoint.port, endpoint.path)
    return Part(
        defaults={
            "AIRFLOW__CORE__PARALLELISM": str(max(2, min(32, memory // 512))),
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "10",
        },
        environment={
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": api,
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        },
    )
