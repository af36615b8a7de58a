"""Calls in an account in which a service has never been used, whose role there comes a while after the first call."""

import asyncio

import pulumi
import pytest
from airflow_fargate.linked_role import ECS, ELASTICACHE, RDS, LinkedRole

from .conftest import Deploy

REFUSED = (
    "operation error ECS: PutClusterCapacityProviders, api error InvalidParameterException: Unable to assume the "
    "service linked role. Please verify that the ECS service linked role exists."
)
REFUSED_BY_OTHERS = {
    "subnet group": (
        "api error InvalidParameterValue: Missing necessary credentials. Please check "
        "http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html"
    ),
    "instance": (
        "api error InvalidParameterValue: Unable to create the resource. Verify that you have permission to create "
        "service linked role. Otherwise wait and try again later"
    ),
    "cache": (
        "ServiceLinkedRoleNotFoundFault: This action cannot be completed due to insufficient permissions. (Recommended "
        "action) Please create new role using IAM API CreateServiceLinkedRole."
    ),
}


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


def tried_again(*errors: str, role: LinkedRole = ECS) -> bool:
    """Return what becomes of a call that has failed so, the newest error first."""
    waited = role.await_it(pulumi.ErrorHookArgs("urn", "", "name", "type", errors=[*errors]))
    return asyncio.get_event_loop().run_until_complete(waited)


def test_the_call_is_tried_again_while_the_role_is_not_there(logged: list[str]) -> None:
    assert tried_again(REFUSED)
    assert tried_again(REFUSED, REFUSED)
    assert logged == []


@pytest.mark.parametrize("error", REFUSED_BY_OTHERS.values(), ids=REFUSED_BY_OTHERS)
def test_every_service_says_so_in_words_of_its_own(error: str) -> None:
    assert tried_again(error)


def test_another_error_is_not_tried_again(logged: list[str]) -> None:
    assert not tried_again("api error AccessDeniedException: no", REFUSED)
    assert logged == []


@pytest.mark.parametrize(
    ("role", "principal"),
    [(ECS, "ecs.amazonaws.com"), (ELASTICACHE, "elasticache.amazonaws.com"), (RDS, "rds.amazonaws.com")],
    ids=["ECS", "ElastiCache", "RDS"],
)
def test_a_role_that_has_not_come_in_a_minute_and_a_half_is_an_error_with_the_way_out(
    logged: list[str], slept: list[float], role: LinkedRole, principal: str
) -> None:
    errors = [REFUSED]
    while tried_again(*errors, role=role):
        errors.append(REFUSED)

    assert 80 < sum(slept) < 90
    [line] = logged
    assert f"(AWSServiceRoleFor{role.service})" in line
    assert f"aws iam create-service-linked-role --aws-service-name {principal}" in line


def test_whatever_may_be_the_first_of_its_service_waits_for_the_role(deploy: Deploy) -> None:
    deployment = deploy(database="postgres", executors=["CeleryExecutor"])

    waits = {
        each.name: each.options["hooks"].get("on_error", [])
        for each in deployment.registrations
        if each.type.partition(":")[2].split("/")[0] in ("elasticache", "rds") and "hooks" in each.options
    }
    assert waits == {
        "airflow-broker": ["airflow-broker-awaits-role"],
        "airflow-broker-subnet-group": ["airflow-broker-subnet-group-awaits-role"],
        "airflow-database": ["airflow-database-awaits-role", "airflow-database-failed"],
        "airflow-database-subnet-group": [
            "airflow-database-subnet-group-awaits-role",
            "airflow-database-subnet-group-failed",
        ],
    }
