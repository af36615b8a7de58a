"""CeleryExecutor, the celery provider's, where the number of workers follows that of the tasks."""

from __future__ import annotations

import functools
import importlib
import os
import time
from collections.abc import Callable
from typing import Any

from . import CLUSTER_VARIABLE, DIMENSION, METRIC, NAMESPACE, SECONDS_BETWEEN

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_executor: Any = importlib.import_module("airflow.providers.celery.executors.celery_executor")

NO_WORKER = 200
"""What the metric says of tasks that no worker is there for: more than any target."""

_CALL_SECONDS = 5


class CeleryExecutor(_executor.CeleryExecutor):
    """Tells how busy the workers are, for what starts and stops them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load: Load | None = None

    def sync(self) -> None:
        """Take notice of what has ended; Airflow calls it about once a second."""
        super().sync()
        if self._load is None:
            # Not in every process that has an executor, to read logs.
            concurrency: int = self.conf.getint("celery", "WORKER_CONCURRENCY")
            self._load = Load(os.environ[CLUSTER_VARIABLE], concurrency)
        try:
            self._load.tell(len(self.queued_tasks) + len(self.running))
        except Exception as error:  # noqa: BLE001 - the scheduler goes on, whatever AWS says
            self.log.warning("How busy the workers are could not be told: %s", error)


class Load:
    """Report the load of a cluster's workers once a minute; nothing while there is neither a worker nor a task."""

    def __init__(
        self,
        cluster_arn: str,
        concurrency: int,
        client: Callable[[str, str], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is told yet.

        :param client: Makes boto3's client of a service in a region.
        """
        self._cluster = cluster_arn
        self._concurrency = concurrency
        self._client = client or _client
        self._clock = clock
        self._next = clock()
        self._at_rest = False

    def tell(self, tasks: int) -> None:
        """Tell it of so many tasks if it is time, or if they are the first after a rest."""
        if self._clock() < self._next and not (tasks and self._at_rest):
            return
        self._next = self._clock() + SECONDS_BETWEEN
        region = self._cluster.split(":")[3]
        [cluster] = self._client("ecs", region).describe_clusters(clusters=[self._cluster])["clusters"]
        workers: int = cluster["runningTasksCount"] + cluster["pendingTasksCount"]
        self._at_rest = not tasks and not workers
        if self._at_rest:
            return
        value = 100 * tasks / (workers * self._concurrency) if workers else NO_WORKER
        dimensions = [{"Name": DIMENSION, "Value": self._cluster.rpartition("/")[2]}]
        datum = {"MetricName": METRIC, "Dimensions": dimensions, "Unit": "Percent", "Value": value}
        self._client("cloudwatch", region).put_metric_data(Namespace=NAMESPACE, MetricData=[datum])


@functools.cache
def _client(service: str, region: str) -> Any:
    boto3: Any = importlib.import_module("boto3")
    config: Any = importlib.import_module("botocore.config")
    # The scheduler waits for the answer.
    patience = {"connect_timeout": _CALL_SECONDS, "read_timeout": _CALL_SECONDS, "retries": {"total_max_attempts": 1}}
    return boto3.client(service, region_name=region, config=config.Config(**patience))
