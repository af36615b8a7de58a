"""An ECS service as ECS knows it: its deployments with their tasks, and its events. What comes next, `plan` says."""

import logging
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from moto.ecs.models import TaskDefinition

from local.emulator.fargate.task import InCluster, Task

_LOG = logging.getLogger(__name__)

# DescribeServices shows the newest hundred.
_EVENTS_KEPT = 100

RolloutState = Literal["IN_PROGRESS", "COMPLETED", "FAILED"]


@dataclass(eq=False)
class Deployment:
    """One `deployments[]` entry. `settings` are the service's as the deployment uses them."""

    task_definition: TaskDefinition
    settings: dict[str, Any]
    id: str = field(default_factory=lambda: f"ecs-svc/{random.randint(10**18, 10**19 - 1)}")  # noqa: S311 - an id, no secret
    status: Literal["PRIMARY", "ACTIVE"] = "PRIMARY"
    rollout_state: RolloutState = "IN_PROGRESS"
    rollout_reason: str = ""
    failed_tasks: int = 0
    failed_in_a_row: int = 0
    next_start: float = 0.0
    """No task is started before, by the emulator's clock."""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tasks: list[Task] = field(default_factory=list[Task])
    """Those that ECS still has to do something about: not the ones whose end has been taken notice of."""

    def __post_init__(self) -> None:
        self.rollout_reason = self.rollout_reason or f"ECS deployment {self.id} in progress."

    def settle(self, state: RolloutState, reason: str) -> None:
        self.rollout_state = state
        self.rollout_reason = reason
        self.updated_at = datetime.now(UTC)


@dataclass(eq=False)
class Service(InCluster):
    """One ECS service. Attributes that moto reads (tags, ARNs, names) carry moto's names.

    `settings` is the CreateService request. The first of the deployments is the primary one; there are none once the
    service is INACTIVE.
    """

    cluster_arn: str
    settings: dict[str, Any]
    deployments: list[Deployment]
    desired_count: int
    start_task: "Callable[[Service, Deployment], Task]"
    status: Literal["ACTIVE", "DRAINING", "INACTIVE"] = "ACTIVE"
    last_completed: Deployment | None = None
    steady: bool = False
    """Whether its events have said so since something last changed."""
    registered: dict[str, str] = field(default_factory=dict[str, str])
    """The ids of the tasks that Cloud Map was told of, each with that of its service there."""
    tags: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Newest first."""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        return self.settings["serviceName"]

    @property
    def cluster_name(self) -> str:
        return self.cluster_arn.rpartition("/")[2]

    @property
    def arn(self) -> str:
        return f"{self.cluster_arn.replace(':cluster/', ':service/')}/{self.name}"

    @property
    def physical_resource_id(self) -> str:
        return self.arn

    @property
    def tasks(self) -> list[Task]:
        return [task for deployment in self.deployments for task in deployment.tasks]

    def deployment(self, deployment_id: str) -> Deployment:
        return next(each for each in self.deployments if each.id == deployment_id)

    def scale(self, desired_count: int) -> None:
        self.desired_count = desired_count
        self.steady = False

    def deploy(self, deployment: Deployment) -> None:
        """Make a deployment, new or an earlier one, the primary one; the tasks of the others make room for its own."""
        for other in self.deployments:
            other.status = "ACTIVE"
        deployment.status = "PRIMARY"
        self.settings = deployment.settings
        self.deployments = [deployment, *(each for each in self.deployments if each is not deployment)]
        self.steady = False

    def drain(self) -> None:
        self.status = "DRAINING"
        self.desired_count = 0

    def say(self, text: str) -> None:
        """Put `text` into the service's events."""
        message = f"(service {self.name}) {text}"
        _LOG.info("%s", message)
        self.events.insert(0, {"id": str(uuid.uuid4()), "createdAt": datetime.now(UTC), "message": message})
        del self.events[_EVENTS_KEPT:]
