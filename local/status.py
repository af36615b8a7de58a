"""What runs: the service, its tasks, their health and where they answer, asked of AWS's own API."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3

from local.progress import duration

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import TaskTypeDef


@dataclass(frozen=True)
class TaskStatus:
    """One line of `make status`."""

    service: str
    task: str
    status: str
    health: str
    age: str
    url: str

    HEADINGS = ("SERVICE", "TASK", "STATUS", "HEALTH", "AGE", "URL")

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.service, self.task, self.status, self.health, self.age, self.url)


def tasks(session: boto3.Session, cluster: str, service: str, endpoint: str | None = None) -> list[TaskStatus]:
    """The tasks of a service that run or are about to, the newest first; if there are none, those that stopped last.

    :param cluster: ARN or name of the cluster.
    :param service: ARN or name of the service.
    :param endpoint: Where AWS's API is answered; AWS itself if not given.
    """
    ecs = session.client("ecs", endpoint_url=endpoint)
    ec2 = session.client("ec2", endpoint_url=endpoint)
    name = service.rpartition("/")[2]
    arns = (
        ecs.list_tasks(cluster=cluster, serviceName=name)["taskArns"]
        or ecs.list_tasks(cluster=cluster, serviceName=name, desiredStatus="STOPPED")["taskArns"]
    )
    found = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    found.sort(key=_created, reverse=True)
    return [
        TaskStatus(
            service=name,
            task=task.get("taskArn", "").rpartition("/")[2],
            status=_status(task),
            health=task.get("healthStatus", "UNKNOWN"),
            age=duration((datetime.now(UTC) - _created(task)).total_seconds()),
            url=_url(ec2, task, _port(ecs, task.get("taskDefinitionArn", ""))),
        )
        for task in found
    ]


def table(rows: list[TaskStatus]) -> str:
    """Aligns the rows under their headings."""
    lines = [TaskStatus.HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(TaskStatus.HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _created(task: "TaskTypeDef") -> datetime:
    return task.get("createdAt", datetime.fromtimestamp(0, UTC))


def _status(task: "TaskTypeDef") -> str:
    reason = task.get("stoppedReason")
    return f"{task.get('lastStatus', '')} ({reason})" if reason else task.get("lastStatus", "")


def _port(ecs: "ECSClient", task_definition: str) -> int:
    definition = ecs.describe_task_definition(taskDefinition=task_definition)["taskDefinition"]
    [container] = definition.get("containerDefinitions", [])
    [mapping] = container.get("portMappings", [])
    return mapping.get("containerPort", 0)


def _url(ec2: "EC2Client", task: "TaskTypeDef", port: int) -> str:
    """Where a task answers: the public address of its network interface, and the port that its container listens on."""
    interfaces = [
        detail.get("value", "")
        for attachment in task.get("attachments", [])
        for detail in attachment.get("details", [])
        if detail.get("name") == "networkInterfaceId"
    ]
    if not interfaces or task.get("lastStatus") == "STOPPED":
        return ""
    [interface] = ec2.describe_network_interfaces(NetworkInterfaceIds=interfaces)["NetworkInterfaces"]
    address = interface.get("Association", {}).get("PublicIp")
    return f"http://{address}:{port}" if address else ""
