"""Actions of the ECS service scheduler: plain values, which know how they are performed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from local.emulator.fargate.limits import PlacementError
from local.emulator.fargate.service import Service
from local.emulator.fargate.task import Task


class Action(Protocol):
    """One thing to do; tasks and deployments are named by their ids."""

    def perform(self, service: Service) -> None: ...


@dataclass(frozen=True)
class Say:
    """Put a text into the service's events."""

    text: str

    def perform(self, service: Service) -> None:
        service.say(self.text)


@dataclass(frozen=True)
class Start:
    """Start tasks of a deployment; one that cannot even be placed counts as failed."""

    deployment: str
    count: int
    next_start: float
    """When to try again if that fails, by the emulator's clock."""

    def perform(self, service: Service) -> None:
        deployment = service.deployment(self.deployment)
        started: list[Task] = []
        for _ in range(self.count):
            try:
                started.append(service.start_task(service, deployment))
            except PlacementError as error:
                service.say(
                    f"was unable to place a task. Reason: {error} "
                    "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
                )
                CountFailure(self.deployment, self.next_start).perform(service)
                break
        deployment.tasks += started
        if started:
            service.say(f"has started {len(started)} tasks: {names(task.id for task in started)}.")


@dataclass(frozen=True)
class Stop:
    """Ask tasks to stop."""

    tasks: tuple[str, ...]
    reason: str

    def perform(self, service: Service) -> None:
        for task in service.tasks:
            if task.id in self.tasks:
                task.stop(self.reason, "ServiceSchedulerInitiated")


@dataclass(frozen=True)
class Forget:
    """Take notice of the end of a task; only DescribeTasks shows it from then on."""

    task: str

    def perform(self, service: Service) -> None:
        for deployment in service.deployments:
            deployment.tasks = [task for task in deployment.tasks if task.id != self.task]


@dataclass(frozen=True)
class CountFailure:
    """Count a task of a deployment that failed; the next one is not started before `next_start`."""

    deployment: str
    next_start: float

    def perform(self, service: Service) -> None:
        service.steady = False
        deployment = service.deployment(self.deployment)
        deployment.next_start = self.next_start
        deployment.failed_in_a_row += 1
        if deployment.rollout_state == "IN_PROGRESS" and deployment.status == "PRIMARY":
            deployment.failed_tasks += 1


@dataclass(frozen=True)
class ResetFailures:
    """Count the failed tasks of a deployment from the beginning."""

    deployment: str

    def perform(self, service: Service) -> None:
        deployment = service.deployment(self.deployment)
        deployment.failed_in_a_row = deployment.failed_tasks = 0


@dataclass(frozen=True)
class Fail:
    """Let the circuit breaker end a deployment: nothing more of it is started."""

    deployment: str

    def perform(self, service: Service) -> None:
        reason = "ECS deployment circuit breaker: tasks failed to start."
        service.deployment(self.deployment).settle("FAILED", reason)
        service.say(f"(deployment {self.deployment}) deployment failed: tasks failed to start.")


@dataclass(frozen=True)
class RollBack:
    """Make the deployment that was completed last the primary one."""

    def perform(self, service: Service) -> None:
        target = service.last_completed
        assert target is not None  # noqa: S101 - the plan has looked
        service.say(f"rolling back to deployment {target.id}.")
        target.settle("IN_PROGRESS", f"ECS deployment circuit breaker: rolling back to deploymentId {target.id}.")
        target.failed_tasks = target.failed_in_a_row = 0
        service.deploy(target)


@dataclass(frozen=True)
class Complete:
    """End a deployment well; of the others, tasks that are stopping are all that is left."""

    deployment: str

    def perform(self, service: Service) -> None:
        deployment = service.deployment(self.deployment)
        deployment.settle("COMPLETED", f"ECS deployment {deployment.id} completed.")
        service.deployments = [each for each in service.deployments if each is deployment or each.tasks]
        service.last_completed = deployment
        service.say(f"(deployment {deployment.id}) deployment completed.")


@dataclass(frozen=True)
class Steady:
    """Say that the service has all its tasks, once."""

    def perform(self, service: Service) -> None:
        service.steady = True
        service.say("has reached a steady state.")


@dataclass(frozen=True)
class Close:
    """Make a service INACTIVE, of which no task runs on; those that are stopping go on with it."""

    def perform(self, service: Service) -> None:
        service.status = "INACTIVE"
        service.deployments = []


def names(tasks: Iterable[str]) -> str:
    """Return task ids as ECS's events name them."""
    return " ".join(f"(task {task})" for task in tasks)
