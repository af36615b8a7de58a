"""CeleryExecutor: tasks run on workers, of which each is a Fargate task that takes tasks as long as it lives."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi_aws as aws

from ..cost import a_month_of
from ..credentials import Parameters
from ..data.part import LOG_FOLDER_VARIABLE
from ..database.container import RESULT_BACKEND_VARIABLE
from ..identity import create_roles
from ..part import Part, merge
from ..scope import Scope
from ..task.cluster import create_cluster
from ..task.container import supervisor_command
from ..task.health import worker_health_check
from ..task.service import create_service, create_task_definition
from ..task.supervisor import WORKER
from ..task.workload import MAX_STOP_TIMEOUT, Workload, compute_part
from .apart import Surroundings
from .broker import BROKER_VARIABLE
from .choice import PATIENCE, PRELOADED_VARIABLE
from .container import CLUSTER_VARIABLE
from .ecs import REMOTE_TASKS
from .local import FREED_SLOTS, PARALLELISM_VARIABLE, local_tasks
from .scaling import PROTECTION_VARIABLE, scale_workers, scaling_parts
from .settings import ExecutorSettings

_SUFFIX = "-worker"
_CONCURRENCY_VARIABLE = "AIRFLOW__CELERY__WORKER_CONCURRENCY"
_SCHEDULER = "AIRFLOW__SCHEDULER__"
_QUEUED_VARIABLE = f"{_SCHEDULER}TASK_QUEUED_TIMEOUT"
_VISIBILITY_VARIABLE = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"

# A message that is not acknowledged in this time is delivered again. None takes as long: a worker acknowledges each
# when it begins with the task.
_LONGEST_TASK_SECONDS = 24 * 60 * 60

_TAKEN_ONCE = {
    "AIRFLOW__CELERY__TASK_ACKS_LATE": "False",
    "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": '{"worker_disable_prefetch": true}',
}
"""What has a worker take a message when it has a slot for the task, and acknowledge it then.

When a worker loses its connection to the broker, Celery delivers again what that has not acknowledged: a task that runs
would be started another time, which Airflow refuses, and takes for the end of the first. Airflow itself notices when a
worker and its tasks have ended.
"""

_SILENT_SECONDS = 45
"""How long a task sends no heartbeat, of which it sends one every two seconds, before it has failed."""

_QUEUED_SECONDS = 5 * 60
"""How long a task is with the broker before it is queued again: the broker may have lost it, and its token is over by
then. A worker that has to be started first takes less, as a rule."""

_LONGEST_WAIT_SECONDS = 24 * 60 * 60
"""How long a task may wait for a worker before it fails. Airflow's default, half an hour, treats a long queue as an
error."""


@dataclass(frozen=True)
class Workers:
    """The workers of Celery: where they are, what keeps them there, who they are, and what Airflow has of them."""

    cluster: aws.ecs.Cluster
    service: aws.ecs.Service
    task_role: aws.iam.Role
    part: Part


def celery_part(settings: ExecutorSettings, memory: int, results: Part) -> Part:
    """Return what the scheduler has for its workers: twice as many tasks as there are slots, and little patience.

    Half of the tasks wait with the broker, where a slot that gets free finds the next one at once: the scheduler would
    need seconds to hand it over. A worker that is gone says nothing; its tasks are those that no heartbeat comes from.

    :param memory: That of the scheduler's own container, in MiB, in which tasks may run too.
    :param results: Where Celery keeps the results of tasks, which is reached as the database.
    """
    slots = settings.most_workers * settings.worker_concurrency
    elsewhere = REMOTE_TASKS if settings.has_remote else 0
    beside = local_tasks(memory) if settings.has_local else 0
    # What is started in a container of its own may take longer, and has the same settings.
    patience = {
        f"{_SCHEDULER}TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(_SILENT_SECONDS),
        f"{_SCHEDULER}TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        _QUEUED_VARIABLE: str(_QUEUED_SECONDS),
    }
    return Part(
        defaults={
            PARALLELISM_VARIABLE: str(2 * slots + elsewhere + beside),
            _VISIBILITY_VARIABLE: str(_LONGEST_TASK_SECONDS),
            f"{_SCHEDULER}TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
            f"{_SCHEDULER}NUM_STUCK_IN_QUEUED_RETRIES": str(_LONGEST_WAIT_SECONDS // _QUEUED_SECONDS),
            **({} if settings.has_remote else patience),
        },
        environment={
            **results.environment,
            **({_CONCURRENCY_VARIABLE: str(settings.worker_concurrency)} if settings.scales_workers else {}),
        },
        secrets=results.secrets,
    )


def worker_part(settings: ExecutorSettings, *parts: Part) -> Part:
    """Return what a worker has of `parts`: no secret, and what it needs to be one.

    What keeps the logs of tasks is imported once, not by each of them.
    """
    in_s3 = any(LOG_FOLDER_VARIABLE in part.defaults for part in parts)
    own = Part(
        defaults={_VISIBILITY_VARIABLE: str(_LONGEST_TASK_SECONDS), **_TAKEN_ONCE, **FREED_SLOTS},
        environment={
            _CONCURRENCY_VARIABLE: str(settings.worker_concurrency),
            **({PRELOADED_VARIABLE: "airflow.providers.amazon.aws.log.s3_task_handler"} if in_s3 else {}),
        },
    )
    return replace(merge(*parts, PATIENCE, own), secrets={})


def create_workers(
    scope: Scope,
    settings: ExecutorSettings,
    part: Part,
    surroundings: Surroundings,
    *,
    parameters: Parameters,
) -> Workers:
    """Keep so many workers running, or as many as there are tasks for.

    They are apart from Airflow as remote tasks are: in a security group without a way in, with roles that read none of
    Airflow's secrets but those of the broker and the database. Their cluster is their own: what tells the state of a
    deployment asks for the one service of a cluster. An update starts the next workers before it stops the others,
    which take no more tasks, and end with the last one that they have; after two minutes Fargate ends them.

    :param part: What a worker has.
    :param parameters: The secrets of a worker.
    """
    worker = replace(scope, name=f"{scope.name}{_SUFFIX}")
    cluster = create_cluster(worker)
    group = surroundings.create_firewall(worker, part, "Airflow: workers")
    scaling = scaling_parts(settings, cluster)
    part = merge(part, scaling.worker)
    roles = create_roles(worker, surroundings.role_settings, surroundings.location, part)
    size = replace(surroundings.task, cpu=settings.worker_cpu, memory=settings.worker_memory, spot=settings.worker_spot)
    workload = Workload(
        suffix=_SUFFIX,
        entrypoint=(),
        command=supervisor_command(WORKER),
        size=size,
        health_check=worker_health_check(size.cpu, part.start_period_seconds),
        stop_timeout=MAX_STOP_TIMEOUT,
        port=None,
        count=settings.worker_count_min,
        is_scaled=settings.scales_workers,
        tasks_may_overlap=True,
    )
    definition = create_task_definition(
        scope,
        workload,
        part,
        image=surroundings.image,
        cluster=cluster,
        log=surroundings.log,
        parameters=parameters,
        roles=roles,
    )
    service = create_service(
        scope,
        workload,
        part,
        cluster=cluster,
        task_definition=definition,
        network=surroundings.network,
        firewall=group,
        roles=roles,
    )
    if settings.scales_workers:
        scale_workers(worker, settings, cluster, service)
    each = compute_part(size).monthly_cost + a_month_of("public-ipv4")
    rest = Part(monthly_cost=settings.worker_count_min * each)
    return Workers(cluster.cluster, service, roles.task_role, merge(scaling.scheduler, rest))


def reserved_variables(settings: ExecutorSettings) -> Mapping[str, str]:
    """Return the variables that only this module sets, and what the caller does instead."""
    if not settings.has_workers:
        return {}
    own = "it is the stack's own"
    return {
        **dict.fromkeys((BROKER_VARIABLE, PRELOADED_VARIABLE, RESULT_BACKEND_VARIABLE), own),
        **dict.fromkeys((CLUSTER_VARIABLE, PROTECTION_VARIABLE), own),
        _CONCURRENCY_VARIABLE: "set worker_concurrency",
    }
