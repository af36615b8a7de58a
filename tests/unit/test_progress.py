"""What `pulumi up` shows of a service while it waits for it."""

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import botocore.exceptions
import pytest
from airflow_fargate.task.progress import follow, summary

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
