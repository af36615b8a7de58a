"""GitHub's workflow and the package agree on the Pythons that are supported, and `.ci/run` is all that is run."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
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
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert {step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step} == {
        "actions/checkout",
        "actions/setup-python",
    }
