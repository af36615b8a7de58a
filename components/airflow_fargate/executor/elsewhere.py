"""Everything that runs tasks of Airflow in other containers than its own: remote tasks, workers, both or none."""

from dataclasses import dataclass

import pulumi

from ..credentials import Parameters, only
from ..part import Part, merge
from ..scope import Scope
from ..task.cluster import Cluster
from .apart import Surroundings
from .celery import create_workers, worker_part
from .ecs import create_remote_tasks, remote_part
from .settings import ExecutorSettings


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What the stack's outputs say of it, each empty where there is none, and what Airflow's own task has for it."""

    remote_task_role_arn: pulumi.Output[str]
    remote_task_role_name: pulumi.Output[str]
    worker_cluster_arn: pulumi.Output[str]
    worker_service_arn: pulumi.Output[str]
    worker_task_role_arn: pulumi.Output[str]
    worker_task_role_name: pulumi.Output[str]
    part: Part


def create_elsewhere(
    scope: Scope,
    settings: ExecutorSettings,
    surroundings: Surroundings,
    *,
    cluster: Cluster,
    parameters: Parameters,
    shared: Part,
    pull: Part,
    broker: Part,
    results: Part,
) -> Elsewhere:
    """Create what the executors need, with the secrets that are for it and no others.

    :param cluster: Airflow's own, in which remote tasks run too.
    :param parameters: Those of all secrets of the stack.
    :param shared: What each task has, wherever it runs.
    :param pull: What pulling the image takes.
    :param broker: What workers and the scheduler have of the broker.
    :param results: What they have to keep the results of tasks.
    """
    role_arn = role_name = pulumi.Output.from_input("")
    cluster_arn = service_arn = worker_role_arn = worker_role_name = pulumi.Output.from_input("")
    parts: list[Part] = []
    if settings.has_remote:
        secrets = only(parameters, settings.remote_task_secrets)
        part = remote_part(shared, secrets.part, pull)
        remote = create_remote_tasks(scope, settings, part, surroundings, cluster=cluster, parameters=secrets)
        parts.append(remote.part)
        role_arn, role_name = remote.task_role.arn, remote.task_role.name
    if settings.has_workers:
        secrets = only(parameters, {*broker.secrets, *results.secrets, *settings.remote_task_secrets})
        part = worker_part(settings, shared, results, broker, secrets.part, pull)
        workers = create_workers(scope, settings, part, surroundings, parameters=secrets)
        parts.append(workers.part)
        cluster_arn, service_arn = workers.cluster.arn, workers.service.arn
        worker_role_arn, worker_role_name = workers.task_role.arn, workers.task_role.name
    return Elsewhere(
        remote_task_role_arn=role_arn,
        remote_task_role_name=role_name,
        worker_cluster_arn=cluster_arn,
        worker_service_arn=service_arn,
        worker_task_role_arn=worker_role_arn,
        worker_task_role_name=worker_role_name,
        part=merge(*parts),
    )
