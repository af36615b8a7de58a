"""`make acceptance STACK=…` on the local cloud: every step that it can show is taken, and nothing is left."""

import re
import shutil
import subprocess
import sys

import pytest

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.workspace import Workspace
from operate.acceptance.steps import STEPS

SKIPPED = dict.fromkeys(("a command by ecs exec", "a killed scheduler"), "is an emulator, which has no ECS Exec")
EITHER = "a first account"
"""Whether it is one, other tests have decided."""


@pytest.fixture
def workspace(root_workspace: Workspace) -> Workspace:
    shutil.copytree(ROOT / "dags", root_workspace.stack.project / "dags")
    return root_workspace


def accept(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    return workspace.command("operate.acceptance", workspace.stack.name, python=sys.executable)


def test_every_step_is_taken_or_says_why_not(cloud: Cloud, workspace: Workspace) -> None:
    before = cloud.left_behind()
    own = cloud.home.stack / f"Pulumi.{workspace.stack.name}.yaml"
    configuration = own.read_text()

    result = accept(workspace)

    rows = {step: cells for step, *cells in (re.split("  +", line) for line in result.stdout.splitlines())}
    steps = [step.__name__.replace("_", " ") for step in STEPS]
    assert list(rows) == steps, result.stderr
    assert {step: words for step, words in rows.items() if words[0] == "failed"} == {}
    assert [step for step, words in rows.items() if words[0] == "skipped" and step != EITHER] == list(SKIPPED)
    assert all(words in rows[step][2] for step, words in SKIPPED.items())
    assert result.returncode == 0
    assert cloud.left_behind() == before
    assert own.read_text() == configuration


def test_a_stack_that_has_something_is_refused(workspace: Workspace) -> None:
    workspace.write("import pulumi_random as random\nrandom.RandomPassword('somebodys', length=20)")
    workspace.up()

    result = accept(workspace)

    assert result.returncode == 2
    assert "has 2 resources, and the acceptance would destroy them" in result.stderr
    assert "`pulumi stack init acceptance`" in result.stderr
    assert workspace.export()["resources"]
