"""A limit of Fargate or of a registry reaches the error of `pulumi up`, with what a person can do about it."""

import re
from typing import Any, NamedTuple

import pytest

from local.testing.controls import limits
from local.testing.deployed import Deployed


class Limit(NamedTuple):
    """A resource that has run out, and the words for it."""

    limits: dict[str, Any]
    reason: str
    way_out: str


LIMITS = {
    "no more pulls": Limit(
        {"pulls": False},
        r"The newest of [3-9] stopped tasks: CannotPullContainerError: .* 429 Too Many Requests .*toomanyrequests: ",
        "run `pulumi up` again in some hours",
    ),
    "no more vCPUs": Limit(
        {"vcpus": 0.25},
        "ECS could not start a task: You've reached the limit on the number of vCPUs",
        "Fargate On-Demand vCPU resource count",
    ),
    "no room in any zone": Limit(
        {"full_zones": [f"us-east-1{letter}" for letter in "abcdef"]},
        "ECS could not start a task: Capacity is unavailable at this time.",
        "name subnets in other zones in `subnet_ids`",
    ),
}


def test_up_names_the_limit_and_the_way_out(stack: Deployed, subtests: pytest.Subtests) -> None:
    for name, limit in LIMITS.items():
        # Something else each time: without a change there is no other deployment.
        stack.configure(environment={"LIMIT": name})

        with subtests.test(name), limits(stack.cloud.emulator.endpoint, **limit.limits):
            text = stack.workspace.up(fails=True)
            assert re.search(limit.reason, text), text
            assert limit.way_out.lower() in text.lower()
            assert "Traceback" not in text
