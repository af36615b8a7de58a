"""Where the subnets are made, in accounts whose first zones by name are not all zones of Fargate."""

import json
from typing import Any

import pytest

from local.testing.deployed import ARGS, PROGRAM

from .conftest import NewWorkspace


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("us-east-1", {"10.0.0.0/17": "us-east-1a", "10.0.128.0/17": "us-east-1b"}),
        ("ap-northeast-1", {"10.0.0.0/17": "ap-northeast-1a", "10.0.128.0/17": "ap-northeast-1c"}),
        ("eu-west-1", {"10.0.0.0/17": "eu-west-1a", "10.0.128.0/17": "eu-west-1b"}),
    ],
    ids=["a Local Zone is first", "Fargate is not in the second", "Fargate is in all"],
)
def test_subnets_are_made_in_the_first_two_zones_of_fargate(
    workspace: NewWorkspace, region: str, zones: dict[str, str]
) -> None:
    text = workspace(PROGRAM.replace("ARGS", repr(ARGS)), {"aws:region": region}).preview("--json")

    steps: list[dict[str, Any]] = json.loads(text[text.index("{") :])["steps"]
    states = [step["newState"] for step in steps]
    subnets = [state["inputs"] for state in states if state["type"] == "aws:ec2/subnet:Subnet"]
    assert {subnet["cidrBlock"]: subnet["availabilityZone"] for subnet in subnets} == zones
