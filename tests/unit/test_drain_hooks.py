"""What the hooks of a service do around its update if it is to be drained: where they ask, and what they say."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import boto3
import botocore.exceptions
import pulumi
import pulumi_aws as aws_sdk
import pytest
from airflow_fargate import AirflowFargate
from airflow_fargate.task import drain
from airflow_fargate.task.drain import Drain
from airflow_fargate.task.running import RunningAirflow
from pulumi.runtime import mocks

from .conftest import Deploy, Recorder
from .test_drain import Airflow, airflow

__all__ = ["airflow"]

CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/airflow"
BEFORE = {"cluster": CLUSTER, "name": "airflow", "taskDefinition": "airflow:1"}
AFTER = {**BEFORE, "taskDefinition": "airflow:2"}
PAUSED = {"active": True, "paused": True, "also/active": True}
UNPAUSED = {"active": False, "paused": True, "also/active": False}
REFUSED = botocore.exceptions.ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListTasks")

Found = RunningAirflow | Exception | None


class Said(NamedTuple):
    """What was shown and warned of."""

    shown: list[str]
    warned: list[str]


class Aws:
    """Stands for a boto3 session, and for what AWS knows of the running task: each answer but the last one once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[Found] = []
        self.clients: list[Any] = []
        monkeypatch.setattr(boto3, "Session", self.session)
        monkeypatch.setattr(drain, "running_airflow", self.running_airflow)

    def session(self, **_: object) -> "Aws":
        return self

    def client(self, service: str, **options: Any) -> tuple[str, Any]:
        self.clients.append((service, options))
        return service, options

    def running_airflow(self, *clients: Any, cluster: str, service: str) -> RunningAirflow | None:
        assert clients == tuple(
            (name, {"region_name": "eu-west-1", "endpoint_url": f"http://{name}.example"})
            for name in ("ecs", "ec2", "ssm")
        )
        assert (cluster, service) == (CLUSTER, "airflow")
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    mocks.set_mocks(Recorder())
    endpoints = {name: f"http://{name}.example" for name in ("ecs", "ec2", "ssm")}
    pulumi.runtime.set_config("aws:endpoints", json.dumps([endpoints]))
    monkeypatch.setattr(drain, "POLL_SECONDS", 0.001)
    return Aws(monkeypatch)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    said = Said([], [])

    def show(text: str, urn: str) -> None:
        assert urn == "urn"
        said.shown.append(text)

    monkeypatch.setattr(drain, "show_beside", show)
    monkeypatch.setattr(pulumi.log, "warn", said.warned.append)
    return said


def run(hooks: Sequence[Callable[[Any], Any]], args: Any) -> Any:
    """Run the one hook of its kind, as the SDK does."""
    [hook] = hooks

    async def result() -> Any:
        return await hook(args)

    return asyncio.get_event_loop().run_until_complete(result())


def begin(draining: Drain, new: dict[str, Any] | None = None) -> None:
    args = pulumi.ResourceHookArgs("urn", "id", "airflow-service", "type", new or AFTER, BEFORE)
    run(draining.hooks.before_update or (), args)


def end(draining: Drain) -> None:
    run(draining.hooks.after_update or (), pulumi.ResourceHookArgs("urn", "id", "name", "type", AFTER))


def fail(draining: Drain) -> bool:
    return run(draining.hooks.on_error or (), pulumi.ErrorHookArgs("urn", "id", "name", "type", AFTER))


def unhealthy(airflow: Airflow) -> RunningAirflow:
    healthy = airflow.running
    return RunningAirflow(healthy.task_arn, False, healthy.url, healthy.username, healthy.password)


def test_without_minutes_there_is_no_hook() -> None:
    hooks = Drain("airflow-service", 0).hooks

    assert (hooks.before_update or [], hooks.after_update or [], hooks.on_error or []) == ([], [], [])


@pytest.mark.parametrize("fails", [False, True], ids=["to the end", "that fails"])
def test_the_dags_are_paused_for_the_length_of_an_update(aws: Aws, said: Said, airflow: Airflow, fails: bool) -> None:
    aws.found = [airflow.running]
    draining = Drain("airflow-service", 1)

    begin(draining)
    assert airflow.paused == PAUSED
    if fails:
        assert fail(draining) is False, "the error stays one"
    else:
        end(draining)

    assert airflow.paused == UNPAUSED
    assert said == Said(["drained: no task of Airflow is at work"], [])


class Sts:
    """Stands for STS, as the program's own credentials reach it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str | Exception) -> None:
        self.asked: list[str] = []
        self._answer = answer
        monkeypatch.setattr(drain, "program_clients", self.clients)
        monkeypatch.setattr(drain, "is_mocked", lambda: False)

    def clients(self, arn: str) -> Callable[[str], "Sts"]:
        self.asked.append(arn)
        return lambda _: self

    def get_caller_identity(self) -> dict[str, str]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Account": self._answer}


def drained(provider: bool, minutes: int = 10) -> Callable[[], AirflowFargate]:
    def program() -> AirflowFargate:
        given = pulumi.ResourceOptions(provider=aws_sdk.Provider("elsewhere") if provider else None)
        return AirflowFargate("airflow", {"drain_minutes": minutes, "allowed_cidrs": ["203.0.113.7/32"]}, given)

    return program


def test_an_explicit_provider_of_another_account_cannot_be_drained(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts = Sts(monkeypatch, "999999999999")

    with pytest.raises(Exception, match=r"of the account 123456789012, and the program's own .* of 999999999999; give"):
        deploy(drained(provider=True))

    assert set(sts.asked) == {"arn:aws:sts:us-east-1:123456789012:"}


def test_one_of_the_programs_own_account_can(deploy: Deploy, monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    Sts(monkeypatch, "123456789012")

    deploy(drained(provider=True))

    assert said.warned == []


def test_where_the_account_cannot_be_asked_a_warning_says_what_draining_needs(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    Sts(monkeypatch, REFUSED)

    deploy(drained(provider=True))

    [warning] = set(said.warned)
    assert "Whether updates can be drained was not checked: " in warning


@pytest.mark.parametrize(("provider", "minutes"), [(False, 10), (True, 0)])
def test_whose_account_it_is_matters_to_nobody_else(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, provider: bool, minutes: int
) -> None:
    sts = Sts(monkeypatch, "999999999999")

    deploy(drained(provider, minutes))

    assert sts.asked == []


def test_an_update_that_starts_no_other_task_asks_nobody(aws: Aws, said: Said) -> None:
    draining = Drain("airflow-service", 1)

    begin(draining, {**BEFORE, "tags": {"a": "1"}})
    end(draining)

    assert aws.clients == []
    assert said == Said([], [])


def test_without_a_running_task_nothing_is_drained(aws: Aws, said: Said) -> None:
    aws.found = [None]

    begin(Drain("airflow-service", 1))

    assert said == Said(["no task runs, so nothing is drained"], [])


def test_a_task_that_is_not_healthy_is_replaced_without_waiting(aws: Aws, said: Said, airflow: Airflow) -> None:
    aws.found = [unhealthy(airflow)]

    begin(Drain("airflow-service", 1))

    assert airflow.paused == UNPAUSED
    [warning] = said.warned
    assert warning.startswith("The task is not healthy: the update replaces it")


@pytest.mark.parametrize("reason", [REFUSED, botocore.exceptions.NoCredentialsError()], ids=["refused", "not asked"])
def test_an_update_does_not_begin_if_aws_does_not_say_where_airflow_is(aws: Aws, reason: Exception) -> None:
    aws.found = [reason]

    with pytest.raises(pulumi.RunError) as failed:
        begin(Drain("airflow-service", 1))

    assert f"its task was left as it is: AWS could not be asked where it is: {reason}" in str(failed.value)


def test_an_update_does_not_begin_if_airflow_does_not_answer(aws: Aws, airflow: Airflow) -> None:
    aws.found = [airflow.running]
    airflow.out_of_order = "/auth/token"

    with pytest.raises(pulumi.RunError) as failed:
        begin(Drain("airflow-service", 1))

    assert f"its task was left as it is: {airflow.running.url} did not answer as it should: " in str(failed.value)


def test_what_is_still_at_work_when_the_minutes_are_over_is_a_warning(
    aws: Aws, said: Said, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drained(_airflow: object, seconds: float, _show: object) -> tuple[list[str], list[str]]:
        assert seconds == 120
        return ["active"], ["c.z", "a.x", "b.y"]

    aws.found = [airflow.running]
    monkeypatch.setattr(drain, "drain", drained)

    begin(Drain("airflow-service", 2))

    assert said.shown == []
    [warning] = said.warned
    assert warning.startswith("After 2 min (drain_minutes) 3 tasks of Airflow still at work (a.x, b.y, c.z). ")


def test_the_dags_go_on_as_soon_as_the_next_task_is_healthy(aws: Aws, said: Said, airflow: Airflow) -> None:
    aws.found = [airflow.running, None, unhealthy(airflow), airflow.running]
    draining = Drain("airflow-service", 1)
    begin(draining)

    end(draining)

    assert airflow.paused == UNPAUSED
    assert said.warned == []
    end(draining)
    assert len(aws.found) == 1, "nothing is left to do"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "no task is healthy"),
        (REFUSED, str(REFUSED)),
        (botocore.exceptions.NoCredentialsError(), "Unable to locate credentials"),
    ],
    ids=["no task", "refused", "not asked"],
)
def test_dags_that_may_still_be_paused_are_named(
    aws: Aws, said: Said, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, found: Found, reason: str
) -> None:
    monkeypatch.setattr(drain, "_RETURN_SECONDS", 0.05)
    airflow.paused = {f"dag-{number}": False for number in (5, 3, 1, 2, 4, 6)}
    aws.found = [airflow.running, found]
    draining = Drain("airflow-service", 1)
    begin(draining)

    end(draining)

    [warning] = said.warned
    names = "dag-1, dag-2, dag-3, dag-4, dag-5, dag-6"
    assert warning.startswith(f"These DAGs were paused for the update, and may still be: {names} ({reason}). ")
