"""The component as a plugin, through the real engine: programs in Pulumi YAML send it floats, unknowns and secrets."""

import json
import urllib.request
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import airflow_fargate
import pytest

from local.cloud import Cloud
from local.paths import ROOT
from tests.engine.deployed import Deployed
from tests.engine.workspace import Workspace

pytestmark = pytest.mark.usefixtures("pulumi_yaml")

SCHEMA = json.loads(Path(airflow_fargate.__file__).with_name("schema.json").read_text())
INPUTS: dict[str, dict[str, Any]] = SCHEMA["resources"]["airflow-fargate:index:AirflowFargate"]["inputProperties"]

PLAIN: dict[str, Any] = {
    "cpu": 1024,
    "memory": 3072,
    "port": 8080,
    "egressPorts": [5432],
    "ephemeralStorageGib": 30,
    "logRetentionDays": 7,
    "allowedCidrs": ["127.0.0.0/8"],
}
"""Every number, and what a first component needs."""

SECRETS = ("a-password-of-our-own", "an-environment-value", "a-secret-value", "a-tag-value")


def secret(value: Any) -> dict[str, Any]:
    return {"fn::secret": value}


OUTPUTS_AS_INPUTS: dict[str, Any] = {
    "allowedCidrs": ["127.0.0.0/8"],
    "image": secret("apache/airflow:3.3.2"),
    "vpcId": secret("${first.vpcId}"),
    "subnetIds": secret("${first.subnetIds}"),
    "adminPassword": secret(SECRETS[0]),
    "environment": {"CLUSTER": "${first.clusterArn}", "GREETING": secret(SECRETS[1])},
    "secrets": {"FIRST": "${first.url}", "VALUE": secret(SECRETS[2])},
    "tags": {"first": "${first.logGroupName}", "value": secret(SECRETS[3])},
}
"""Every argument that may be an output: unknown at preview, or a secret, or both."""


def write(folder: Path, components: dict[str, dict[str, Any]], outputs: dict[str, str]) -> None:
    program = {
        "name": "consumer",
        "runtime": "yaml",
        "packages": {"airflow-fargate": str(ROOT / "components")},
        "resources": {
            name: {"type": "airflow-fargate:AirflowFargate", "properties": properties}
            for name, properties in components.items()
        },
        "outputs": outputs,
    }
    (folder / "Pulumi.yaml").write_text(json.dumps(program))  # JSON is YAML


@pytest.fixture(scope="module")
def stack(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Generator[Deployed]:
    folder = tmp_path_factory.mktemp("yaml")
    outputs = {name: f"${{second.{name}}}" for name in ("url", "adminPassword", "clusterArn", "subnetIds")}
    write(
        folder,
        {"first": PLAIN, "second": OUTPUTS_AS_INPUTS},
        {**outputs, "first": "${first.taskDefinitionArn}", "second": "${second.taskDefinitionArn}"},
    )
    workspace = Workspace.of(cloud, folder, {})
    preview = workspace.preview()
    assert "second-FIRST create" in preview, "unknown values must not keep resources out of the preview"
    shown = preview + workspace.up()
    assert [value for value in SECRETS if value in shown] == []
    yield Deployed(cloud, workspace)
    workspace.destroy()


def definition(stack: Deployed, output: str) -> dict[str, Any]:
    arn = stack.workspace.outputs()[output]
    return stack.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]


def resource(stack: Deployed, name: str) -> dict[str, Any]:
    [found] = [each for each in stack.workspace.export()["resources"] if each["urn"].endswith(f"::{name}")]
    return found


def test_every_argument_that_may_be_an_output_is_tested_as_one() -> None:
    assert {name for name, declared in INPUTS.items() if not declared.get("plain")} - {"dagsGitToken"} <= set(
        OUTPUTS_AS_INPUTS
    )


def test_numbers_that_arrive_as_floats_are_whole_ones(stack: Deployed) -> None:
    task = definition(stack, "first")

    assert (task["cpu"], task["memory"], task["ephemeralStorage"]) == ("1024", "3072", {"sizeInGiB": 30})
    assert task["containerDefinitions"][0]["portMappings"][0]["containerPort"] == 8080
    assert task["containerDefinitions"][0]["memory"] == 3072
    assert '.0"' not in json.dumps(resource(stack, "first-task-definition")["inputs"])
    assert resource(stack, "first-logs")["inputs"]["retentionInDays"] == 7
    assert resource(stack, "first-egress-tcp-5432")["inputs"]["toPort"] == 5432


def test_outputs_and_secrets_arrive_whole(stack: Deployed) -> None:
    container = definition(stack, "second")["containerDefinitions"][0]
    environment = {variable["name"]: variable["value"] for variable in container["environment"]}
    parameters = {
        variable["name"]: variable["valueFrom"].partition(":parameter/")[2] for variable in container["secrets"]
    }
    ssm = stack.client("ssm")
    values = {
        name: ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]
        for name, parameter in parameters.items()
    }

    assert container["image"] == "apache/airflow:3.3.2"
    assert environment["CLUSTER"].startswith("arn:aws:ecs:")
    assert environment["GREETING"] == "an-environment-value"
    assert values["FIRST"].startswith("http://127.")
    assert values["VALUE"] == "a-secret-value"
    assert values["ADMIN_PASSWORD"] == "a-password-of-our-own"
    assert resource(stack, "second-cluster")["outputs"]["arn"] == stack.workspace.outputs()["clusterArn"]


def test_no_secret_is_in_the_state_in_plain_text(stack: Deployed) -> None:
    state = json.dumps(stack.workspace.export())

    assert [value for value in SECRETS if value in state] == []
    assert "ciphertext" in resource(stack, "second-security-group")["inputs"]["vpcId"]
    assert "ciphertext" in resource(stack, "second-task-definition")["inputs"]["containerDefinitions"]


def test_the_outputs_are_those_of_the_component(stack: Deployed) -> None:
    outputs = stack.workspace.outputs()

    with closing(urllib.request.urlopen(outputs["url"], timeout=5)) as answer:
        assert json.load(answer)["scheduler"]["status"] == "healthy"
    assert outputs["adminPassword"] == "a-password-of-our-own"
    assert len(outputs["subnetIds"]) == 2


def test_nothing_is_to_be_done_after_up(stack: Deployed) -> None:
    stack.workspace.preview("--expect-no-changes")


@pytest.fixture
def refused(cloud: Cloud, tmp_path: Path) -> Any:
    """Previews one component, and returns how it is refused."""

    def preview(properties: dict[str, Any]) -> str:
        write(tmp_path, {"airflow": properties}, {})
        return Workspace.of(cloud, tmp_path, {}).preview(fails=True)

    return preview


def test_secrets_for_arguments_that_must_be_plain_are_refused_by_name_and_not_shown(refused: Any) -> None:
    samples: dict[str, Any] = {"boolean": True, "integer": 7654321, "string": "hidden", "object": {"hidden": "hidden"}}
    plain = {name: declared for name, declared in INPUTS.items() if declared.get("plain")}

    def sample(declared: dict[str, Any]) -> Any:
        return [sample(declared["items"])] if declared["type"] == "array" else samples[declared["type"]]

    text = refused({name: secret(sample(declared)) for name, declared in plain.items()})

    assert [
        name for name in plain if f"  {name}: is an output or a secret, but decides what is created" not in text
    ] == []
    assert "hidden" not in text
    assert "7654321" not in text
    assert "Traceback" not in text
    assert "File " not in text


def test_refusals_arrive_with_the_names_that_the_program_uses(refused: Any) -> None:
    text = refused({"port": 80, "cpu": 512.0, "memory": 512.0, "allowedCidrs": ["0.0.0.0/0"], "adminPassword": "short"})

    assert "port: is 80; use 1024 to 65535" in text
    assert "allowedCidrs: has 0.0.0.0/0" in text
    assert "set allowPublicAccess to true" in text
    assert "adminPassword: has 5 characters" in text
    assert "memory: is 512 MiB; with cpu 512 Fargate has" in text
    assert "short" not in text
    assert "File " not in text


def test_a_secret_password_that_is_too_short_is_refused_as_well(refused: Any) -> None:
    text = refused({"adminPassword": secret("short")})

    assert "has 5 characters; use 12 or more" in text
    assert "short" not in text
