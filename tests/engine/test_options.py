"""Options on the component reach what is in it, as Pulumi documents them: the plan of the real engine has them."""

import json
from collections.abc import Generator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from pulumi.provider.experimental.util import camel_case

from local.cloud import Cloud
from local.testing.deployed import ARGS, PLUGIN, plugin_consumer
from local.testing.workspace import Workspace

PROGRAM = Template(
    PLUGIN
    + """
import pulumi_aws as aws
from airflow_fargate import AirflowFargate

before = aws.cloudwatch.LogGroup("before")
endpoints = pulumi.Config("aws").require_object("endpoints")
elsewhere = aws.Provider(
    "elsewhere", region="eu-central-1", endpoints=endpoints, access_key="test", secret_key="test"
)

def tag(args):
    if args.type_.startswith("aws:") and "tags" in args.props:
        return pulumi.ResourceTransformResult({**args.props, "tags": {"seen": "yes"}}, args.opts)

$form($name, $args, pulumi.ResourceOptions($options))
"""
)

FORMS = {"AirflowFargate": ARGS, "PluginAirflow": {camel_case(name): value for name, value in ARGS.items()}}
"""The component as Python imports it and as the plugin serves it, each with the arguments as they are named there."""

Steps = dict[str, dict[str, Any]]


class Project:
    """A program with one component, in one of its forms, under a name and with options."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def write(self, form: str, options: str = "", name: str = "airflow") -> None:
        args = FORMS[form]
        self.workspace.write(PROGRAM.substitute(form=form, name=repr(name), args=repr(args), options=options))

    def plan(self) -> Steps:
        """Every step below the component, by its URN."""
        text = self.workspace.preview("--json", "--show-sames")
        steps: list[dict[str, Any]] = json.loads(text[text.index("{") :])["steps"]
        return {step["urn"]: step for step in steps if "AirflowFargate$" in step["urn"]}


@pytest.fixture
def project(cloud: Cloud, tmp_path: Path) -> Generator[Project]:
    workspace = plugin_consumer(cloud, tmp_path)
    yield Project(workspace)
    workspace.destroy()


@pytest.mark.parametrize("form", FORMS)
def test_options_reach_every_child(project: Project, form: str) -> None:
    project.write(
        form,
        "protect=True, retain_on_delete=True, depends_on=[before], providers=[elsewhere], transforms=[tag]",
    )

    states = {urn: step["newState"] for urn, step in project.plan().items()}
    aws = {urn: state for urn, state in states.items() if state["type"].startswith("aws:")}
    tagged = {urn: state for urn, state in aws.items() if "tags" in state["inputs"]}
    # What is in the VPC component waits as that one decides.
    ours = {urn: state for urn, state in states.items() if "$awsx:ec2:Vpc$" not in urn}

    assert len(aws) > 20
    assert len(tagged) > 10
    assert [urn for urn, state in states.items() if not state.get("protect")] == []
    assert [urn for urn, state in states.items() if not state.get("retainOnDelete")] == []
    assert [urn for urn, state in aws.items() if "::elsewhere::" not in state["provider"]] == []
    assert [urn for urn, state in tagged.items() if state["inputs"]["tags"].get("seen") != "yes"] == []
    assert [
        urn
        for urn, state in ours.items()
        if not any(other.endswith("::before") for other in state.get("dependencies", []))
    ] == []


def test_a_deployed_component_is_given_another_name(project: Project, subtests: pytest.Subtests) -> None:
    project.write("AirflowFargate")
    project.workspace.up()
    for form in FORMS:
        with subtests.test(f"aliases take its resources over: {form}"):
            project.write(form, 'aliases=[pulumi.Alias(name="airflow")]', name="renamed")

            steps = project.plan()

            assert len(steps) > 25
            assert {urn: step["op"] for urn, step in steps.items() if step["op"] not in ("same", "update")} == {}
            assert all("::renamed" in urn for urn in steps)
    with subtests.test("without the alias everything would be created again"):
        project.write("AirflowFargate", name="renamed")

        assert {"create", "delete"} <= {step["op"] for step in project.plan().values()}
