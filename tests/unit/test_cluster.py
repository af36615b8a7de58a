"""The cluster in an account in which ECS has never run, whose role there comes a while after the first call."""

import asyncio

import pulumi
import pytest
from airflow_fargate.task import cluster

REFUSED = (
    "operation error ECS: PutClusterCapacityProviders, api error InvalidParameterException: Unable to assume the "
    "service linked role. Please verify that the ECS service linked role exists."
)


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    logged: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", logged.append)
    return logged


def tried_again(*errors: str) -> bool:
    """Return what becomes of a call that has failed so, the newest error first."""
    waited = cluster.await_linked_role(pulumi.ErrorHookArgs("urn", "", "name", "type", errors=[*errors]))
    return asyncio.get_event_loop().run_until_complete(waited)


def test_the_call_is_tried_again_while_the_role_is_not_there(logged: list[str]) -> None:
    assert tried_again(REFUSED)
    assert tried_again(REFUSED, REFUSED)
    assert logged == []


def test_another_error_is_not_tried_again(logged: list[str]) -> None:
    assert not tried_again("api error AccessDeniedException: no", REFUSED)
    assert logged == []


def test_a_role_that_has_not_come_in_a_minute_and_a_half_is_an_error_with_the_way_out(
    logged: list[str], slept: list[float]
) -> None:
    errors = [REFUSED]
    while tried_again(*errors):
        errors.append(REFUSED)

    assert 80 < sum(slept) < 90
    [line] = logged
    assert "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com" in line
