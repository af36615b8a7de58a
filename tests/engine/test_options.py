"""Options on the component reach what is in it, as Pulumi documents them: the plan of the real engine has them."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from local.cloud import Cloud
from tests.engine.deployed import ARGS
from tests.engine.workspace import Workspace

PROGRAM = """
import pulumi
import pulumi_aws as aws
from airflow_fargate import AirflowFargate

before = aws.cloudwatch.LogGroup("before")
airflow = AirflowFargate(NAME, ARGS, OPTIONS)
"""

Steps = dict[str, dict[str, Any]]


class Project:
    """A program with one component, under a name and with options."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def write(self, options: str, name: str = "airflow") -> None:
        program = PROGRAM.replace("NAME", repr(name)).replace("ARGS", repr(ARGS))
        self.workspace.write(program.replace("OPTIONS", f"pulumi.ResourceOptions({options})"))

    def plan(self) -> Steps:
        """Every step below the component, by its URN."""
        text = self.workspace.preview("--json")
        steps: list[dict[str, Any]] = json.loads(text[text.index("{") :])["steps"]
        return {step["urn"]: step for step in steps if "AirflowFargate$" in step["urn"]}


@pytest.fixture(scope="module")
def project(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Generator[Project]:
    workspace = Workspace.make(cloud, tmp_path_factory.mktemp("options"), "", {})
    yield Project(workspace)
    workspace.destroy()


def test_protect_and_retain_on_delete_and_depends_on_reach_every_child(project: Project) -> None:
    project.write("protect=True, retain_on_delete=True, depends_on=[before]")

    states = {urn: step["newState"] for urn, step in project.plan().items()}

    assert len(states) > 25
    assert [urn for urn, state in states.items() if not state.get("protect")] == []
    assert [urn for urn, state in states.items() if not state.get("retainOnDelete")] == []
    # What is in the VPC component waits as that one decides.
    ours = {urn: state for urn, state in states.items() if "$awsx:ec2:Vpc$" not in urn}
    assert [
        urn
        for urn, state in ours.items()
        if not any(other.endswith("::before") for other in state.get("dependencies", []))
    ] == []


def test_aliases_take_a_stack_over_to_another_name(project: Project) -> None:
    project.write("")
    project.workspace.up()
    project.write('aliases=[pulumi.Alias(name="airflow")]', name="renamed")

    steps = project.plan()

    assert {urn: step["op"] for urn, step in steps.items() if step["op"] not in ("same", "update")} == {}
    assert all("::renamed" in urn for urn in steps)


def test_without_the_alias_everything_would_be_made_anew(project: Project) -> None:
    project.write("", name="renamed")

    assert {"create", "delete"} <= {step["op"] for step in project.plan().values()}
