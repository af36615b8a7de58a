"""The next step of the emulator's ECS service scheduler, case by case and without a process."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from moto.ecs.models import TaskDefinition

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
)
from local.emulator.fargate.limits import PlacementError
from local.emulator.fargate.plan import BACK_OFF_SECONDS, SETTLED_SECONDS, UNHEALTHY, plan, reconcile
from local.emulator.fargate.service import Deployment, RolloutState, Service
from local.emulator.fargate.task import ContainerState, HealthStatus, StopCode, Task, TaskStatus

NOW = 1000.0
CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/cluster"
SCALING = "Scaling activity initiated by (deployment new)"
CHECK = {"command": ["CMD", "true"]}


def definition(**container: Any) -> TaskDefinition:
    containers = [{"name": "app", "image": "test/python:3", "memory": 512, **container}]
    # moto types the constructor of every model as BaseModel.
    return cast(TaskDefinition, TaskDefinition("family", 1, containers, "123456789012", "us-east-1"))


def task(
    task_id: str,
    status: TaskStatus = "RUNNING",
    health: HealthStatus = "HEALTHY",
    *,
    check: dict[str, Any] | None = CHECK,
    code: StopCode | None = None,
    reason: str = "",
    ran: float = 0.0,
) -> Task:
    """Return a task in some state; one with a stop code is to stop, or has.

    :param ran: For how many seconds it has run.
    """
    made = Task(definition(healthCheck=check), CLUSTER, "service:service", id=task_id, last_status=status)
    made.container = ContainerState(health_status=health)
    if status == "RUNNING":
        made.running_since = NOW - ran
    if code:
        made.desired_status, made.stop_code, made.stopped_reason = "STOPPED", code, reason
    return made


def failed(task_id: str) -> Task:
    return task(task_id, "STOPPED", code="EssentialContainerExited")


def stopping(task_id: str) -> Task:
    return task(task_id, code="ServiceSchedulerInitiated", reason=SCALING)


def protected(task_id: str) -> Task:
    made = task(task_id)
    made.protected_until = NOW + 1
    return made


def deployment(
    name: str,
    *tasks: Task,
    state: RolloutState = "IN_PROGRESS",
    failures: int = 0,
    in_a_row: int = 0,
    next_start: float = 0.0,
) -> Deployment:
    return Deployment(
        definition(),
        {},
        id=name,
        rollout_state=state,
        failed_tasks=failures,
        failed_in_a_row=in_a_row,
        next_start=next_start,
        tasks=list(tasks),
    )


def service(
    *deployments: Deployment,
    desired: int = 1,
    percent: tuple[int, int] = (0, 100),
    breaker: bool = True,
    rollback: bool = True,
    **state: Any,
) -> Service:
    """Return a service whose first deployment is the primary one; `percent` is the least healthy and the most."""
    for older in deployments[1:]:
        older.status = "ACTIVE"
    least, most = percent
    settings = {
        "serviceName": "service",
        "deploymentConfiguration": {
            "minimumHealthyPercent": least,
            "maximumPercent": most,
            "deploymentCircuitBreaker": {"enable": breaker, "rollback": rollback},
        },
    }
    for each in deployments:
        each.settings = settings
    return Service(CLUSTER, settings, list(deployments), desired, start_task=_start, **state)


def _start(_service: Service, deployment: Deployment) -> Task:
    return task(f"of-{deployment.id}", "PROVISIONING", "UNKNOWN")


def start(deployment: str, count: int) -> Start:
    return Start(deployment, count, next_start=NOW)


COMPLETED = deployment("old", state="COMPLETED")

CASES: dict[str, tuple[Service, list[Action]]] = {
    # Starts
    "a new service starts its task": (service(deployment("new")), [start("new", 1)]),
    "as many as are desired": (service(deployment("new"), desired=3), [start("new", 3)]),
    "only those that are missing": (service(deployment("new", task("a")), desired=3), [start("new", 2)]),
    "no more than the maximum percent allows, rounded down": (
        service(
            deployment("new"), deployment("old", task("a"), task("b"), state="COMPLETED"), desired=2, percent=(100, 175)
        ),
        [start("new", 1)],
    ),
    "nothing while the old task is still stopping": (
        service(deployment("new"), deployment("old", stopping("a"), state="COMPLETED")),
        [],
    ),
    "nothing while it waits after a failure": (service(deployment("new", next_start=NOW + 0.1)), []),
    "again when the wait is over": (service(deployment("new", next_start=NOW)), [start("new", 1)]),
    "nothing of a deployment that has failed": (service(deployment("new", state="FAILED", failures=3)), []),
    "nothing of one that has failed, whatever is desired": (
        service(deployment("new", state="FAILED", failures=3), desired=2),
        [],
    ),
    "a task for one that was stopped by somebody": (
        service(deployment("new", state="COMPLETED")),
        [start("new", 1)],
    ),
    # Surplus
    "a task of an older deployment makes room": (
        service(deployment("new"), deployment("old", task("a"), state="COMPLETED")),
        [Stop(("a",), SCALING), Say("has stopped 1 running tasks: (task a).")],
    ),
    "the old task stays until the new one is healthy, at 100 to 200 percent": (
        service(
            deployment("new", task("b", health="UNKNOWN")),
            deployment("old", task("a"), state="COMPLETED"),
            percent=(100, 200),
        ),
        [],
    ),
    "and goes then": (
        service(deployment("new", task("b")), deployment("old", task("a"), state="COMPLETED"), percent=(100, 200)),
        [Stop(("a",), SCALING), Say("has stopped 1 running tasks: (task a).")],
    ),
    "of two old tasks one stays, at 50 percent": (
        service(deployment("new"), deployment("old", task("a"), task("b")), desired=2, percent=(50, 100)),
        [Stop(("a",), SCALING), Say("has stopped 1 running tasks: (task a).")],
    ),
    "the minimum is rounded up": (
        service(deployment("new"), deployment("old", task("a"), task("b"), task("c")), desired=3, percent=(50, 100)),
        [Stop(("a",), SCALING), Say("has stopped 1 running tasks: (task a).")],
    ),
    "an old task that is not healthy is no loss": (
        service(
            deployment("new", task("b", "PENDING", "UNKNOWN")),
            deployment("old", task("a", health="UNKNOWN")),
            percent=(100, 200),
        ),
        [Stop(("a",), SCALING), Say("has stopped 1 running tasks: (task a).")],
    ),
    "tasks above the desired count are stopped, the newest first to go": (
        service(deployment("new", task("a"), task("b"), state="COMPLETED")),
        [Stop(("b",), SCALING), Say("has stopped 1 running tasks: (task b).")],
    ),
    # Health and failures
    "an unhealthy task is stopped": (
        service(deployment("new", task("a", health="UNHEALTHY"))),
        [Say("(task a) failed container health checks."), Stop(("a",), UNHEALTHY)],
    ),
    "and not asked twice": (
        service(deployment("new", task("a", health="UNHEALTHY", code="ServiceSchedulerInitiated", reason=UNHEALTHY))),
        [],
    ),
    "a task that failed counts, and the first of a row is followed at once": (
        service(deployment("new", failed("a"))),
        [Forget("a"), CountFailure("new", NOW)],
    ),
    "so does one that could not start": (
        service(deployment("new", task("a", "STOPPED", code="TaskFailedToStart"))),
        [Forget("a"), CountFailure("new", NOW)],
    ),
    "and one that was unhealthy": (
        service(deployment("new", task("a", "STOPPED", code="ServiceSchedulerInitiated", reason=UNHEALTHY))),
        [Forget("a"), CountFailure("new", NOW)],
    ),
    "not one that was stopped by a user": (
        service(deployment("new", task("a", "STOPPED", code="UserInitiated"))),
        [Forget("a")],
    ),
    "nor one that made room": (
        service(deployment("new"), deployment("old", task("a", "STOPPED", code="ServiceSchedulerInitiated"))),
        [Forget("a")],
    ),
    "later ones wait longer": (
        service(deployment("new", failed("a"), failures=1, in_a_row=1)),
        [Forget("a"), CountFailure("new", NOW + BACK_OFF_SECONDS[1])],
    ),
    "the third in a row is an event": (
        service(deployment("new", failed("a"), failures=2, in_a_row=2)),
        [
            Forget("a"),
            CountFailure("new", NOW + BACK_OFF_SECONDS[2]),
            Say("is unable to consistently start tasks successfully."),
        ],
    ),
    "the wait has a longest": (
        service(deployment("new", failed("a"), state="COMPLETED", in_a_row=99)),
        [Forget("a"), CountFailure("new", NOW + BACK_OFF_SECONDS[-1])],
    ),
    "a started task ends the row": (
        service(deployment("new", task("a"), failures=2, in_a_row=2)),
        [ResetFailures("new")],
    ),
    "but not of a deployment that has failed": (
        service(deployment("new", task("a"), state="FAILED", failures=3, in_a_row=3)),
        [],
    ),
    # The circuit breaker
    "two failures do not break": (service(deployment("new", failures=2)), [start("new", 1)]),
    "three do": (service(deployment("new", failures=3)), [Fail("new")]),
    "half of the desired count, when that is more": (
        service(deployment("new", failures=3), desired=7, percent=(0, 100)),
        [start("new", 7)],
    ),
    "rounded up": (service(deployment("new", failures=4), desired=7), [Fail("new")]),
    "two hundred at most": (service(deployment("new", failures=200), desired=1000), [Fail("new")]),
    "not without a circuit breaker": (
        service(deployment("new", failures=9), breaker=False),
        [start("new", 1)],
    ),
    "back to the deployment that was completed last": (
        service(deployment("new", failures=3), COMPLETED, last_completed=COMPLETED),
        [Fail("new"), RollBack()],
    ),
    "not to itself": (
        service(again := deployment("again", failures=3), last_completed=again),
        [Fail("again")],
    ),
    "not without rollback": (
        service(deployment("new", failures=3), COMPLETED, last_completed=COMPLETED, rollback=False),
        [Fail("new")],
    ),
    "a deployment that was completed is not broken": (
        service(deployment("new", state="COMPLETED", failures=3)),
        [start("new", 1)],
    ),
    # The end of a rollout
    "a healthy task completes it": (service(deployment("new", task("a"))), [Complete("new")]),
    "one whose health is unknown does not": (service(deployment("new", task("a", health="UNKNOWN"))), []),
    "one that still starts does not": (service(deployment("new", task("a", "PENDING", "UNKNOWN"))), []),
    "one that is stopping does not": (service(deployment("new", stopping("a"))), []),
    "without a health check, a while of running does": (
        service(deployment("new", task("a", health="UNKNOWN", check=None, ran=SETTLED_SECONDS))),
        [Complete("new")],
    ),
    "and no less": (
        service(deployment("new", task("a", health="UNKNOWN", check=None, ran=SETTLED_SECONDS - 0.1))),
        [],
    ),
    "a health check that is NONE is none": (
        service(deployment("new", task("a", health="UNKNOWN", check={"command": ["NONE"]}, ran=SETTLED_SECONDS))),
        [Complete("new")],
    ),
    "not while an older task is to go on": (
        service(deployment("new", task("b")), deployment("old", task("a")), percent=(200, 200)),
        [],
    ),
    "though an older one is still stopping": (
        service(deployment("new", task("b")), deployment("old", stopping("a"))),
        [Complete("new")],
    ),
    "with no task desired, none is enough": (service(deployment("new"), desired=0), [Complete("new")]),
    "a service with all its tasks says so": (service(deployment("new", task("a"), state="COMPLETED")), [Steady()]),
    "once": (service(deployment("new", task("a"), state="COMPLETED"), steady=True), []),
    # Draining
    "a service that drains stops its tasks": (
        service(deployment("new", task("a"), state="COMPLETED"), desired=0, status="DRAINING"),
        [Stop(("a",), SCALING), Say("has stopped 1 running tasks: (task a).")],
    ),
    "takes notice of the end of one": (
        service(deployment("new", task("a", "STOPPED", code="UserInitiated")), desired=0, status="DRAINING"),
        [Forget("a")],
    ),
    "and is INACTIVE as soon as the last one is stopping": (
        service(deployment("new", stopping("a"), state="COMPLETED"), desired=0, status="DRAINING"),
        [Close()],
    ),
    "though not while another is protected": (
        service(deployment("new", stopping("a"), protected("b"), state="COMPLETED"), desired=0, status="DRAINING"),
        [],
    ),
    "a service without tasks is at once": (
        service(deployment("new", state="COMPLETED"), desired=0, status="DRAINING"),
        [Close()],
    ),
    "an inactive service is left alone": (service(desired=0, status="INACTIVE"), []),
}


@pytest.mark.parametrize(("scene", "actions"), CASES.values(), ids=CASES)
def test_the_scheduler_takes_the_expected_actions(scene: Service, actions: list[Action]) -> None:
    assert list(plan(scene, NOW)) == actions


def test_asking_changes_nothing() -> None:
    scene = service(deployment("new", failed("a")), deployment("old", task("b")))
    before = repr(scene)
    assert plan(scene, NOW) == plan(scene, NOW)
    assert repr(scene) == before


def fail_tasks(scene: Service, times: int) -> None:
    """Let the task that the service starts fail, again and again, with time enough between for any back-off."""
    for attempt in range(times):
        reconcile(scene, NOW + 100 * attempt)
        reconcile(scene, NOW + 100 * attempt + 50)
        [running] = scene.tasks
        running.stop("Essential container in task exited", "EssentialContainerExited")
        running.end()
    reconcile(scene, NOW + 100 * times)


def test_a_task_that_cannot_be_placed_is_a_failure_and_its_reason_an_event() -> None:
    def refuse(_service: Service, _deployment: Deployment) -> Task:
        raise PlacementError("No room.")

    scene = service(deployment("new"))
    scene.start_task = refuse
    reconcile(scene, NOW)
    # The first failure is followed at once, the second is not.
    assert scene.deployments[0].failed_tasks == 2
    reconcile(scene, NOW + BACK_OFF_SECONDS[1])
    assert (scene.deployments[0].rollout_state, scene.deployments[0].failed_tasks) == ("FAILED", 3)
    no_room = (
        "was unable to place a task. Reason: No room. "
        "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    )
    assert events(scene) == [*[no_room] * 3, "(deployment new) deployment failed: tasks failed to start."]


def events(scene: Service) -> list[str]:
    """Return the texts, oldest first."""
    return [event["message"].removeprefix("(service service) ") for event in reversed(scene.events)]


AGAIN: dict[str, Callable[[Service], None]] = {
    "a later look": lambda _: None,
    "another desired count": lambda scene: scene.scale(2),
}


@pytest.mark.parametrize("change", AGAIN.values(), ids=AGAIN)
def test_a_first_deployment_that_failed_starts_nothing_more_until_there_is_another(
    change: Callable[[Service], None],
) -> None:
    scene = service(deployment("first"))
    fail_tasks(scene, 3)
    [broken] = scene.deployments
    assert (broken.rollout_state, broken.failed_tasks) == ("FAILED", 3)
    assert broken.rollout_reason == "ECS deployment circuit breaker: tasks failed to start."

    change(scene)
    reconcile(scene, NOW + 86400)

    assert scene.tasks == []

    scene.deploy(Deployment(definition(), scene.settings, id="second"))
    reconcile(scene, NOW + 86400)

    assert [each.id for each in scene.tasks] == ["of-second"] * scene.desired_count


def test_a_rollback_runs_what_was_completed_last_and_tells_it_as_ecs_does() -> None:
    old = deployment("old", task("a"))
    scene = service(old)
    reconcile(scene, NOW)
    scene.deploy(Deployment(definition(), old.settings, id="new"))
    reconcile(scene, NOW)
    task_a = scene.deployments[1].tasks[0]
    task_a.end()

    fail_tasks(scene, 3)

    assert [each.id for each in scene.deployments] == ["old", "new"]
    assert (old.rollout_state, old.rollout_reason) == (
        "IN_PROGRESS",
        "ECS deployment circuit breaker: rolling back to deploymentId old.",
    )
    [again] = scene.tasks
    again.last_status, again.container.health_status, again.running_since = "RUNNING", "HEALTHY", NOW
    reconcile(scene, NOW)
    assert [(each.id, each.rollout_state) for each in scene.deployments] == [("old", "COMPLETED")]
    assert events(scene) == [
        "(deployment old) deployment completed.",
        "has reached a steady state.",
        "has stopped 1 running tasks: (task a).",
        *["has started 1 tasks: (task of-new)."] * 3,
        "is unable to consistently start tasks successfully.",
        "(deployment new) deployment failed: tasks failed to start.",
        "rolling back to deployment old.",
        "has started 1 tasks: (task of-old).",
        "(deployment old) deployment completed.",
        "has reached a steady state.",
    ]


def test_the_tasks_of_a_service_start_again_and_again_without_a_circuit_breaker() -> None:
    scene = service(deployment("new"), breaker=False)
    fail_tasks(scene, 9)
    assert (scene.deployments[0].rollout_state, scene.deployments[0].failed_tasks) == ("IN_PROGRESS", 9)
