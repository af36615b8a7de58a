"""Options on the component reach what is in it, as Pulumi documents them: the plan of the real engine has them."""

import json
from collections.abc import Generator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from pulumi.provider.experimental.util import camel_case

from local.cloud import Cloud
from local.testing.deployed import ARGS, OFFICIAL, PLUGIN, Deployed, plugin_consumer
from local.testing.deployed import PROGRAM as WITH_OUTPUTS
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


OF_DATA = {"aws:cloudwatch/logGroup:LogGroup", "aws:ssm/parameter:Parameter", "random:index/randomBytes:RandomBytes"}
"""Without a bucket: the command of `ARGS` saves nothing to one."""


def kinds(states: Steps, option: str) -> set[str]:
    """Return the types of what has an option."""
    return {state["type"] for state in states.values() if state.get(option)}


@pytest.mark.parametrize("form", FORMS)
def test_options_reach_every_child_and_those_about_data_what_holds_it(project: Project, form: str) -> None:
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
    assert kinds(states, "protect") == kinds(states, "retainOnDelete") == OF_DATA
    assert [urn for urn, state in aws.items() if "::elsewhere::" not in state["provider"]] == []
    assert [urn for urn, state in tagged.items() if state["inputs"]["tags"].get("seen") != "yes"] == []
    assert [
        urn
        for urn, state in ours.items()
        if not any(other.endswith("::before") for other in state.get("dependencies", []))
    ] == []


def test_a_protected_component_is_updated_and_not_destroyed(stack: Deployed) -> None:
    pulumi = stack.workspace.stack.pulumi
    configure(stack, "protect=True")
    stack.workspace.up()
    try:
        configure(stack, "protect=True", environment={"GREETING": "again"}, allowed_cidrs=["127.0.0.1/32"])
        stack.workspace.up()

        assert sources(stack) == ["127.0.0.1/32"]
        assert {"name": "GREETING", "value": "again"} in stack.container["environment"]

        before = stack.cloud.left_behind()
        refused = pulumi("destroy", "--yes", check=False)

        assert refused.returncode
        assert "because it is protected" in refused.stdout + refused.stderr
        assert stack.cloud.left_behind() == before
    finally:
        pulumi("state", "unprotect", "--all", "--yes")


def test_of_a_retained_component_a_removed_range_is_closed_and_data_alone_stays(stack: Deployed) -> None:
    empty = stack.cloud.left_behind()
    configure(stack, "retain_on_delete=True", database="postgres", allowed_cidrs=["127.0.0.0/8", "203.0.113.0/24"])
    stack.workspace.up()
    configure(stack, "retain_on_delete=True", database="postgres", allowed_cidrs=["127.0.0.0/8"])
    stack.workspace.up()

    assert sources(stack) == ["127.0.0.0/8"]

    state = stack.workspace.stack.pulumi("stack", "export").stdout
    names = names_of(stack.workspace.export())
    stack.workspace.destroy()

    try:
        left = {name.removesuffix(":*") for name in stack.cloud.left_behind() - empty}
        assert {names[each] for each in left & names.keys()} == {
            "airflow-AIRFLOW__CORE__FERNET_KEY",
            "airflow-data",
            "airflow-database",
            "airflow-database-parameter-group",
            "airflow-database-security-group",
            "airflow-database-subnet-group",
            "airflow-logs",
            "airflow-vpc",
            "airflow-vpc-public-1",
            "airflow-vpc-public-2",
        }
    finally:
        forget_to_retain(stack, state)


@pytest.mark.parametrize("form", FORMS)
def test_two_components_may_have_one_name_below_different_parents(project: Project, form: str) -> None:
    project.write(form)
    with (project.workspace.stack.project / "__main__.py").open("a") as program:
        program.write('team = pulumi.ComponentResource("company:index:Team", "team")\n')
        program.write(f'{form}("airflow", {FORMS[form]!r}, pulumi.ResourceOptions(parent=team))\n')

    of_team = [urn for urn in project.plan() if "company:index:Team$" in urn]

    assert len(project.plan()) == 2 * len(of_team) > 50


def configure(stack: Deployed, options: str, **args: Any) -> None:
    """Write a program whose component has options, and saves its data to a bucket."""
    stack.configure(WITH_OUTPUTS.replace("ARGS", f"ARGS, pulumi.ResourceOptions({options})"), **OFFICIAL, **args)


def sources(stack: Deployed) -> list[str]:
    """Return the ranges that may come in."""
    of_group = [{"Name": "group-id", "Values": [stack.workspace.outputs()["security_group_id"]]}]
    rules = stack.client("ec2").describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]
    return [rule["CidrIpv4"] for rule in rules if not rule["IsEgress"]]


def names_of(deployment: dict[str, Any]) -> dict[str, str]:
    """Return the names in the program of what is in a state, by ids and ARNs; a bucket's id is its settings' too."""
    return {
        physical: resource["urn"].rpartition("::")[2]
        for resource in reversed(deployment["resources"])
        for physical in (resource.get("id"), resource.get("outputs", {}).get("arn"))
        if isinstance(physical, str)
    }


def forget_to_retain(stack: Deployed, state: str) -> None:
    """Give the stack its state back, so that it can be destroyed with all that it has left."""
    file = stack.workspace.stack.project / "state.json"
    file.write_text(state.replace('"retainOnDelete": true', '"retainOnDelete": false'))
    stack.workspace.stack.pulumi("stack", "import", "--file", str(file))
    stack.workspace.refresh()
    stack.workspace.destroy()


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
