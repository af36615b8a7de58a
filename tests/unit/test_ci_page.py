"""What docs/ci.md shows: a workflow with pinned actions, and roles that may do no more than they need."""

import json
import re
from fnmatch import fnmatch
from typing import Any

import yaml
from packaging.requirements import Requirement

from tests.paths import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text()
DEPLOYER: dict[str, Any] = json.loads((ROOT / "docs" / "deployer-policy.json").read_text())


def shown(language: str) -> list[Any]:
    return [
        yaml.safe_load(block) for block in re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    ]


WORKFLOW, ENVIRONMENT = shown("yaml")
TRUST, PREVIEWER = shown("json")
[JOB] = WORKFLOW["jobs"].values()


def test_a_pull_request_is_previewed_and_a_push_to_main_deployed() -> None:
    command = JOB["steps"][-1]["with"]["command"]

    assert WORKFLOW[True] == {"pull_request": None, "push": {"branches": ["main"]}}, "YAML reads `on` as a boolean"
    assert command == "${{ github.event_name == 'push' && 'up' || 'preview' }}"
    assert JOB["environment"] == "${{ github.event_name == 'push' && 'deploy' || 'preview' }}"


def test_a_project_of_ones_own_names_the_component_where_the_runner_finds_it() -> None:
    [requirement] = [line for line in PAGE.splitlines() if line.startswith("airflow-fargate @ ")]
    address, _, folder = (Requirement(requirement).url or "").partition("#subdirectory=")

    assert address.startswith("git+https://")
    assert (ROOT / folder / "pyproject.toml").exists()
    assert f"name the copy: `./{folder}`" in PAGE


def test_its_actions_are_commits_and_those_of_this_repository_the_same() -> None:
    actions = re.compile(r"uses: ([\w-]+/[\w/-]+)@(\S+ # v\S+)")
    ours = dict(actions.findall((ROOT / ".github" / "workflows" / "ci.yml").read_text()))
    theirs = dict(actions.findall(PAGE))

    assert theirs.keys() >= {"pulumi/actions", "aws-actions/configure-aws-credentials", *ours}
    assert [pin for pin in theirs.values() if not re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin)] == []
    assert {name: theirs[name] for name in ours} == ours


def test_a_run_may_do_what_its_job_says_and_has_no_key_of_aws() -> None:
    assert WORKFLOW["permissions"] == {}
    assert JOB["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
    assert re.findall(r"secrets\.(\w+)", PAGE) == ["PULUMI_ACCESS_TOKEN"]


def test_only_runs_of_one_environment_of_one_repository_get_the_deployers_role() -> None:
    [statement] = TRUST["Statement"]
    [(operator, condition)] = statement["Condition"].items()

    assert operator == "StringEquals"
    assert condition["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    assert condition["token.actions.githubusercontent.com:sub"].endswith(":environment:deploy")


def test_a_preview_reads_only_and_nothing_that_a_deployment_would_not() -> None:
    [statement] = PREVIEWER["Statement"]
    allowed = {action for each in DEPLOYER["Statement"] for action in each["Action"]}

    assert statement["Action"]
    for pattern in statement["Action"]:
        assert pattern.partition(":")[2].startswith(("Describe", "List"))
        assert [action for action in allowed if fnmatch(action, pattern)], f"the deployer needs no {pattern}"


def test_the_environment_of_esc_gives_credentials_and_configuration_that_the_program_has() -> None:
    values = ENVIRONMENT["values"]
    [namespace_of_ours] = {key for key in values["pulumiConfig"] if key != "aws:region"}

    assert values["environmentVariables"].keys() == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert values["aws"]["login"]["fn::open::aws-login"]["oidc"]["roleArn"].endswith(":role/airflow-deployer")
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert namespace_of_ours in {f"{project['name']}:{key}" for key in project["config"]}
