"""The progress that `pulumi up` shows while it waits for a service."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import botocore.exceptions
import pulumi
import pytest
from airflow_fargate.task import given_up, progress
from airflow_fargate.task.progress import Progress, follow, summary
from pulumi.runtime import mocks

from .conftest import Recorder

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def task(number: int, status: str, *, by: str = "new", **fields: Any) -> "TaskTypeDef":
    """Return a task; later ones have higher numbers."""
    return cast(
        "TaskTypeDef",
        {
            "taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/cluster/{number}",
            "startedBy": by,
            "createdAt": NOW - timedelta(hours=1) + timedelta(seconds=number),
            "lastStatus": status,
            "healthStatus": "UNKNOWN",
            **fields,
        },
    )


def service(*events: str, failed: int = 0) -> "ServiceTypeDef":
    deployments = [
        {"id": "old", "status": "ACTIVE", "failedTasks": 7},
        {"id": "new", "status": "PRIMARY", "failedTasks": failed},
    ]
    said = [{"message": f"(service airflow) {event}"} for event in events]
    return cast("ServiceTypeDef", {"serviceName": "airflow", "deployments": deployments, "events": said})


RUNNING = task(2, "RUNNING", startedAt=NOW - timedelta(seconds=59))
LONG_RUNNING = task(2, "RUNNING", startedAt=NOW - timedelta(seconds=200), healthStatus="UNHEALTHY")
FAILED = task(1, "STOPPED", stoppedReason="Essential container in task exited")


@pytest.mark.parametrize(
    ("now", "unstopped", "stopped", "line"),
    [
        (service(), [], [], "no task yet"),
        (cast("ServiceTypeDef", {"deployments": [{"id": "old", "status": "ACTIVE"}]}), [RUNNING], [], ""),
        (service(), [task(2, "RUNNING")], [], "task 2 is RUNNING, its health UNKNOWN"),
        (service(), [task(1, "PROVISIONING")], [], "task 1 is PROVISIONING"),
        (service(), [RUNNING], [], "task 2 is RUNNING, its health UNKNOWN"),
        (service(), [LONG_RUNNING], [], "task 2 is RUNNING for 3 min, its health UNHEALTHY"),
        (service(), [], [FAILED], "task 1 stopped: Essential container in task exited"),
        (service(failed=1), [RUNNING], [FAILED], "task 2 is RUNNING, its health UNKNOWN; 1 failed"),
        (service(), [task(1, "PENDING"), RUNNING], [], "task 2 is RUNNING, its health UNKNOWN"),
        (service(), [task(3, "RUNNING", by="old")], [task(4, "STOPPED", by="old")], "no task yet"),
        (
            service("was unable to place a task. Reason: none.", "has started 1 tasks: (task 1)."),
            [],
            [],
            "no task yet; ECS: was unable to place a task. Reason: none.",
        ),
    ],
)
def test_the_line_says_of_the_newest_task(
    now: "ServiceTypeDef", unstopped: "list[TaskTypeDef]", stopped: "list[TaskTypeDef]", line: str
) -> None:
    assert summary(now, unstopped, stopped, NOW) == line


def shown(*answers: str | Exception | None) -> list[str]:
    """Return what is shown of ECS's answers, until there are no more."""
    ended = threading.Event()
    left = list(answers)
    lines: list[str] = []

    def ask() -> str | None:
        answer = left.pop(0)
        if not left:
            ended.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    follow(ask, lines.append, ended, every=0)
    return lines


def test_a_line_is_shown_whenever_it_changes() -> None:
    assert shown(None, "PENDING", "PENDING", "RUNNING", "PENDING") == ["PENDING", "RUNNING", "PENDING"]


@pytest.mark.parametrize(
    "refusal",
    [
        botocore.exceptions.ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeServices"),
        botocore.exceptions.EndpointConnectionError(endpoint_url="https://ecs.us-east-1.amazonaws.com"),
    ],
)
def test_nothing_more_is_shown_once_aws_refuses_to_answer(refusal: Exception) -> None:
    assert shown("PENDING", refusal, "RUNNING") == ["PENDING"]


CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/airflow"
URN = "urn:pulumi:test::project::aws:ecs/service:Service::airflow-service"
SERVICE = {"cluster": CLUSTER, "name": "airflow", "taskDefinition": "airflow:1"}


class Ecs:
    """Stands for a boto3 session and its ECS, in which the service comes to be and then starts a task."""

    def __init__(self) -> None:
        self.client_options: dict[str, Any] = {}
        self.answers: list[list[Any]] = [
            [],
            [{**service(), "status": "INACTIVE"}],
            [{**service(), "status": "ACTIVE"}],
        ]
        """What is known of the service at each question; the last answer is the one from then on."""

    def client(self, name: str, **options: Any) -> "Ecs":
        assert name == "ecs"
        self.client_options = options
        return self

    def describe_services(self, **request: Any) -> dict[str, Any]:
        assert request == {"cluster": CLUSTER, "services": ["airflow"]}
        return {"services": self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]}

    def list_tasks(self, **request: Any) -> dict[str, Any]:
        status = request.pop("desiredStatus")
        assert request == {"cluster": CLUSTER, "serviceName": "airflow"}
        return {"taskArns": {"RUNNING": ["arn of 1"], "STOPPED": []}[status]}

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        assert request == {"cluster": CLUSTER, "tasks": ["arn of 1"]}
        return {"tasks": [task(1, "PENDING")]}


async def run_hooks(begin: str, end: str, shown: list[Any]) -> None:
    """Run the hooks that the engine runs at the begin and at the end, and wait meanwhile for something to be shown."""
    hooks = Progress("airflow-service").hooks
    [begins], [ends] = getattr(hooks, begin), getattr(hooks, end)
    begins(pulumi.ResourceHookArgs(URN, "", "airflow-service", "aws:ecs/service:Service", SERVICE))
    [thread] = [each for each in threading.enumerate() if each.name == "progress of airflow-service"]
    assert thread.daemon, "a program that ends does not wait for it"
    async with asyncio.timeout(10):
        while not shown:
            await asyncio.sleep(0.001)
    args = pulumi.ErrorHookArgs if end == "on_error" else pulumi.ResourceHookArgs
    assert not ends(args(URN, "", "airflow-service", "aws:ecs/service:Service", SERVICE))
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("before_create", "after_create"),
        ("before_update", "after_update"),
        ("before_create", "on_error"),
        ("before_update", "on_error"),
    ],
)
def test_how_far_the_service_is_is_shown_beside_it_until_the_provider_is_done(
    monkeypatch: pytest.MonkeyPatch, begin: str, end: str
) -> None:
    mocks.set_mocks(Recorder())
    pulumi.runtime.set_config("aws:endpoints", json.dumps([{"ecs": "http://127.0.0.1:4566"}]))
    ecs, shown = Ecs(), list[tuple[str, Any, bool]]()

    def session(**_: object) -> Ecs:
        return ecs

    def info(text: str, *, resource: Any, ephemeral: bool) -> None:
        shown.append((text, resource.urn, ephemeral))

    monkeypatch.setattr(boto3, "Session", session)
    monkeypatch.setattr(pulumi.log, "info", info)
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.001)

    async def scenario() -> list[tuple[str, str | None, bool]]:
        await run_hooks(begin, end, shown)
        return [(text, await urn.future(), ephemeral) for text, urn, ephemeral in shown]

    said = asyncio.get_event_loop().run_until_complete(scenario())

    assert said == [("task 1 is PENDING", URN, True)]
    assert ecs.client_options.pop("config").retries["mode"] == "standard"
    assert ecs.client_options == {"region_name": "eu-west-1", "endpoint_url": "http://127.0.0.1:4566"}


def test_what_ecs_has_given_up_is_told_while_the_provider_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    mocks.set_mocks(Recorder())
    ecs, told = Ecs(), list[str]()
    primary = {"id": "new", "status": "PRIMARY", "rolloutStateReason": "tasks failed to start."}
    ecs.answers = [
        [{**service(), "status": "ACTIVE", "deployments": [{**primary, "rolloutState": state}]}]
        for state in ("IN_PROGRESS", "FAILED")
    ]

    def session(**_: object) -> Ecs:
        return ecs

    def explained(cluster_arn: str, task_definition_arn: str) -> str:
        return f"Why {task_definition_arn} stopped in {cluster_arn}."

    def info(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(boto3, "Session", session)
    monkeypatch.setattr(pulumi.log, "info", info)
    monkeypatch.setattr(pulumi.log, "error", told.append)
    monkeypatch.setattr(given_up, "explain_service", explained)
    monkeypatch.setattr(given_up, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.001)

    asyncio.get_event_loop().run_until_complete(run_hooks("before_create", "on_error", told))

    [text] = told
    assert text.startswith("tasks failed to start. The provider waits all the same, up to 40 minutes")
    assert text.endswith(f"\nWhy airflow:1 stopped in {CLUSTER}.")
