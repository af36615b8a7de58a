"""The ECS service scheduler, whose next steps are a pure function: circuit breaker, rollback, percentages, back-off."""

import math
from collections.abc import Callable, Sequence

from local.emulator.fargate.actions import (
    Action,
    Close,
    Complete,
    CountFailure,
    Fail,
    Forget,
    ResetFailures,
    RollBack,
    Say,
    Start,
    Steady,
    Stop,
    names,
)
from local.emulator.fargate.definitions import health_check, part
from local.emulator.fargate.service import Deployment, Service
from local.emulator.fargate.task import Task

# Without a health check, a task counts as started once its container has run this many seconds; in ECS, 40.
SETTLED_SECONDS = 2.0
# Between attempts to start a task that keeps failing. ECS waits up to minutes; nobody at a laptop should.
BACK_OFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
UNHEALTHY = "Task failed container health checks"
_FAILURES = ("TaskFailedToStart", "EssentialContainerExited")


def reconcile(service: Service, now: float) -> None:
    """Do all that is to be done about the service at this moment, under the control plane's lock.

    :param now: By the emulator's clock.
    """
    while actions := plan(service, now):
        for action in actions:
            action.perform(service)


def plan(service: Service, now: float) -> Sequence[Action]:
    """Return what is to be done at once; when that is done, ask again. With nothing to do, only time or tasks move on.

    :param now: By the emulator's clock.
    """
    rules = _RULES[service.status]
    return next((actions for rule in rules if (actions := rule(service, now))), ())


def is_started(task: Task, now: float) -> bool:
    """Whether a deployment counts on the task: it is healthy or, without a health check, has run for a while."""
    if task.desired_status != "RUNNING" or task.running_since is None:
        return False
    if health_check(task.container_definition):
        return task.container.health_status == "HEALTHY"
    return now - task.running_since >= SETTLED_SECONDS


def _stop_unhealthy(service: Service, _now: float) -> Sequence[Action]:
    for task in _wanted(service.tasks):
        if task.container.health_status == "UNHEALTHY":
            return [Say(f"(task {task.id}) failed container health checks."), Stop((task.id,), UNHEALTHY)]
    return ()


def _break(service: Service, _now: float) -> Sequence[Action]:
    """Fail the deployment at the circuit breaker's threshold; back to the last one that was completed, if there is one.

    Without one, ECS starts nothing more, until an UpdateService makes another deployment.
    """
    primary, breaker = (
        service.deployments[0],
        part(service.settings["deploymentConfiguration"], "deploymentCircuitBreaker"),
    )
    if (
        not breaker.get("enable")
        or primary.rollout_state != "IN_PROGRESS"
        or primary.failed_tasks < _failures_allowed(service)
    ):
        return ()
    if not breaker.get("rollback") or service.last_completed in (None, primary):
        return [Fail(primary.id)]
    return [Fail(primary.id), RollBack()]


def _forget_stopped(service: Service, now: float) -> Sequence[Action]:
    for deployment in service.deployments:
        for task in deployment.tasks:
            if task.last_status == "STOPPED":
                return [Forget(task.id), *_count(service, deployment, task, now)]
    return ()


def _count(service: Service, deployment: Deployment, task: Task, now: float) -> Sequence[Action]:
    if task.stop_code not in _FAILURES and task.stopped_reason != UNHEALTHY:
        return ()
    counted = CountFailure(deployment.id, _next_start(deployment, now))
    if deployment.failed_in_a_row + 1 == _failures_allowed(service):
        return [counted, Say("is unable to consistently start tasks successfully.")]
    return [counted]


def _reset_failures(service: Service, now: float) -> Sequence[Action]:
    primary = service.deployments[0]
    if primary.rollout_state != "FAILED" and primary.failed_in_a_row and _started(primary.tasks, now):
        return [ResetFailures(primary.id)]
    return ()


def _stop_surplus(service: Service, now: float) -> Sequence[Action]:
    """Stop tasks of older deployments, while enough usable ones remain, and tasks above the desired count.

    Those that are protected stay, and others are stopped in their place where it is a matter of their number.
    """
    primary, *older = service.deployments
    usable = len(_started(service.tasks, now))
    least = math.ceil(service.desired_count * _percent(service, "minimumHealthyPercent") / 100)
    surplus = [task for deployment in older for task in _unprotected(_wanted(deployment.tasks), now)]
    above = max(0, len(_wanted(primary.tasks)) - service.desired_count)
    surplus += _unprotected(_wanted(primary.tasks), now)[-above:] if above else []
    stopped: list[str] = []
    for task in surplus:
        if is_started(task, now):
            if usable - 1 < least:
                continue
            usable -= 1
        stopped.append(task.id)
    if not stopped:
        return ()
    return [
        Stop(tuple(stopped), f"Scaling activity initiated by (deployment {primary.id})"),
        Say(f"has stopped {len(stopped)} running tasks: {names(stopped)}."),
    ]


def _start_missing(service: Service, now: float) -> Sequence[Action]:
    primary = service.deployments[0]
    if primary.rollout_state == "FAILED" or now < primary.next_start:
        return ()
    room = math.floor(service.desired_count * _percent(service, "maximumPercent") / 100) - len(service.tasks)
    missing = service.desired_count - len(_wanted(primary.tasks))
    return [Start(primary.id, min(room, missing), _next_start(primary, now))] if min(room, missing) > 0 else ()


def _settle(service: Service, now: float) -> Sequence[Action]:
    primary = service.deployments[0]
    # One that is stopping counts no more, though it still runs.
    if not len(_started(primary.tasks, now)) == len(_wanted(service.tasks)) == service.desired_count:
        return ()
    if primary.rollout_state == "IN_PROGRESS":
        return [Complete(primary.id)]
    if primary.rollout_state == "COMPLETED" and not service.steady:
        return [Steady()]
    return ()


def _close(service: Service, _now: float) -> Sequence[Action]:
    """End a service whose tasks have all begun to stop, however long that takes (ECS API reference, DeleteService)."""
    return () if _wanted(service.tasks) else [Close()]


Rule = Callable[[Service, float], Sequence[Action]]
_RULES: dict[str, tuple[Rule, ...]] = {
    "ACTIVE": (
        *(_stop_unhealthy, _break, _forget_stopped, _reset_failures),
        *(_stop_surplus, _start_missing, _settle),
    ),
    "DRAINING": (_forget_stopped, _stop_surplus, _close),
    "INACTIVE": (),
}


def _next_start(deployment: Deployment, now: float) -> float:
    """Return when to start the next task if one fails now."""
    return now + BACK_OFF_SECONDS[min(deployment.failed_in_a_row, len(BACK_OFF_SECONDS) - 1)]


def _failures_allowed(service: Service) -> int:
    """Return the circuit breaker's threshold: half the desired count, but at least 3 and at most 200."""
    return min(max(3, math.ceil(service.desired_count / 2)), 200)


def _percent(service: Service, name: str) -> int:
    return service.settings["deploymentConfiguration"][name]


def _wanted(tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if task.desired_status == "RUNNING"]


def _unprotected(tasks: Sequence[Task], now: float) -> list[Task]:
    return [task for task in tasks if task.protected_until <= now]


def _started(tasks: Sequence[Task], now: float) -> list[Task]:
    return [task for task in tasks if is_started(task, now)]
