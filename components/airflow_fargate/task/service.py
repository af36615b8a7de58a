"""The log group, cluster, task definition and service: what runs the container and keeps it running."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from ..credentials import Credentials
from ..dags.bucket import DagBucket
from ..firewall import Firewall
from ..identity import Roles
from ..network import Network
from ..settings import Settings
from .container import container_definition
from .diagnosis import explain_failed_service


@dataclass(frozen=True)
class Cluster:
    """The cluster, and the capacity that must be associated with it while a service runs."""

    cluster: aws.ecs.Cluster
    capacity_providers: aws.ecs.ClusterCapacityProviders


def create_log_group(name: str, settings: Settings, opts: pulumi.ResourceOptions) -> aws.cloudwatch.LogGroup:
    """Create the group that the container's log goes to; it goes with the stack."""
    return aws.cloudwatch.LogGroup(
        f"{name}-logs", retention_in_days=settings.log_retention_days, tags=settings.tags, opts=opts
    )


def create_cluster(name: str, settings: Settings, opts: pulumi.ResourceOptions) -> Cluster:
    """Create a cluster of its own for the one service, with both kinds of capacity that Fargate has.

    The service names one of them in place of a launch type, since ECS turns a service from the one to the other, but
    not from a launch type to Spot.
    """
    cluster = aws.ecs.Cluster(f"{name}-cluster", tags=settings.tags, opts=opts)
    capacity_providers = aws.ecs.ClusterCapacityProviders(
        f"{name}-capacity-providers",
        cluster_name=cluster.name,
        capacity_providers=["FARGATE", "FARGATE_SPOT"],
        opts=opts,
    )
    return Cluster(cluster=cluster, capacity_providers=capacity_providers)


def create_task_definition(
    name: str,
    settings: Settings,
    *,
    cluster: aws.ecs.Cluster,
    region: pulumi.Input[str],
    log_group: aws.cloudwatch.LogGroup,
    credentials: Credentials,
    roles: Roles,
    dag_bucket: DagBucket | None,
    opts: pulumi.ResourceOptions,
) -> aws.ecs.TaskDefinition:
    """Register the task: one container, as large as the task.

    Its family is the cluster's name: a family has no automatic name, and the cluster's is unique in the account.
    """
    definition = container_definition(
        settings,
        region=region,
        log_group_name=log_group.name,
        parameter_arns={variable: parameter.arn for variable, parameter in credentials.parameters.items()},
        parameter_versions={
            variable: parameter.version.apply(str) for variable, parameter in credentials.parameters.items()
        },
        dag_bucket_name=dag_bucket.bucket.bucket if dag_bucket else None,
    )
    return aws.ecs.TaskDefinition(
        f"{name}-task-definition",
        family=cluster.name,
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(settings.cpu),
        memory=str(settings.memory),
        runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": settings.cpu_architecture},
        # 20 GiB is what a task has without asking, and what ECS does not report back.
        ephemeral_storage={"size_in_gib": settings.ephemeral_storage_gib}
        if settings.ephemeral_storage_gib > 20
        else None,
        execution_role_arn=roles.execution_role.arn,
        task_role_arn=roles.task_role.arn,
        container_definitions=pulumi.Output.json_dumps([definition]),
        tags=settings.tags,
        opts=opts,
    )


def create_service(
    name: str,
    settings: Settings,
    *,
    cluster: Cluster,
    task_definition: aws.ecs.TaskDefinition,
    network: Network,
    firewall: Firewall,
    roles: Roles,
    dag_bucket: DagBucket | None,
    opts: pulumi.ResourceOptions,
) -> aws.ecs.Service:
    """Create the service and wait until its task is healthy.

    The database is in the container, so two of them must never run at once: an update stops the task and then starts
    the next (0 to 100 percent), a replacement of the service deletes it first, and ECS moves no task between zones.
    The service depends on everything that its task needs, so that `pulumi destroy` stops the task, and with it the
    network interface that would hold the security group and the subnets, before anything else.
    """
    return aws.ecs.Service(
        f"{name}-service",
        cluster=cluster.cluster.arn,
        task_definition=task_definition.arn,
        desired_count=1,
        capacity_provider_strategies=[
            {"capacity_provider": "FARGATE_SPOT" if settings.spot else "FARGATE", "weight": 1}
        ],
        # The provider asks for it when the capacity changes; every other update starts a new task anyway.
        force_new_deployment=True,
        network_configuration={
            "subnets": network.subnet_ids,
            "security_groups": [firewall.security_group.id],
            "assign_public_ip": True,
        },
        deployment_minimum_healthy_percent=0,
        deployment_maximum_percent=100,
        deployment_circuit_breaker={"enable": True, "rollback": True},
        availability_zone_rebalancing="DISABLED",
        wait_for_steady_state=True,
        enable_execute_command=settings.enable_exec,
        propagate_tags="SERVICE",
        tags=settings.tags,
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                depends_on=[
                    *network.depends_on,
                    *firewall.rules,
                    *roles.policies,
                    *(dag_bucket.objects if dag_bucket else ()),
                    cluster.capacity_providers,
                ],
                delete_before_replace=True,
                # Three tasks that never become healthy take this long at the smallest size.
                custom_timeouts=pulumi.CustomTimeouts(create="40m", update="40m", delete="20m"),
                hooks=pulumi.ResourceHookBinding(
                    on_error=[pulumi.ErrorHook(f"{name}-service-failed", explain_failed_service)]
                ),
            ),
        ),
    )
