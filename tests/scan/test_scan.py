"""A scanner that knows AWS finds nothing in what the component makes but what is accepted."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.scan.accepted import ACCEPTED
from tests.scan.checkov import Finding, scan, types
from tests.scan.terraform import Template, template
from tests.unit.conftest import build_component

SETUPS: dict[str, dict[str, Any]] = {
    "default": {},
    "one allowed range": {"allowed_cidrs": ["203.0.113.7/32"]},
    "an existing VPC": {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]},
    "DAGs and secrets": {
        "dags_path": "dags",
        "dags_git_url": "https://example.com/dags.git",
        "dags_git_token": "a-token",
        "secrets": {"TOKEN": "a-token"},
    },
    "ECS Exec": {"enable_exec": True},
}

FULL = "DAGs and secrets"
"""The setup that is broken below."""


def an_ingress_from_everywhere(broken: Template) -> None:
    rule = {"cidr_ipv4": "0.0.0.0/0", "ip_protocol": "tcp", "from_port": 0, "to_port": 65535, "description": "all"}
    broken["aws_vpc_security_group_ingress_rule"] = {"airflow-ingress-all": rule}


def no_block_of_public_access(broken: Template) -> None:
    del broken["aws_s3_bucket_public_access_block"]


def a_password_in_plain_text(broken: Template) -> None:
    broken["aws_ssm_parameter"]["airflow-ADMIN_PASSWORD"]["type"] = "String"


def a_role_that_may_do_everything(broken: Template) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    broken["aws_iam_role_policy"]["airflow-task-policy"]["policy"] = policy


def a_role_that_anybody_may_assume(broken: Template) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    broken["aws_iam_role"]["airflow-task-role"]["assume_role_policy"] = policy


def one_role_for_everything(broken: Template) -> None:
    [definition] = broken["aws_ecs_task_definition"].values()
    definition["task_role_arn"] = definition["execution_role_arn"]


def a_log_for_ever(broken: Template) -> None:
    del broken["aws_cloudwatch_log_group"]["airflow-logs"]["retention_in_days"]


BREAKS: dict[Callable[[Template], None], Finding] = {
    an_ingress_from_everywhere: Finding("CKV_AWS_24", "airflow-ingress-all"),
    no_block_of_public_access: Finding("CKV2_AWS_6", "airflow-dags"),
    a_password_in_plain_text: Finding("CKV2_AWS_34", "airflow-ADMIN_PASSWORD"),
    a_role_that_may_do_everything: Finding("CKV_AWS_62", "airflow-task-policy"),
    a_role_that_anybody_may_assume: Finding("CKV_AWS_60", "airflow-task-role"),
    one_role_for_everything: Finding("CKV_AWS_249", "airflow-task-definition"),
    a_log_for_ever: Finding("CKV_AWS_66", "airflow-logs"),
}

Findings = dict[str, dict[Finding, str]]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """In every setup, and in the full one broken in every way, by one run of the scanner."""
    templates = {name: template(build_component(**args).recorder.resources) for name, args in SETUPS.items()}
    for break_it in BREAKS:
        broken = deepcopy(templates[FULL])
        break_it(broken)
        templates[break_it.__name__] = broken
    return scan(templates, tmp_path_factory.mktemp("scan"))


def test_the_scanner_knows_every_type_by_the_name_that_it_is_written_with() -> None:
    written = {kind for args in SETUPS.values() for kind in template(build_component(**args).recorder.resources)}

    assert written - types() == set()


@pytest.mark.parametrize("setup", SETUPS)
def test_nothing_is_found_but_what_is_accepted(findings: Findings, setup: str) -> None:
    accepted = {Finding(each.check, resource) for each in ACCEPTED for resource in each.resources}

    assert {finding: title for finding, title in findings[setup].items() if finding not in accepted} == {}


@pytest.mark.parametrize("accepted", ACCEPTED, ids=lambda accepted: accepted.check)
def test_what_is_accepted_is_found_and_has_a_reason(findings: Findings, accepted: Any) -> None:
    found = {finding for setup in SETUPS for finding in findings[setup]}

    assert {resource for resource in accepted.resources if Finding(accepted.check, resource) not in found} == set()
    assert len(accepted.reason) > 40


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda break_it: break_it.__name__)
def test_the_scanner_sees_what_is_broken(findings: Findings, break_it: Callable[[Template], None]) -> None:
    assert BREAKS[break_it] in findings[break_it.__name__]
    assert BREAKS[break_it] not in findings[FULL]
