"""An ECS task as ECS knows it: what it was asked to be, and how far it is.

Its run moves it forward; the scheduler and the API ask it to stop. Attributes that moto reads (tags, ARNs) carry moto's
names.
"""

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from moto.ecs.models import TaskDefinition

from local.emulator.fargate import clock
from local.emulator.fargate.definitions import items, part
from local.emulator.fargate.overrides import overridden_container

HealthStatus = Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"]
TaskStatus = Literal["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"]
StopCode = Literal[
    "TaskFailedToStart",
    "EssentialContainerExited",
    "UserInitiated",
    "ServiceSchedulerInitiated",
    "TerminationNotice",
]

# ECS developer guide, "Fargate task ephemeral storage for Amazon ECS".
_EPHEMERAL_STORAGE = {"sizeInGiB": 20}


@dataclass
class ContainerState:
    """The state of a task's container."""

    started: bool = False
    health_status: HealthStatus = "UNKNOWN"
    exit_code: int | None = None
    reason: str | None = None


class InCluster:
    """What the ARN of its cluster says of a task or a service."""

    cluster_arn: str

    @property
    def region(self) -> str:
        return self.cluster_arn.split(":")[3]

    @property
    def account_id(self) -> str:
        return self.cluster_arn.split(":")[4]


@dataclass(eq=False)
class Task(InCluster):
    """One task; `network_configuration`, `overrides` and the rest are what RunTask or the service has asked for."""

    definition: TaskDefinition
    cluster_arn: str
    group: str
    network_configuration: dict[str, Any] = field(default_factory=dict[str, Any])
    overrides: dict[str, Any] = field(default_factory=dict[str, Any])
    platform_version: str = ""
    started_by: str = ""
    capacity_provider: str | None = None
    tags: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    last_status: TaskStatus = "PROVISIONING"
    desired_status: Literal["RUNNING", "STOPPED"] = "RUNNING"
    stop_code: StopCode | None = None
    stopped_reason: str | None = None
    container: ContainerState = field(default_factory=ContainerState)
    running_since: float | None = None
    """By the emulator's clock."""
    protected_until: float = 0.0
    """Until when, by the emulator's clock, its service is not to stop it to have fewer tasks or others."""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    stopped_at: datetime | None = None
    attachment_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attachment_details: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    availability_zone: str | None = None

    wake: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set whenever whoever runs the task has something to look at."""
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set once nothing of the task is left."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def task_arn(self) -> str:
        prefix, _, cluster = self.cluster_arn.partition(":cluster/")
        return f"{prefix}:task/{cluster}/{self.id}"

    @property
    def attachment_arn(self) -> str:
        return f"{self.cluster_arn.partition(':cluster/')[0]}:attachment/{self.attachment_id}"

    @property
    def container_definition(self) -> dict[str, Any]:
        """As it is run, with the overrides."""
        definitions: list[dict[str, Any]] = self.definition.container_definitions
        return overridden_container(definitions[0], self.overrides)

    @property
    def cpu(self) -> str:
        return self.overrides.get("cpu") or str(self.definition.cpu)

    @property
    def memory(self) -> str:
        return self.overrides.get("memory") or str(self.definition.memory)

    @property
    def memory_limit(self) -> int:
        """In MiB: the container's hard limit, or all that the task has."""
        return int(self.container_definition.get("memory") or self.memory)

    @property
    def ephemeral_storage(self) -> dict[str, int]:
        return part(self.overrides, "ephemeralStorage") or self.definition.ephemeral_storage or _EPHEMERAL_STORAGE

    @property
    def task_role_arn(self) -> str | None:
        return self.overrides.get("taskRoleArn") or getattr(self.definition, "task_role_arn", None)

    @property
    def execution_role_arn(self) -> str | None:
        return self.overrides.get("executionRoleArn") or getattr(self.definition, "execution_role_arn", None)

    @property
    def ports(self) -> list[int]:
        return [
            each["containerPort"]
            for each in items(self.container_definition, "portMappings")
            if each.get("protocol", "tcp") == "tcp"
        ]

    @property
    def is_protected(self) -> bool:
        return clock.now() < self.protected_until

    def protect(self, seconds: float) -> None:
        """Keep it from being stopped by its service for so long; 0 is not any more."""
        self.protected_until = clock.now() + seconds

    def run(self) -> None:
        """Note that its container runs."""
        self.last_status = "RUNNING"
        self.started_at = datetime.now(UTC)
        self.running_since = clock.now()

    def stop(self, reason: str, code: StopCode) -> None:
        """Ask it to stop; the first reason is the one that is kept."""
        with self._lock:
            if self.desired_status == "RUNNING":
                self.desired_status = "STOPPED"
                self.stopped_reason = reason
                self.stop_code = code
                self.stopping_at = datetime.now(UTC)
        self.wake.set()

    def end(self) -> None:
        """Note that nothing of it is left."""
        self.stopped_at = datetime.now(UTC)
        self.last_status = "STOPPED"
        self.ended.set()
