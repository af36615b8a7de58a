"""A deployment that ECS has given up, and that is waited for all the same: a person is told, once."""

from typing import TYPE_CHECKING, cast

import pytest
from airflow_fargate.task.given_up import GRACE_SECONDS, GivenUp

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

Look = tuple[float, str, str]
"""After so many seconds the deployment of an id is in a state."""

SOON, LATE = 5.0, GRACE_SECONDS + 10


def service(deployment: str, state: str) -> "ServiceTypeDef":
    primary = {
        "id": deployment,
        "status": "PRIMARY",
        "rolloutState": state,
        "rolloutStateReason": f"{deployment} ended.",
    }
    other = {"id": "other", "status": "ACTIVE", "rolloutState": "FAILED", "rolloutStateReason": "other ended."}
    return cast("ServiceTypeDef", {"deployments": [other, primary] if deployment else []})


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        pytest.param([(0, "new", "IN_PROGRESS"), (LATE, "new", "IN_PROGRESS")], [], id="one that goes on"),
        pytest.param(
            [(0, "new", "IN_PROGRESS"), (SOON, "new", "FAILED")], [], id="one that the provider may still see"
        ),
        pytest.param(
            [(0, "new", "IN_PROGRESS"), (SOON, "new", "FAILED"), (SOON + LATE, "new", "FAILED")],
            ["new ended."],
            id="one that nobody has seen",
        ),
        pytest.param(
            [
                (0, "new", "IN_PROGRESS"),
                (SOON, "new", "FAILED"),
                (LATE + SOON, "new", "FAILED"),
                (300, "new", "FAILED"),
            ],
            ["new ended."],
            id="once",
        ),
        pytest.param([(0, "new", "FAILED"), (LATE, "new", "FAILED")], ["new ended."], id="one that fails at once"),
        pytest.param([(0, "before", "FAILED"), (LATE, "before", "FAILED")], [], id="one that had failed before"),
        pytest.param(
            [
                (0, "new", "IN_PROGRESS"),
                (SOON, "old", "IN_PROGRESS"),
                (10, "old", "FAILED"),
                (10 + LATE, "old", "FAILED"),
            ],
            ["old ended."],
            id="a rollback",
        ),
        pytest.param([(0, "", ""), (LATE, "", "")], [], id="none"),
    ],
)
def test_a_person_is_told_once_of_a_deployment_that_was_given_up(looks: list[Look], told: list[str]) -> None:
    given_up = GivenUp(service("before", "FAILED"))

    said = [given_up.reason(service(deployment, state), now) for now, deployment, state in looks]

    assert [reason for reason in said if reason] == told
