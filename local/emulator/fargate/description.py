"""Tasks, services and deployments as DescribeTasks and DescribeServices show them. Pure."""

from collections.abc import Iterable
from typing import Any

from local.emulator.fargate.definitions import items
from local.emulator.fargate.service import Deployment, Service
from local.emulator.fargate.task import Task


def describe_task(task: Task) -> dict[str, Any]:
    platform: dict[str, str] = task.definition.runtime_platform or {}
    return _given(
        attachments=[_attachment(task)],
        attributes=[{"name": "ecs.cpu-architecture", "value": platform.get("cpuArchitecture", "X86_64").lower()}],
        availabilityZone=task.availability_zone,
        capacityProviderName=task.capacity_provider,
        clusterArn=task.cluster_arn,
        connectivity="CONNECTED" if task.last_status == "RUNNING" else None,
        containers=[_container(task)],
        cpu=task.cpu,
        createdAt=task.created_at,
        desiredStatus=task.desired_status,
        enableExecuteCommand=False,
        ephemeralStorage=task.ephemeral_storage,
        group=task.group,
        healthStatus=task.container.health_status,
        lastStatus=task.last_status,
        launchType="FARGATE",
        memory=task.memory,
        overrides=_overrides(task),
        platformFamily="Linux",
        platformVersion=task.platform_version,
        startedAt=task.started_at,
        startedBy=task.started_by,
        stopCode=task.stop_code,
        stoppedAt=task.stopped_at,
        stoppedReason=task.stopped_reason,
        stoppingAt=task.stopping_at,
        tags=task.tags,
        taskArn=task.task_arn,
        taskDefinitionArn=task.definition.arn,
        version=1,
    )


def _overrides(task: Task) -> dict[str, Any]:
    """Return what was overridden; of the container, at least the name is told."""
    containers = items(task.overrides, "containerOverrides") or [{"name": task.container_definition["name"]}]
    return {**task.overrides, "containerOverrides": containers, "inferenceAcceleratorOverrides": []}


def _attachment(task: Task) -> dict[str, Any]:
    statuses = {"PROVISIONING": "PRECREATED", "DEPROVISIONING": "DETACHING", "STOPPED": "DELETED"}
    return {
        "id": task.attachment_id,
        "type": "ElasticNetworkInterface",
        "status": statuses.get(task.last_status, "ATTACHED"),
        "details": task.attachment_details,
    }


def _container(task: Task) -> dict[str, Any]:
    definition, container = task.container_definition, task.container
    statuses = {"PROVISIONING": "PENDING", "DEPROVISIONING": "STOPPED"}
    return _given(
        containerArn=f"{task.task_arn.replace(':task/', ':container/')}/{task.attachment_id}",
        cpu=str(definition.get("cpu", 0)),
        exitCode=container.exit_code if task.last_status in ("DEPROVISIONING", "STOPPED") else None,
        healthStatus=container.health_status,
        image=definition["image"],
        lastStatus=statuses.get(task.last_status, task.last_status),
        memory=str(definition["memory"]) if "memory" in definition else None,
        memoryReservation=str(definition["memoryReservation"]) if "memoryReservation" in definition else None,
        name=definition["name"],
        networkInterfaces=[
            {"attachmentId": task.attachment_id, "privateIpv4Address": each["value"]}
            for each in task.attachment_details
            if each["name"] == "privateIPv4Address"
        ],
        reason=container.reason,
        runtimeId=f"{task.id}-{task.attachment_id[:10]}" if container.started else None,
        taskArn=task.task_arn,
    )


def describe_service(service: Service) -> dict[str, Any]:
    settings = service.settings
    primary = service.deployments[0] if service.deployments else None
    # Once it is completed there is no other, though a task of an earlier one may take two minutes to stop.
    shown = service.deployments[:1] if primary and primary.rollout_state == "COMPLETED" else service.deployments
    return {
        "availabilityZoneRebalancing": settings.get("availabilityZoneRebalancing", "DISABLED"),
        "capacityProviderStrategy": settings.get("capacityProviderStrategy") or [],
        "clusterArn": service.cluster_arn,
        "createdAt": service.created_at,
        "deploymentConfiguration": settings["deploymentConfiguration"],
        "deploymentController": {"type": "ECS"},
        "deployments": [_deployment(each, service.desired_count if each is primary else 0) for each in shown],
        "desiredCount": service.desired_count,
        "enableECSManagedTags": settings.get("enableECSManagedTags", False),
        "enableExecuteCommand": settings.get("enableExecuteCommand", False),
        "events": service.events,
        "healthCheckGracePeriodSeconds": settings.get("healthCheckGracePeriodSeconds"),
        "launchType": settings.get("launchType"),
        "loadBalancers": [],
        "networkConfiguration": settings.get("networkConfiguration"),
        "pendingCount": count(service.tasks, "PROVISIONING", "PENDING"),
        "placementConstraints": [],
        "placementStrategy": [],
        "platformFamily": "Linux",
        "platformVersion": settings["platformVersion"],
        "propagateTags": settings.get("propagateTags", "NONE"),
        "runningCount": _running_count(service.tasks),
        "schedulingStrategy": "REPLICA",
        "serviceArn": service.arn,
        "serviceName": service.name,
        "serviceRegistries": settings.get("serviceRegistries") or [],
        "status": service.status,
        "tags": service.tags,
        "taskDefinition": primary.task_definition.arn if primary else settings["taskDefinition"],
    }


def _deployment(deployment: Deployment, desired_count: int) -> dict[str, Any]:
    settings = deployment.settings
    return {
        "capacityProviderStrategy": settings.get("capacityProviderStrategy") or [],
        "createdAt": deployment.created_at,
        "desiredCount": desired_count,
        "failedTasks": deployment.failed_tasks,
        "id": deployment.id,
        "launchType": settings.get("launchType"),
        "networkConfiguration": settings.get("networkConfiguration"),
        "pendingCount": count(deployment.tasks, "PROVISIONING", "PENDING"),
        "platformFamily": "Linux",
        "platformVersion": settings["platformVersion"],
        "rolloutState": deployment.rollout_state,
        "rolloutStateReason": deployment.rollout_reason,
        "runningCount": _running_count(deployment.tasks),
        "status": deployment.status,
        "taskDefinition": deployment.task_definition.arn,
        "updatedAt": deployment.updated_at,
    }


def _running_count(tasks: Iterable[Task]) -> int:
    """Return how many run and are to go on: AWS counts none that is stopping."""
    return count((task for task in tasks if task.desired_status == "RUNNING"), "RUNNING")


def count(tasks: Iterable[Task], *statuses: str) -> int:
    """Return how many of the tasks are in one of the states."""
    return sum(task.last_status in statuses for task in tasks)


def _given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are there: ECS leaves the others out."""
    return {name: value for name, value in fields.items() if value is not None}
