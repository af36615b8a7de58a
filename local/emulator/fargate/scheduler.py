"""The ECS service scheduler: brings each service's tasks to its desired count, deployment by deployment."""

import logging
import math
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from moto.ecs.models import TaskDefinition

from local.emulator.fargate.definitions import part
from local.emulator.fargate.task import Task

_LOG = logging.getLogger(__name__)

# Without a health check, a task counts as started once its container has run this many seconds.
_SETTLED_SECONDS = 2.0
# Between attempts to start a task that keeps failing. ECS waits up to minutes; nobody at a laptop should.
_BACK_OFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
# DescribeServices shows the newest hundred.
_EVENTS_KEPT = 100
_UNHEALTHY = "Task failed container health checks"
_FAILURES = ("TaskFailedToStart", "EssentialContainerExited")

RolloutState = Literal["IN_PROGRESS", "COMPLETED", "FAILED"]


@dataclass
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
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tasks: list[Task] = field(default_factory=list[Task])

    def __post_init__(self) -> None:
        self.rollout_reason = f"ECS deployment {self.id} in progress."

    @property
    def alive(self) -> list[Task]:
        return [task for task in self.tasks if task.last_status != "STOPPED"]

    @property
    def wanted(self) -> list[Task]:
        return [task for task in self.tasks if task.desired_status == "RUNNING"]

    def settle(self, state: RolloutState, reason: str) -> None:
        self.rollout_state = state
        self.rollout_reason = reason
        self.updated_at = datetime.now(UTC)

    def take_stopped(self) -> list[Task]:
        """Return the tasks that have stopped since the last call."""
        stopped = [task for task in self.tasks if task.last_status == "STOPPED"]
        self.tasks = self.alive
        return stopped

    def describe(self, desired_count: int) -> dict[str, Any]:
        return {
            "capacityProviderStrategy": self.settings.get("capacityProviderStrategy") or [],
            "createdAt": self.created_at,
            "desiredCount": desired_count,
            "failedTasks": self.failed_tasks,
            "id": self.id,
            "launchType": self.settings.get("launchType"),
            "networkConfiguration": self.settings.get("networkConfiguration"),
            "pendingCount": _count(self.tasks, "PROVISIONING", "PENDING"),
            "platformFamily": "Linux",
            "platformVersion": self.settings["platformVersion"],
            "rolloutState": self.rollout_state,
            "rolloutStateReason": self.rollout_reason,
            "runningCount": _count(self.tasks, "RUNNING"),
            "status": self.status,
            "taskDefinition": self.task_definition.arn,
            "updatedAt": self.updated_at,
        }


class Service:
    """One ECS service. Attributes that moto reads (tags, ARNs, names) carry moto's names.

    `settings` is the CreateService request; `start_task` makes a task of a deployment. Callers hold the control plane's
    lock.
    """

    def __init__(
        self,
        cluster_arn: str,
        definition: TaskDefinition,
        settings: dict[str, Any],
        start_task: "Callable[[Service, Deployment], Task]",
    ) -> None:
        self.name: str = settings["serviceName"]
        self.cluster_arn = cluster_arn
        self.cluster_name = cluster_arn.rpartition("/")[2]
        self.arn = f"{cluster_arn.replace(':cluster/', ':service/')}/{self.name}"
        self.physical_resource_id = self.arn
        self.tags: list[dict[str, str]] = settings.get("tags") or []
        self.settings = settings
        self.status: Literal["ACTIVE", "DRAINING", "INACTIVE"] = "ACTIVE"
        self.desired_count: int = settings.get("desiredCount") or 0
        self.deployments = [Deployment(definition, settings)]
        self._last_completed: Deployment | None = None
        self._start_task = start_task
        self._steady = False
        self._created_at = datetime.now(UTC)
        self._events: list[dict[str, Any]] = []

    @property
    def tasks(self) -> list[Task]:
        return [task for deployment in self.deployments for task in deployment.tasks]

    def scale(self, desired_count: int) -> None:
        self.desired_count = desired_count
        self._steady = False

    def deploy(self, definition: TaskDefinition, settings: dict[str, Any]) -> None:
        """Make a new deployment the primary one; the tasks of the others make room for its own."""
        self.settings = settings
        self._put_first(Deployment(definition, settings))

    def drain(self) -> None:
        self.status = "DRAINING"
        self.desired_count = 0

    def reconcile(self) -> None:
        """One step towards the desired count; called again and again."""
        for deployment in self.deployments:
            self._stop_unhealthy(deployment)
            for task in deployment.take_stopped():
                self._count_stopped(deployment, task)
        self._stop_surplus()
        if self.status == "DRAINING":
            if not self.tasks:
                self.status = "INACTIVE"
                self.deployments = []
                _LOG.info("service %s is INACTIVE", self.name)
        elif self.status == "ACTIVE":
            self._start_missing()
            self._settle()

    def describe(self) -> dict[str, Any]:
        primary = self.deployments[0] if self.deployments else None
        settings = self.settings
        return {
            "availabilityZoneRebalancing": settings.get("availabilityZoneRebalancing", "DISABLED"),
            "capacityProviderStrategy": settings.get("capacityProviderStrategy") or [],
            "clusterArn": self.cluster_arn,
            "createdAt": self._created_at,
            "deploymentConfiguration": settings["deploymentConfiguration"],
            "deploymentController": {"type": "ECS"},
            "deployments": [each.describe(self.desired_count if each is primary else 0) for each in self.deployments],
            "desiredCount": self.desired_count,
            "enableECSManagedTags": settings.get("enableECSManagedTags", False),
            "enableExecuteCommand": settings.get("enableExecuteCommand", False),
            "events": self._events,
            "healthCheckGracePeriodSeconds": settings.get("healthCheckGracePeriodSeconds"),
            "launchType": settings.get("launchType"),
            "loadBalancers": [],
            "networkConfiguration": settings.get("networkConfiguration"),
            "pendingCount": _count(self.tasks, "PROVISIONING", "PENDING"),
            "placementConstraints": [],
            "placementStrategy": [],
            "platformFamily": "Linux",
            "platformVersion": settings["platformVersion"],
            "propagateTags": settings.get("propagateTags", "NONE"),
            "runningCount": _count(self.tasks, "RUNNING"),
            "schedulingStrategy": "REPLICA",
            "serviceArn": self.arn,
            "serviceName": self.name,
            "serviceRegistries": [],
            "status": self.status,
            "tags": self.tags,
            "taskDefinition": primary.task_definition.arn if primary else settings["taskDefinition"],
        }

    def _put_first(self, deployment: Deployment) -> None:
        for other in self.deployments:
            other.status = "ACTIVE"
        deployment.status = "PRIMARY"
        self.deployments = [deployment, *(each for each in self.deployments if each is not deployment)]
        self._steady = False

    def _stop_unhealthy(self, deployment: Deployment) -> None:
        for task in deployment.wanted:
            if task.health_status == "UNHEALTHY":
                self._event(f"(task {task.id}) failed container health checks.")
                task.stop(_UNHEALTHY, "ServiceSchedulerInitiated")

    def _count_stopped(self, deployment: Deployment, task: Task) -> None:
        if task.stop_code not in _FAILURES and task.stopped_reason != _UNHEALTHY:
            return
        self._steady = False
        deployment.next_start = (
            time.monotonic() + _BACK_OFF_SECONDS[min(deployment.failed_in_a_row, len(_BACK_OFF_SECONDS) - 1)]
        )
        deployment.failed_in_a_row += 1
        if deployment.failed_in_a_row == _failures_allowed(self.desired_count):
            self._event("is unable to consistently start tasks successfully.")
        if deployment.rollout_state == "IN_PROGRESS" and deployment.status == "PRIMARY":
            deployment.failed_tasks += 1
            breaker = part(self.settings["deploymentConfiguration"], "deploymentCircuitBreaker")
            if breaker.get("enable") and deployment.failed_tasks >= _failures_allowed(self.desired_count):
                self._break(deployment, rollback=bool(breaker.get("rollback")))

    def _break(self, deployment: Deployment, *, rollback: bool) -> None:
        deployment.settle("FAILED", "ECS deployment circuit breaker: tasks failed to start.")
        self._event(f"(deployment {deployment.id}) deployment failed: tasks failed to start.")
        if rollback and self._last_completed is not None and self._last_completed is not deployment:
            target = self._last_completed
            self._event(f"rolling back to deployment {target.id}.")
            target.settle("IN_PROGRESS", f"ECS deployment circuit breaker: rolling back to deploymentId {target.id}.")
            target.failed_tasks = target.failed_in_a_row = 0
            self.settings = target.settings
            self._put_first(target)

    def _stop_surplus(self) -> None:
        """Tasks of older deployments, while enough usable ones remain, and tasks above the desired count."""
        primary, *older = self.deployments
        usable = sum(map(_is_started, self.tasks))
        least = math.ceil(self.desired_count * self._percent("minimumHealthyPercent", 100) / 100)
        surplus = [task for deployment in older for task in deployment.wanted]
        surplus += primary.wanted[self.desired_count :]
        stopped: list[Task] = []
        for task in surplus:
            if _is_started(task):
                if usable - 1 < least:
                    continue
                usable -= 1
            task.stop(f"Scaling activity initiated by (deployment {primary.id})", "ServiceSchedulerInitiated")
            stopped.append(task)
        if stopped:
            self._event(f"has stopped {len(stopped)} running tasks: {_names(stopped)}.")

    def _start_missing(self) -> None:
        primary = self.deployments[0]
        if primary.rollout_state == "FAILED" or time.monotonic() < primary.next_start:
            return
        room = math.floor(self.desired_count * self._percent("maximumPercent", 200) / 100) - len(self.tasks)
        missing = self.desired_count - len(primary.wanted)
        started = [self._start_task(self, primary) for _ in range(min(room, missing))]
        primary.tasks += started
        if started:
            self._event(f"has started {len(started)} tasks: {_names(started)}.")

    def _settle(self) -> None:
        primary, *older = self.deployments
        started = sum(map(_is_started, primary.wanted))
        if started:
            primary.failed_in_a_row = 0
        if started != self.desired_count or len(self.tasks) != self.desired_count or any(each.tasks for each in older):
            return
        self.deployments = [primary]
        if primary.rollout_state == "IN_PROGRESS":
            primary.settle("COMPLETED", f"ECS deployment {primary.id} completed.")
            self._last_completed = primary
            self._event(f"(deployment {primary.id}) deployment completed.")
        if not self._steady and primary.rollout_state == "COMPLETED":
            self._steady = True
            self._event("has reached a steady state.")

    def _percent(self, name: str, default: int) -> int:
        return self.settings["deploymentConfiguration"].get(name, default)

    def _event(self, text: str) -> None:
        message = f"(service {self.name}) {text}"
        _LOG.info("%s", message)
        self._events.insert(0, {"id": str(uuid.uuid4()), "createdAt": datetime.now(UTC), "message": message})
        del self._events[_EVENTS_KEPT:]


def _failures_allowed(desired_count: int) -> int:
    """Return the circuit breaker's threshold: half the desired count, but at least 3 and at most 200."""
    return min(max(3, math.ceil(desired_count / 2)), 200)


def _is_started(task: Task) -> bool:
    if not task.is_usable:
        return False
    return task.health_status == "HEALTHY" or task.seconds_running >= _SETTLED_SECONDS


def _count(tasks: list[Task], *statuses: str) -> int:
    return sum(task.last_status in statuses for task in tasks)


def _names(tasks: list[Task]) -> str:
    return " ".join(f"(task {task.id})" for task in tasks)
