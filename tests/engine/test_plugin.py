"""The component as a plugin, through the real engine: programs in Pulumi YAML send it floats, unknowns and secrets."""

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import airflow_fargate
import pytest
import yaml
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.deployed import PLUGIN, Deployed, health, plugin_consumer
from local.testing.emulated import acting_as
from local.testing.workspace import Workspace

pytestmark = pytest.mark.usefixtures("pulumi_yaml")

SCHEMA = json.loads(Path(airflow_fargate.__file__).with_name("schema.json").read_text())
TOKEN = "airflow-fargate:index:AirflowFargate"
INPUTS: dict[str, dict[str, Any]] = SCHEMA["resources"][TOKEN]["inputProperties"]

PLUGIN_FOLDER = str(ROOT / "components")

REPOSITORY = "https://example.com/team/dags.git"

NUMBERS: dict[str, Any] = {
    "cpu": 1024,
    "memory": 3072,
    "port": 8080,
    "egressPorts": [5432],
    "ephemeralStorageGib": 30,
    "logRetentionDays": 7,
    "dagsRefreshSeconds": 45,
    "drainMinutes": 5,
    "databaseBackupDays": 7,
    "databaseSnapshotSeconds": 60,
    "databaseStorageGib": 20,
    "keepRunsDays": 30,
    "remoteTaskCpu": 256,
    "remoteTaskMemory": 1024,
    "workerConcurrency": 4,
    "workerCountMax": 0,
    "workerCountMin": 1,
    "workerCpu": 512,
    "workerMemory": 2048,
}
"""Every number. Pulumi YAML sends each as a float, as every consumer does."""

DATABASE_URL = "postgresql://airflow:a-word@db.example.com:5432/airflow"
FERNET_KEY = f"{'0' * 43}="
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
    }
)
SECRETS = (
    "a-password-of-our-own",
    "an-environment-value",
    "a-secret-value",
    "a-tag-value",
    "a-token-of-our-own",
    DATABASE_URL,
    FERNET_KEY,
)


def secret(value: Any) -> dict[str, Any]:
    return {"fn::secret": value}


OUTPUTS_AS_INPUTS: dict[str, Any] = {
    "image": secret("apache/airflow:3.3.2"),
    "registryCredentialsArn": secret("arn:aws:secretsmanager:us-east-1:123456789012:secret:login-AbCdEf"),
    "vpcId": secret("${first.vpcId}"),
    "subnetIds": secret("${first.subnetIds}"),
    "permissionsBoundaryArn": secret("arn:aws:iam::123456789012:policy/boundary"),
    "taskRolePolicy": secret(POLICY),
    "adminPassword": secret(SECRETS[0]),
    "environment": {"CLUSTER": "${first.clusterArn}", "GREETING": secret(SECRETS[1])},
    "secrets": {"FIRST": "${first.url}", "VALUE": secret(SECRETS[2])},
    "connections": {"first": "${first.url}", "value": secret("postgres://user:a-word-of-a-connection@db/sales")},
    "variables": {"first": "${first.url}", "value": secret("a word of a variable")},
    "tags": {"first": "${first.logGroupName}", "value": secret(SECRETS[3])},
    "dagsGitToken": secret(SECRETS[4]),
    "databaseUrl": secret(DATABASE_URL),
    "fernetKey": secret(FERNET_KEY),
}
"""Every argument that may be an output: unknown at preview, or a secret, or both."""


def write(folder: Path, components: dict[str, dict[str, Any]], outputs: dict[str, str]) -> None:
    program = {
        "name": "consumer",
        "runtime": "yaml",
        "packages": {"airflow-fargate": PLUGIN_FOLDER},
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
    everything = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
    }
    cloud.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(everything))
    outputs = {name: f"${{second.{name}}}" for name in ("url", "adminPassword", "clusterArn", "subnetIds")}
    both = {"allowedCidrs": ["127.0.0.0/8"], "dagsGitUrl": REPOSITORY}
    write(
        folder,
        {
            "first": {**both, **NUMBERS, "executors": ["LocalExecutor", "AwsEcsExecutor"]},
            "second": {**both, **OUTPUTS_AS_INPUTS, "egressPorts": [5432]},
        },
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


def test_a_policy_from_yaml_is_what_the_role_of_the_same_task_may_do(cloud: Cloud, tmp_path: Path) -> None:
    outputs = {name: f"${{airflow.{name}}}" for name in ("clusterArn", "taskRoleArn")}
    write(tmp_path, {"airflow": {}}, outputs)
    workspace = Workspace.of(cloud, tmp_path, {})
    try:
        workspace.up()
        role, cluster = workspace.outputs()["taskRoleArn"], workspace.outputs()["clusterArn"]
        before = cloud.client("ecs").list_tasks(cluster=cluster)["taskArns"]
        s3 = acting_as(cloud.emulator.endpoint, role, "s3")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_buckets()

        write(tmp_path, {"airflow": {"taskRolePolicy": POLICY}}, outputs)
        workspace.up()

        assert s3.list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert cloud.client("ecs").list_tasks(cluster=cluster)["taskArns"] == before
    finally:
        workspace.destroy()


def test_package_add_makes_it_known_to_a_project_with_the_schema_that_is_committed(
    cloud: Cloud, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: consumer\nruntime: yaml\n")
    stack = Workspace.of(cloud, tmp_path, {}).stack
    stack.prepare()

    stack.pulumi("package", "add", PLUGIN_FOLDER)

    assert yaml.safe_load((tmp_path / "Pulumi.yaml").read_text())["packages"] == {"airflow-fargate": PLUGIN_FOLDER}
    seen = json.loads(stack.pulumi("package", "get-schema", PLUGIN_FOLDER).stdout)
    for kind in ("inputProperties", "properties"):
        assert seen["resources"][TOKEN][kind] == SCHEMA["resources"][TOKEN][kind]


def takes_outputs(declared: dict[str, Any]) -> bool:
    """Whether it may be an output, or as a map has values that may be."""
    values: dict[str, Any] = declared.get("additionalProperties", {"plain": True})
    return not (declared.get("plain") and values.get("plain"))


def test_every_argument_that_may_be_an_output_is_tested_as_one() -> None:
    assert {name for name, declared in INPUTS.items() if takes_outputs(declared)} == set(OUTPUTS_AS_INPUTS)


def test_every_number_is_tested_as_a_float() -> None:
    assert {name for name, declared in INPUTS.items() if "integer" in json.dumps(declared)} == set(NUMBERS)


def test_numbers_that_arrive_as_floats_are_whole_ones(stack: Deployed) -> None:
    task = definition(stack, "first")
    container = task["containerDefinitions"][0]
    environment = {variable["name"]: variable["value"] for variable in container["environment"]}
    [bundle] = json.loads(environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])

    assert (task["cpu"], task["memory"], task["ephemeralStorage"]) == ("1024", "3072", {"sizeInGiB": 30})
    assert container["portMappings"][0]["containerPort"] == 8080
    assert container["memory"] == 3072
    assert bundle["kwargs"]["refresh_interval"] == 45
    assert (environment["AIRFLOW_FARGATE_KEEPER_SECONDS"], environment["AIRFLOW_FARGATE_KEEP_RUNS_DAYS"]) == (
        "60",
        "30",
    )
    assert resource(stack, "first-logs")["inputs"]["retentionInDays"] == 7
    assert resource(stack, "first-egress-tcp-5432")["inputs"]["toPort"] == 5432
    assert resource(stack, "first")["outputs"]["url"].endswith(":8080")
    # The programs that run in the container have floats of their own.
    del container["command"], container["healthCheck"]["command"]
    inputs = [each.get("inputs", {}) for each in stack.workspace.export()["resources"]]
    inputs = [each for each in inputs if "containerDefinitions" not in each]
    assert re.findall(r"[^\d.]\d+\.0(?![\d.])", json.dumps([container, inputs])) == []


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
    cluster = stack.workspace.outputs()["clusterArn"]
    tags = {tag["key"]: tag["value"] for tag in stack.client("ecs").list_tags_for_resource(resourceArn=cluster)["tags"]}

    assert container["image"] == "apache/airflow:3.3.2"
    assert environment["CLUSTER"].startswith("arn:aws:ecs:")
    assert environment["GREETING"] == "an-environment-value"
    assert values["FIRST"].startswith("http://127.")
    assert values["VALUE"] == "a-secret-value"
    assert values["AIRFLOW__CORE__FERNET_KEY"] == FERNET_KEY
    assert values["ADMIN_PASSWORD"] == "a-password-of-our-own"
    assert "a-token-of-our-own" in values["AIRFLOW_CONN_DAGS_GIT"]
    assert tags["first"].startswith("first-logs")
    assert tags["value"] == "a-tag-value"
    assert resource(stack, "second-cluster")["outputs"]["arn"] == cluster


def test_no_secret_is_in_the_state_in_plain_text(stack: Deployed) -> None:
    state = json.dumps(stack.workspace.export())

    assert [value for value in SECRETS if value in state] == []
    assert "ciphertext" in resource(stack, "second-security-group")["inputs"]["vpcId"]
    assert "ciphertext" in resource(stack, "second-task-definition")["inputs"]["containerDefinitions"]


def test_the_outputs_are_those_of_the_component(stack: Deployed) -> None:
    outputs = stack.workspace.outputs()

    assert health(outputs["url"]) == "healthy"
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


PLAIN = {name: declared for name, declared in INPUTS.items() if declared.get("plain")}


def sample(declared: dict[str, Any]) -> Any:
    samples: dict[str, Any] = {"boolean": True, "integer": 7654321, "string": "hidden", "object": {"hidden": "hidden"}}
    return [sample(declared["items"])] if declared["type"] == "array" else samples[declared["type"]]


def not_refused_as_outputs(text: str) -> list[str]:
    return [name for name in PLAIN if f"  {name}: is an output or a secret, but decides what is created" not in text]


def test_secrets_for_arguments_that_must_be_plain_are_refused_by_name_and_not_shown(refused: Any) -> None:
    text = refused({name: secret(sample(declared)) for name, declared in PLAIN.items()})

    assert not_refused_as_outputs(text) == []
    assert "hidden" not in text
    assert "7654321" not in text
    assert "Traceback" not in text
    assert "File " not in text


def test_unknown_values_for_arguments_that_must_be_plain_are_refused_by_name(cloud: Cloud, tmp_path: Path) -> None:
    # In Python, whose outputs are unknown at preview whatever their type.
    workspace = plugin_consumer(cloud, tmp_path)
    unknown = ", ".join(f"{name!r}: group.arn.apply(lambda _: {sample(PLAIN[name])!r})" for name in PLAIN)
    workspace.write(
        f"import pulumi_aws as aws\ngroup = aws.cloudwatch.LogGroup('group')\n{PLUGIN}\n"
        f"PluginAirflow('airflow', {{{unknown}}})"
    )

    assert not_refused_as_outputs(workspace.preview(fails=True)) == []


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
