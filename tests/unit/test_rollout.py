"""What ECS says of the service's deployment: it is waited for, told when it failed, and followed by another."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.exceptions
import pulumi
import pytest
from airflow_fargate import session as sessions
from airflow_fargate.endpoint import public_ip
from airflow_fargate.task import diagnosis, rollout
from airflow_fargate.task.rollout import Rollout

from .conftest import Deploy

ACCOUNT, REGION = "123456789012", "us-east-1"
SERVICE = "aws:ecs/service:Service"
GET_SERVICE = "aws:ecs/getService:getService"
OLD, NEW = (f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/airflow:{revision}" for revision in (0, 1))
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/airflow"
SERVICE_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/airflow/airflow"

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PROGRESS = Rollout("IN_PROGRESS", "ECS deployment ecs-svc/1 in progress.", NEW, NOON)
DONE = Rollout("COMPLETED", "ECS deployment ecs-svc/1 completed.", NEW, NOON)
ROLLED_BACK = replace(DONE, task_definition_arn=OLD)
MISSING = Rollout("MISSING", "", "")
FAILED = Rollout("FAILED", "ECS deployment circuit breaker: tasks failed to start.", NEW, NOON)

Say = Callable[..., list[str]]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Say:
    """Have ECS say one thing after another, the last one for ever; returns the clusters that were asked for."""

    def prepare(*said: Rollout | None, registered_at: datetime = NOON) -> list[str]:
        ahead, asked = list(said), list[str]()

        def ask(cluster_arn: str) -> Rollout:
            asked.append(cluster_arn)
            if (next_said := ahead.pop(0) if len(ahead) > 1 else ahead[0]) is None:
                raise botocore.exceptions.NoCredentialsError
            return next_said

        def registered(_: str) -> datetime:
            return registered_at

        def explained(*_: str) -> str:
            return "because of its log"

        monkeypatch.setattr(rollout, "is_mocked", lambda: False)
        monkeypatch.setattr(rollout, "ask", ask)
        monkeypatch.setattr(rollout, "registered_at", registered)
        monkeypatch.setattr(public_ip, "explain_service", explained)
        monkeypatch.setattr(rollout, "POLL_SECONDS", 0.0)
        return asked

    return prepare


@pytest.mark.parametrize(
    ("said", "registered_at"),
    [
        (DONE, NOON),
        (PROGRESS, NOON),
        (None, NOON),
        (MISSING, NOON),
        (ROLLED_BACK, NOON + timedelta(seconds=1)),
    ],
    ids=["completed", "in progress", "nothing", "none", "another task definition than the new one"],
)
def test_a_service_that_was_not_given_up_has_no_triggers(
    deploy: Deploy, say: Say, said: Rollout | None, registered_at: datetime
) -> None:
    say(said, DONE, registered_at=registered_at)

    assert "triggers" not in deploy().inputs(SERVICE), "what is given and taken away again would be a change each time"


@pytest.mark.parametrize("said", [FAILED, ROLLED_BACK], ids=["failed", "rolled back"])
def test_a_deployment_that_ecs_has_given_up_is_followed_by_another(deploy: Deploy, say: Say, said: Rollout) -> None:
    asked = say(said, DONE, registered_at=NOON - timedelta(seconds=1))

    service = deploy().inputs(SERVICE)

    assert service["triggers"] == {"failed_at": "2026-11-25T12:00:00+00:00"}, "another time each time that it fails"
    assert service["forceNewDeployment"] is True, "the provider starts none for a trigger without it"
    assert asked[0] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/airflow-cluster-1234567"


def test_what_is_yet_to_be_made_is_another_deployment_by_itself(say: Say) -> None:
    """A preview shows no trigger that the update then does not have."""
    asked = say(FAILED)

    async def triggers() -> object:
        loop = asyncio.get_running_loop()
        value, known = loop.create_future(), loop.create_future()
        value.set_result(None)
        known.set_result(False)
        unknown = pulumi.Output[str](set(), value, known)
        return await rollout.another_deployment(pulumi.Output.from_input(CLUSTER), unknown).future()

    assert asyncio.get_event_loop().run_until_complete(triggers()) is None
    assert asked == []


def test_the_address_is_given_when_the_deployment_has_completed(deploy: Deploy, say: Say) -> None:
    asked = say(DONE, PROGRESS, PROGRESS, DONE)

    assert deploy().outputs["public_ip"] == "203.0.113.80"
    assert asked == 4 * [f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/airflow-cluster-1234567"], (
        "once for the triggers, then until it has completed"
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (FAILED, "failed: ECS deployment circuit breaker: tasks failed to start. Run `pulumi up` again once the cause"),
        (PROGRESS, "is not healthy yet: ECS deployment ecs-svc/1 in progress. Run `pulumi up` again in a few minutes."),
        (ROLLED_BACK, f"ECS rolled the service back to {OLD}"),
    ],
    ids=["failed", "too slow", "rolled back"],
)
def test_without_a_healthy_task_there_is_no_address_but_the_reason(
    deploy: Deploy, say: Say, monkeypatch: pytest.MonkeyPatch, said: Rollout, words: str
) -> None:
    monkeypatch.setattr(rollout, "WAIT_MINUTES", 0)
    say(said)

    with pytest.raises(pulumi.RunError) as failed:
        deploy()

    assert words in str(failed.value)
    assert "because of its log" in str(failed.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (PROGRESS, "is not healthy yet"),
        (FAILED, "failed: ECS deployment circuit breaker"),
        (ROLLED_BACK, f"ECS rolled the service back to {OLD}"),
        (MISSING, "somebody has deleted it. `pulumi up --refresh` creates it again"),
    ],
    ids=["in progress", "failed", "rolled back", "deleted"],
)
def test_a_preview_does_not_wait_and_warns(
    deploy: Deploy, say: Say, monkeypatch: pytest.MonkeyPatch, said: Rollout, words: str
) -> None:
    warnings: list[str] = []

    def warn(message: str, **_: object) -> None:
        warnings.append(message)

    monkeypatch.setattr(pulumi.log, "warn", warn)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    say(said)

    assert deploy().outputs["public_ip"] == ""
    assert [words in warning for warning in warnings] == [True]


class Ecs:
    """Stands for a boto3 session and its ECS client."""

    def __init__(self, *services: dict[str, Any]) -> None:
        self.services = services
        self.asked: dict[str, Any] = {}
        self.told: list[dict[str, Any]] = []

    def client(self, service: str, **options: Any) -> "Ecs":
        self.asked = {"service": service, **options}
        return self

    def list_services(self, **_: Any) -> dict[str, Any]:
        return {"serviceArns": [str(number) for number, _ in enumerate(self.services)]}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": list(self.services)}

    def update_service(self, **request: Any) -> None:
        self.told.append(request)


def service(status: str, *deployments: tuple[str, Rollout]) -> dict[str, Any]:
    described = [
        {
            "status": status,
            "rolloutState": of.state,
            "rolloutStateReason": of.reason,
            "taskDefinition": of.task_definition_arn,
        }
        for status, of in deployments
    ]
    said = [
        {"message": "has stopped 1 running tasks", "createdAt": NOON - timedelta(minutes=minutes)}
        for minutes in (9, 0, 5)
    ]
    return {"status": status, "deployments": described, "events": said}


@pytest.mark.parametrize(
    ("services", "found"),
    [
        pytest.param([], MISSING, id="no service yet"),
        pytest.param([service("ACTIVE", ("ACTIVE", DONE), ("PRIMARY", FAILED))], FAILED, id="the primary one counts"),
        pytest.param([service("INACTIVE", ("PRIMARY", FAILED))], MISSING, id="a service that was deleted"),
        pytest.param([service("INACTIVE"), service("ACTIVE", ("PRIMARY", DONE))], DONE, id="one that replaced another"),
    ],
)
def test_ecs_is_asked_for_the_primary_deployment_of_the_clusters_service(
    monkeypatch: pytest.MonkeyPatch, services: list[dict[str, Any]], found: Rollout
) -> None:
    ecs = Ecs(*services)

    def session(_: object) -> Ecs:
        return ecs

    monkeypatch.setattr(sessions, "aws_session", session)

    assert rollout.ask(CLUSTER) == found
    assert (ecs.asked["service"], ecs.asked["region_name"]) == ("ecs", REGION)


def test_a_service_that_is_not_there_is_said_to_be_gone(deploy: Deploy, say: Say) -> None:
    say(MISSING)

    with pytest.raises(pulumi.RunError, match=r"somebody has deleted it\. `pulumi up --refresh` creates it again"):
        deploy()


def test_a_preview_does_not_ask_the_provider_which_fails_without_a_service(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

    assert GET_SERVICE not in [call.token for call in deploy().recorder.calls]


def test_an_answer_that_cannot_be_had_is_none(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: str) -> None:
        raise botocore.exceptions.NoCredentialsError

    monkeypatch.setattr(rollout, "ask", refused)
    monkeypatch.setattr(rollout, "is_mocked", lambda: False)

    assert deploy().outputs["public_ip"] == "203.0.113.80"


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (FAILED, "pulumi up"),
        (ROLLED_BACK, "pulumi up"),
        (botocore.exceptions.NoCredentialsError(), "pulumi up --replace 'urn:pulumi:dev::airflow::service'"),
    ],
    ids=["which sees it", "which sees the rollback", "of the service, when ECS cannot be asked"],
)
def test_a_failure_names_the_command_that_starts_another_deployment(
    monkeypatch: pytest.MonkeyPatch, said: Rollout | Exception, command: str
) -> None:
    logged: list[str] = []

    def ask(_: str) -> Rollout:
        if isinstance(said, Exception):
            raise said
        return said

    def explained(*_: str) -> str:
        return "The newest of 3 stopped tasks: …"

    monkeypatch.setattr(diagnosis, "ask", ask)
    monkeypatch.setattr(diagnosis, "explain_service", explained)
    monkeypatch.setattr(pulumi.log, "error", logged.append)
    failure = pulumi.ErrorHookArgs(
        urn="urn:pulumi:dev::airflow::service",
        id="",
        name="airflow-service",
        type=SERVICE,
        new_inputs={"cluster": CLUSTER, "taskDefinition": NEW},
        failed_operation="create",
        errors=[],
    )

    assert diagnosis.explain_failed_service(failure) is False, "the engine tries nothing again"
    assert logged == [f"The newest of 3 stopped tasks: …\nOnce the cause is gone, run: {command}"]


def test_a_rollback_that_fails_as_well_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []

    def ask(_: str) -> Rollout:
        return replace(FAILED, task_definition_arn=OLD)

    def explained(_: str, of: str) -> str:
        return f"Why {of} stopped."

    monkeypatch.setattr(diagnosis, "ask", ask)
    monkeypatch.setattr(diagnosis, "explain_service", explained)
    monkeypatch.setattr(pulumi.log, "error", logged.append)

    diagnosis.explain_failed_service(
        pulumi.ErrorHookArgs(
            urn="urn:pulumi:dev::airflow::service",
            id=SERVICE_ARN,
            name="airflow-service",
            type=SERVICE,
            new_inputs={"cluster": CLUSTER, "taskDefinition": NEW},
            failed_operation="update",
            errors=[],
        )
    )

    [text] = logged
    assert text.splitlines() == [
        f"Why {NEW} stopped.",
        f"What ran before, {OLD}, does not start any more either. Why {OLD} stopped.",
        "Once the cause is gone, run: pulumi up",
    ]


@pytest.mark.parametrize(
    ("was", "runs", "told"),
    [
        pytest.param(
            NEW, ROLLED_BACK, [{"cluster": CLUSTER, "service": SERVICE_ARN, "taskDefinition": NEW}], id="lies"
        ),
        pytest.param(NEW, DONE, [], id="is right"),
        pytest.param(NEW, MISSING, [], id="has a service that was deleted"),
        pytest.param(OLD, ROLLED_BACK, [], id="shows a difference, which the provider sends"),
    ],
)
def test_an_update_tells_ecs_what_shall_run_where_the_state(
    monkeypatch: pytest.MonkeyPatch, was: str, runs: Rollout, told: list[dict[str, str]]
) -> None:
    ecs = Ecs()

    def ask(_: str) -> Rollout:
        return runs

    monkeypatch.setattr(rollout, "ask", ask)

    update_service(monkeypatch, ecs, {"taskDefinition": NEW}, {"taskDefinition": was})

    assert ecs.told == told


@pytest.mark.parametrize(
    ("was", "runs", "is_scaled", "told"),
    [
        pytest.param(1, 4, False, [1], id="no longer scaled, by the update"),
        pytest.param(1, 1, False, [], id="as it is"),
        pytest.param(2, 4, False, [], id="another one, which the provider sends"),
        pytest.param(1, 4, True, [], id="scaled"),
    ],
)
def test_an_update_tells_ecs_how_many_tasks_shall_run(
    monkeypatch: pytest.MonkeyPatch, was: int, runs: int, is_scaled: bool, told: list[int]
) -> None:
    ecs = Ecs({**service("ACTIVE", ("PRIMARY", DONE)), "desiredCount": runs})

    inputs, state = ({"taskDefinition": NEW, "desiredCount": count} for count in (1, was))
    update_service(monkeypatch, ecs, inputs, state, is_scaled=is_scaled)

    assert [each["desiredCount"] for each in ecs.told] == told


def update_service(
    monkeypatch: pytest.MonkeyPatch,
    ecs: Ecs,
    inputs: dict[str, Any],
    state: dict[str, Any],
    *,
    is_scaled: bool = False,
) -> None:
    """Do what comes before an update of the service to `inputs`, which is as `state` has it."""

    def session(_: object) -> Ecs:
        return ecs

    monkeypatch.setattr(sessions, "aws_session", session)
    rollout.deploy_what_the_state_has(
        pulumi.ResourceHookArgs(
            urn="urn:pulumi:dev::airflow::service",
            id=SERVICE_ARN,
            name="airflow-service",
            type=SERVICE,
            new_inputs={"cluster": CLUSTER, **inputs},
            old_outputs=state,
        ),
        is_scaled=is_scaled,
    )


def test_with_pulumis_mocks_nobody_is_asked(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(_: str) -> None:
        raise AssertionError("a unit test asked AWS")

    monkeypatch.setattr(rollout, "ask", asked)

    deploy()
