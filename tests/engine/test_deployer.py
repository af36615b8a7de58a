"""The policy document for whoever deploys: what a stack's life asks of AWS, and what is known to come besides."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from release.deployer import BESIDES, DOCUMENT, action, calls_of_a_life, policy


@pytest.fixture(scope="module")
def calls(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return calls_of_a_life(cloud, tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(DOCUMENT.read_text())


def test_the_document_is_what_the_calls_of_a_stacks_life_need(calls: set[str], document: dict[str, Any]) -> None:
    assert document == policy(calls), "make deployer-policy"


def test_nothing_is_named_as_coming_besides_that_the_calls_show(calls: set[str]) -> None:
    seen = {action(call) for call in calls}

    assert {each for group in BESIDES.values() for each in group} & seen == set()


def test_tags_are_set_and_removed_where_they_are_allowed_to_be(calls: set[str], document: dict[str, Any]) -> None:
    tagging = [call for call in calls if re.match(r"ecs:(Unt|T)agResource ", call)]

    arns = {(action(call), json.loads(call.partition(" ")[2])["resourceArn"]) for call in tagging}

    assert {arn.split(":")[5].partition("/")[0] for _, arn in arns} == {"cluster", "service", "task-definition"}
    assert {each for each in arns if not allows(document, *each)} == set()


def allows(document: dict[str, Any], action: str, arn: str) -> bool:
    """Whether a statement has the action for the resource."""
    return any(
        action in each["Action"]
        and any(
            fnmatchcase(arn, pattern)
            for pattern in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
        )
        for each in document["Statement"]
    )


def test_only_what_aws_gives_for_no_single_resource_is_allowed_for_all(document: dict[str, Any]) -> None:
    for_all = [
        each for statement in document["Statement"] if statement["Resource"] == "*" for each in statement["Action"]
    ]

    unscoped = re.compile(
        r"ec2:|ecs:(Create|Deregister|Describe|List|Register|Tag)|(logs|ssm):Describe|rds:DescribeDBInstances$"
        # Of these the ARNs have numbers, as EC2's have.
        r"|route53:|servicediscovery:|application-autoscaling:"
    )
    assert [each for each in for_all if not unscoped.match(each)] == []


def test_the_document_fits_into_a_managed_policy() -> None:
    # IAM: 6,144 characters, white space not counted.
    assert len(re.sub(r"\s", "", DOCUMENT.read_text())) <= 6144


def test_the_page_says_where_the_document_is() -> None:
    assert f"({DOCUMENT.name})" in Path(DOCUMENT.with_name("deployer.md")).read_text()
