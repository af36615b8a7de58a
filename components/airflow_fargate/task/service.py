"""The task definition and the service: what registers a workload with ECS and keeps it running."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_aws as aws

from ..cost import INCLUDED_STORAGE_GIB
from ..credentials import Parameters
from ..firewall import Firewall
from ..identity import Roles
from ..network import Network
from ..part import Part
from ..scope import Scope
from .cluster import Cluster
from .container import container_definition
from .diagnosis import explain_failed_service, warn_of_unread_bundles
from .drain import Drain
from .lifetime import create_lifetime_group
from .log import Log
from .progress import Progress
from .rollout import another_deployment, deploy_what_the_state_has
from .workload import Workload


def create_task_definition(
    scope: Scope,
    workload: Workload,
    part: Part,
    *,
    image: Mapping[str, Any],
    cluster: Cluster,
    log: Log,
    parameters: Parameters,
    roles: Roles,
) -> aws.ecs.TaskDefinition:
    """Register the task: one container, as large as the task.

    Its family is the cluster's name: a family has no automatic name, and the cluster's is unique in the account.
    """
    size = workload.size
    definition = container_definition(
        workload,
        part,
        image=image,
        log=log,
        parameter_arns={variable: parameter.arn for variable, parameter in parameters.by_variable.items()},
        parameter_versions={
            variable: parameter.version.apply(str) for variable, parameter in parameters.by_variable.items()
        },
    )
    return aws.ecs.TaskDefinition(
        f"{scope.name}{workload.suffix}-task-definition",
        family=pulumi.Output.concat(cluster.cluster.name, workload.suffix) if workload.suffix else cluster.cluster.name,
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(size.cpu),
        memory=str(size.memory),
        runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": size.cpu_architecture},
        # What a task has without asking, ECS does not report back.
        ephemeral_storage={"size_in_gib": size.ephemeral_storage_gib}
        if size.ephemeral_storage_gib > INCLUDED_STORAGE_GIB
        else None,
        execution_role_arn=roles.execution_role.arn,
        task_role_arn=roles.task_role.arn,
        container_definitions=pulumi.Output.json_dumps([definition]),
        tags=scope.tags,
        opts=scope.opts,
    )


def create_service(
    scope: Scope,
    workload: Workload,
    part: Part,
    *,
    cluster: Cluster,
    task_definition: aws.ecs.TaskDefinition,
    network: Network,
    firewall: Firewall,
    roles: Roles,
    registry_arn: pulumi.Input[str] | None = None,
) -> aws.ecs.Service:
    """Create the service and wait until its tasks are healthy.

    Where two tasks must never run at once, an update stops the task and then starts the next (0 to 100 percent). A
    replacement of the service deletes it first, and ECS moves no task between zones.
    The service depends on everything that its task needs, by way of a security group that outlives the task, so that
    `pulumi destroy` stops the task, and waits for its end, before anything else.

    :param registry_arn: Where ECS keeps the address of the healthy task, if it does.
    """
    name = f"{scope.name}{workload.suffix}-service"

    def correct(update: pulumi.ResourceHookArgs) -> None:
        deploy_what_the_state_has(update, is_scaled=workload.is_scaled)

    of_workload = replace(scope, name=f"{scope.name}{workload.suffix}")
    lifetime = create_lifetime_group(of_workload, network, cluster, part, firewall, roles)
    hook = scope.hook_name(name)
    corrects = pulumi.ResourceHook(f"{hook}-corrects", correct)
    unread = pulumi.ResourceHook(f"{hook}-reads", warn_of_unread_bundles)
    return aws.ecs.Service(
        name,
        cluster=cluster.cluster.arn,
        task_definition=task_definition.arn,
        desired_count=workload.count,
        capacity_provider_strategies=[{"capacity_provider": workload.size.capacity_provider, "weight": 1}],
        # The provider asks for it when the capacity or a trigger changes; every other update starts a new task anyway.
        force_new_deployment=True,
        triggers=another_deployment(cluster.cluster.arn, task_definition.arn),
        network_configuration={
            "subnets": network.subnet_ids,
            "security_groups": [firewall.security_group.id, lifetime.id],
            "assign_public_ip": True,
        },
        service_registries=None if registry_arn is None else {"registry_arn": registry_arn},
        # The provider waits for the deployment, and not for running tasks alone, if ECS says that it has this one.
        deployment_controller={"type": "ECS"},
        deployment_minimum_healthy_percent=100 if workload.tasks_may_overlap else 0,
        deployment_maximum_percent=200 if workload.tasks_may_overlap else 100,
        deployment_circuit_breaker={"enable": True, "rollback": True},
        availability_zone_rebalancing="DISABLED",
        wait_for_steady_state=True,
        enable_execute_command=workload.enable_exec,
        propagate_tags="SERVICE",
        tags=scope.tags,
        opts=scope.options(
            pulumi.ResourceOptions(
                delete_before_replace=True,
                # Given to a service that was made without one, it might replace it: that depends on what ECS answers.
                ignore_changes=["deploymentController", *(["desiredCount"] if workload.is_scaled else [])],
                # Three tasks that never become healthy take this long at the smallest size.
                custom_timeouts=pulumi.CustomTimeouts(create="40m", update="40m", delete="20m"),
                hooks=_merged(
                    Drain(hook, workload.drain_minutes).hooks,
                    Progress(hook).hooks,
                    pulumi.ResourceHookBinding(
                        before_update=[corrects],
                        after_create=[unread],
                        after_update=[unread],
                        on_error=[pulumi.ErrorHook(f"{hook}-failed", explain_failed_service)],
                    ),
                ),
            )
        ),
    )


def _merged(*bindings: pulumi.ResourceHookBinding) -> pulumi.ResourceHookBinding | None:
    return functools.reduce(pulumi.ResourceHookBinding.merge, bindings)
