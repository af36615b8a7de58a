"""Where the subnets are made, in accounts whose first zones by name are not all zones of Fargate."""

import json
from typing import Any

import pytest

from local.cloud import Cloud
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


def test_a_subnet_of_the_callers_where_fargate_is_not_ends_the_preview_of_any_program(
    cloud: Cloud, workspace: NewWorkspace
) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    place = {"VpcId": vpc, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1-bos-1a"}
    boston = ec2.create_subnet(**place)["Subnet"]["SubnetId"]

    text = workspace(PROGRAM.replace("ARGS", repr({**ARGS, "vpc_id": vpc, "subnet_ids": [boston]}))).preview(fails=True)

    assert f"subnet_ids: has {boston}, which lies in us-east-1-bos-1a (use1-bos1-az1); name one that lies in" in text
    assert "Traceback" not in text
