"""AwsEcsExecutor: a task of Airflow is a Fargate task of its own, started by the scheduler and gone when it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from ..credentials import Parameters
from ..identity import create_roles
from ..packed import packed_program
from ..part import Part, Statement, Variables, merge
from ..scope import Scope
from ..task import supervisor
from ..task.cluster import Cluster
from ..task.lifetime import create_lifetime_group
from ..task.service import create_task_definition
from ..task.workload import MAX_STOP_TIMEOUT, Workload
from .apart import Surroundings
from .choice import PATIENCE, PRELOADED_VARIABLE, size_variables
from .container import SUPERVISOR_VARIABLE
from .local import PARALLELISM_VARIABLE
from .settings import REMOTE_SUFFIX, ExecutorSettings

REMOTE_TASKS = 32
"""How many run at once: Airflow's own default."""

_EXECUTOR = "AIRFLOW__AWS_ECS_EXECUTOR__"


@dataclass(frozen=True)
class RemoteTasks:
    """Tasks of Airflow in containers of their own: who they are, and what starting them adds to Airflow's own task."""

    task_role: aws.iam.Role
    part: Part


def remote_part(*parts: Part) -> Part:
    """Return what a remote task has of `parts`: no secret, and no patience but its own."""
    own = Part(
        environment={SUPERVISOR_VARIABLE: packed_program(supervisor.__file__)[-1]},
    )
    return replace(merge(*parts, PATIENCE, own), secrets={})


def create_remote_tasks(
    scope: Scope,
    settings: ExecutorSettings,
    part: Part,
    surroundings: Surroundings,
    *,
    cluster: Cluster,
    parameters: Parameters,
) -> RemoteTasks:
    """Register the task that each remote one is, and let Airflow start it.

    Its security group and its roles are apart from those of Airflow: the address that people are given is that of the
    one interface with Airflow's group, and whoever starts a task can hand it no role that reads Airflow's secrets.

    :param part: What a remote task has.
    :param parameters: The secrets that the caller names for remote tasks.
    """
    remote = replace(scope, name=f"{scope.name}{REMOTE_SUFFIX}")
    group = surroundings.create_firewall(remote, part, "Airflow: tasks that run elsewhere")
    roles = create_roles(remote, surroundings.role_settings, surroundings.location, part)
    lifetime = create_lifetime_group(remote, surroundings.network, cluster, part, group, roles)
    size = replace(
        surroundings.task,
        cpu=settings.remote_task_cpu,
        memory=settings.remote_task_memory,
        spot=settings.remote_task_spot,
    )
    definition = create_task_definition(
        scope,
        Workload(
            suffix=REMOTE_SUFFIX,
            entrypoint=(),
            command=("airflow", "version"),  # the executor gives another
            size=size,
            health_check=None,
            stop_timeout=MAX_STOP_TIMEOUT,
            port=None,
        ),
        part,
        image=surroundings.image,
        cluster=cluster,
        log=surroundings.log,
        parameters=parameters,
        roles=roles,
    )
    started_with = {
        "capacity_provider_strategy": [{"capacityProvider": size.capacity_provider, "weight": 1}],
        "propagate_tags": "TASK_DEFINITION",
    }
    environment: Variables = {
        f"{_EXECUTOR}ASSIGN_PUBLIC_IP": "True",
        f"{_EXECUTOR}CHECK_HEALTH_ON_STARTUP": "True",
        f"{_EXECUTOR}CLUSTER": cluster.cluster.name,
        # None: boto3 finds the task role by itself.
        f"{_EXECUTOR}CONN_ID": "",
        f"{_EXECUTOR}CONTAINER_NAME": f"airflow{REMOTE_SUFFIX}",
        f"{_EXECUTOR}REGION_NAME": surroundings.log.region,
        f"{_EXECUTOR}RUN_TASK_KWARGS": pulumi.Output.json_dumps(started_with),
        f"{_EXECUTOR}SECURITY_GROUPS": pulumi.Output.concat(group.security_group.id, ",", lifetime.id),
        f"{_EXECUTOR}SUBNETS": surroundings.network.subnet_ids.apply(",".join),
        f"{_EXECUTOR}TASK_DEFINITION": definition.arn,
    }
    starting = Part(
        defaults={
            # How many run beside the scheduler is bound apart from it; with workers, they are counted too.
            **({} if settings.has_workers else {PARALLELISM_VARIABLE: str(REMOTE_TASKS)}),
            f"{_EXECUTOR}MAX_RUN_TASK_ATTEMPTS": "5",
            # A start may have to wait for the image, and Airflow itself for its own restart.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "600",
        },
        environment=environment,
        task_permissions=(
            pulumi.Output.all(cluster.cluster.arn, roles.task_role.arn, roles.execution_role.arn).apply(
                lambda arns: _permissions(*arns)
            ),
        ),
        waits_for=(lifetime,),
        without_price=("the tasks that AwsEcsExecutor starts",),
    )
    return RemoteTasks(roles.task_role, starting)


def reserved_variables(settings: ExecutorSettings) -> Mapping[str, str]:
    """Return the variables that only this module sets, and what the caller does instead."""
    if not settings.has_remote:
        return {}
    own = "it is the stack's own"
    return {
        **{f"{_EXECUTOR}{name}": own for name in ("CLUSTER", "CONTAINER_NAME", "REGION_NAME", "SECURITY_GROUPS")},
        **{f"{_EXECUTOR}{name}": own for name in ("ASSIGN_PUBLIC_IP", "CONN_ID", "SUBNETS", "TASK_DEFINITION")},
        f"{_EXECUTOR}RUN_TASK_KWARGS": "set remote_task_spot, or executor_config in the DAG",
        PRELOADED_VARIABLE: own,
        SUPERVISOR_VARIABLE: own,
        **{name: f"set remote_task_{name.rpartition('_')[2].lower()}" for name in size_variables(settings)},
    }


def _permissions(cluster_arn: str, *role_arns: str) -> list[Statement]:
    """Allow what the executor does: start a revision of this one family in this cluster, and see to what runs there."""
    place, _, cluster_name = cluster_arn.partition(":cluster/")
    return [
        {
            "Sid": "StartRemoteTasks",
            "Effect": "Allow",
            "Action": "ecs:RunTask",
            "Resource": f"{place}:task-definition/{cluster_name}{REMOTE_SUFFIX}:*",
            "Condition": {"ArnEquals": {"ecs:cluster": cluster_arn}},
        },
        {
            "Sid": "FollowRemoteTasks",
            "Effect": "Allow",
            "Action": ["ecs:DescribeTasks", "ecs:StopTask", "ecs:TagResource"],
            "Resource": f"{place}:task/{cluster_name}/*",
        },
        {
            "Sid": "HandOverRemoteRoles",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": list(role_arns),
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
    ]
