"""GitHub's workflows: CI runs what everybody runs, a release publishes what was tried, and every action is pinned."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    [only] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"].values()
    return only


def test_it_runs_on_linux_with_the_lowest_and_the_newest_supported_python(job: dict[str, Any]) -> None:
    versions = [text.rpartition(" :: ")[2] for text in PROJECT["classifiers"] if "Python :: 3." in text]

    assert job["runs-on"].startswith("ubuntu-")
    assert job["strategy"]["matrix"]["python"] == [versions[0], versions[-1]]
    assert PROJECT["requires-python"] == f">={versions[0]}"


def test_it_runs_what_everybody_runs_and_nothing_else(job: dict[str, Any]) -> None:
    namespaces, *commands = [step["run"] for step in job["steps"] if "run" in step]
    assert namespaces.startswith("sudo sysctl ")
    assert commands == [".ci/run"]
    assert {step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step} == {
        "actions/checkout",
        "actions/setup-python",
    }


@pytest.fixture(scope="module")
def release() -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_a_commit_with_its_version_beside_it(workflow: Path) -> None:
    used = re.findall(r"^.*\buses: (.+)$", workflow.read_text(), re.MULTILINE)
    of_others = [action for action in used if not action.startswith("./")]

    assert used
    assert [each for each in of_others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_and_nothing_else_unless_a_job_says_more(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}
    assert "secrets." not in workflow.read_text()


def test_a_release_is_published_after_the_tests_of_ci_and_the_trial_of_the_wheel(release: dict[str, Any]) -> None:
    commands = [step["run"] for step in release["build"]["steps"] if "run" in step]

    assert release["test"]["uses"] == "./.github/workflows/ci.yml"
    assert release["publish"]["needs"] == ["test", "build"]
    assert release["announce"]["needs"] == ["build", "publish"]
    assert "refs/heads/main" in commands[0]
    assert [command.split(" > ")[0] for command in commands[1:3]] == [
        'make -s release-notes REPOSITORY="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"',
        "make release-check",
    ]


def test_pypi_trusts_the_job_that_publishes_and_nobody_else(release: dict[str, Any]) -> None:
    permissions = {name: job.get("permissions") for name, job in release.items()}
    [_, upload] = release["publish"]["steps"]

    assert permissions == {
        "test": None,
        "build": None,
        "publish": {"id-token": "write"},
        "announce": {"contents": "write"},
    }
    assert release["publish"]["environment"]["name"] == "pypi"
    assert upload["with"] == {"attestations": True}
