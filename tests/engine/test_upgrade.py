"""A stack that the previous release, run from its recorded sources, has made; the present code goes on with it."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from local.cloud import Cloud
from local.testing.deployed import ARGS, OFFICIAL, PROGRAM, Deployed
from local.testing.workspace import Workspace
from release.paths import SOURCES
from tests.stories import tell

DAG = "from airflow.sdk import dag\n"

# Every change of one is a new revision, by ECS's design; the service goes over to it in place.
REPLACED_BY_DESIGN = {"aws:ecs/taskDefinition:TaskDefinition"}


@pytest.fixture(scope="module")
def stack(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Generator[Deployed]:
    """Deploy what the previous release makes, with an argument of every kind, and put the present program there."""
    folder = tmp_path_factory.mktemp("upgrade")
    package = folder / "released" / "airflow_fargate"
    package.mkdir(parents=True)
    [sources] = SOURCES.iterdir()
    for name, text in json.loads(sources.read_text()).items():
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text(text)
    (folder / "dags").mkdir()
    (folder / "dags" / "hello.py").write_text(DAG)
    args = {name: value for name, value in ARGS.items() if name not in OFFICIAL}
    args |= {"dags_path": "dags", "egress_ports": [5432], "environment": {"A": "1"}, "tags": {"team": "data"}}
    program = PROGRAM.replace("ARGS", repr(args))
    deployed = Deployed(cloud, Workspace.make(cloud, folder, "", {}))
    deployed.workspace.write(f"import sys\nsys.path.insert(0, 'released')\n{program}")
    deployed.workspace.up()
    assert any("/released/airflow_fargate/" in json.dumps(each) for each in deployed.workspace.export()["resources"])
    deployed.workspace.write(program)
    yield deployed
    deployed.workspace.destroy()


def zones_of_subnets(stack: Deployed) -> set[str]:
    answer = stack.client("ec2").describe_subnets(SubnetIds=stack.workspace.outputs()["subnet_ids"])
    return {subnet["AvailabilityZone"] for subnet in answer["Subnets"]}


def test_the_present_code_goes_on_with_it(stack: Deployed, subtests: pytest.Subtests) -> None:
    tell(
        subtests,
        [
            nothing_is_replaced_or_taken_away,
            a_service_whose_controller_is_not_known_is_not_replaced_for_it,
            the_subnets_stay_in_zones_that_would_not_be_chosen_now,
            the_stack_goes_on_at_once_with_what_it_had,
        ],
        stack,
    )


def nothing_is_replaced_or_taken_away(stack: Deployed) -> None:
    text = stack.workspace.preview("--json", "--show-sames")

    steps: list[dict[str, Any]] = json.loads(text[text.index("{") :])["steps"]
    others = [step for step in steps if step["urn"].split("::")[2].rpartition("$")[2] not in REPLACED_BY_DESIGN]
    assert len(others) > 25
    assert {step["urn"]: step["op"] for step in others if step["op"] not in ("same", "update", "create")} == {}
    created = {step["urn"].rpartition("::")[2] for step in others if step["op"] == "create"}
    assert "airflow-lifetime-security-group" in created
    assert {name for name in created if name.startswith("airflow-data")} == {
        "airflow-data",
        "airflow-data-encryption",
        "airflow-data-lifecycle",
        "airflow-data-policy",
        "airflow-data-public-access-block",
        "airflow-data-versioning",
    }


def a_service_whose_controller_is_not_known_is_not_replaced_for_it(stack: Deployed) -> None:
    state = stack.workspace.export()
    [service] = [each for each in state["resources"] if each["type"] == "aws:ecs/service:Service"]
    assert "deploymentController" not in service["inputs"]
    # ECS need not tell the one that a service has when none was asked for.
    del service["outputs"]["deploymentController"]
    (stack.workspace.stack.project / "state.json").write_text(json.dumps({"version": 3, "deployment": state}))
    stack.workspace.stack.pulumi("stack", "import", "--file", str(stack.workspace.stack.project / "state.json"))

    text = stack.workspace.preview("--json")

    steps: list[dict[str, Any]] = json.loads(text[text.index("{") :])["steps"]
    assert [step["op"] for step in steps if step["urn"] == service["urn"]] == ["update"]


def the_subnets_stay_in_zones_that_would_not_be_chosen_now(stack: Deployed) -> None:
    stack.workspace.up()

    assert zones_of_subnets(stack) == {"us-east-1-bos-1a", "us-east-1a"}
    subnets = [each for each in stack.workspace.export()["resources"] if each["type"] == "aws:ec2/subnet:Subnet"]
    assert {each["inputs"]["availabilityZone"] for each in subnets} == {"us-east-1-bos-1a", "us-east-1a"}


def the_stack_goes_on_at_once_with_what_it_had(stack: Deployed) -> None:
    before = stack.workspace.outputs()

    stack.workspace.up()

    kept = ("admin_password", "cluster_arn", "service_arn", "security_group_id", "vpc_id", "subnet_ids")
    after = stack.workspace.outputs()
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert len(stack.task_arns) == 1
    stack.workspace.preview("--expect-no-changes")
