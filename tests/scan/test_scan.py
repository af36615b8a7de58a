"""A scanner that knows AWS finds nothing in what the component makes but what is accepted."""

import functools
import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import pytest
from pulumi.runtime.mocks import MockResourceArgs

from tests.scan.accepted import ACCEPTED
from tests.scan.checkov import Finding, scan, types
from tests.scan.terraform import Template, template
from tests.unit.conftest import build_component
from tests.unit.snapshots import FOLDER

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
    "PostgreSQL and workers": {
        "database": "postgres",
        "executors": ["CeleryExecutor"],
        "worker_count_min": 0,
        "worker_count_max": 4,
    },
    "tasks in containers of their own": {
        "executors": ["LocalExecutor", "AwsEcsExecutor"],
        "task_role_policy_arns": ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"],
    },
}

FULL, WORKERS = "DAGs and secrets", "PostgreSQL and workers"
"""The setups that are broken below."""


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


def a_database_that_the_internet_reaches(broken: Template) -> None:
    broken["aws_db_instance"]["airflow-database"]["publicly_accessible"] = True


def a_broker_without_tls(broken: Template) -> None:
    broken["aws_elasticache_replication_group"]["airflow-broker"]["transit_encryption_enabled"] = False


IN_FULL: dict[Callable[[Template], None], Finding] = {
    an_ingress_from_everywhere: Finding("CKV_AWS_24", "airflow-ingress-all"),
    no_block_of_public_access: Finding("CKV2_AWS_6", "airflow-dags"),
    a_password_in_plain_text: Finding("CKV2_AWS_34", "airflow-ADMIN_PASSWORD"),
    a_role_that_may_do_everything: Finding("CKV_AWS_62", "airflow-task-policy"),
    a_role_that_anybody_may_assume: Finding("CKV_AWS_60", "airflow-task-role"),
    one_role_for_everything: Finding("CKV_AWS_249", "airflow-task-definition"),
    a_log_for_ever: Finding("CKV_AWS_66", "airflow-logs"),
}
IN_WORKERS: dict[Callable[[Template], None], Finding] = {
    a_database_that_the_internet_reaches: Finding("CKV_AWS_17", "airflow-database"),
    a_broker_without_tls: Finding("CKV_AWS_30", "airflow-broker"),
}
BREAKS = {FULL: IN_FULL, WORKERS: IN_WORKERS}

Findings = dict[str, dict[Finding, str]]


@functools.cache
def registered(setup: str) -> Sequence[MockResourceArgs]:
    return build_component(**SETUPS[setup]).recorder.resources


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """In every setup, and in those that are broken, in every way, by one run of the scanner."""
    templates = {setup: template(registered(setup)) for setup in SETUPS}
    for setup, breaks in BREAKS.items():
        for break_it in breaks:
            broken = deepcopy(templates[setup])
            break_it(broken)
            templates[break_it.__name__] = broken
    return scan(templates, tmp_path_factory.mktemp("scan"))


def test_the_scanner_knows_every_type_by_the_name_that_it_is_written_with() -> None:
    written = {kind for setup in SETUPS for kind in template(registered(setup))}

    assert written - types() == set()


def test_every_type_that_the_component_registers_anywhere_is_in_one_of_the_setups() -> None:
    snapshots = [json.loads(file.read_text())["resources"] for file in FOLDER.iterdir()]
    recorded = {place.partition("::")[0] for resources in snapshots for place in resources}
    scanned = {resource.typ for setup in SETUPS for resource in registered(setup)}

    assert {each for each in recorded if each.startswith("aws:")} - scanned == set()


@pytest.mark.parametrize("setup", SETUPS)
def test_nothing_is_found_but_what_is_accepted(findings: Findings, setup: str) -> None:
    accepted = {Finding(each.check, resource) for each in ACCEPTED for resource in each.resources}

    assert {finding: title for finding, title in findings[setup].items() if finding not in accepted} == {}


@pytest.mark.parametrize("accepted", ACCEPTED, ids=lambda accepted: accepted.check)
def test_what_is_accepted_is_found_and_has_a_reason(findings: Findings, accepted: Any) -> None:
    found = {finding for setup in SETUPS for finding in findings[setup]}

    assert {resource for resource in accepted.resources if Finding(accepted.check, resource) not in found} == set()
    assert len(accepted.reason) > 40


@pytest.mark.parametrize(
    ("setup", "break_it", "finding"),
    [
        pytest.param(setup, break_it, finding, id=break_it.__name__)
        for setup, breaks in BREAKS.items()
        for break_it, finding in breaks.items()
    ],
)
def test_the_scanner_sees_what_is_broken(
    findings: Findings, setup: str, break_it: Callable[[Template], None], finding: Finding
) -> None:
    assert finding in findings[break_it.__name__]
    assert finding not in findings[setup]
