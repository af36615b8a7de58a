"""AWS's other partitions: China and GovCloud have ARNs of their own, and China has names of hosts of its own."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import pulumi
import pytest
from airflow_fargate.cost import monthly_cost_basis

from .conftest import Deploy, Recorder, Registered, build_component


class Partition(NamedTuple):
    """The name of the partition in its ARNs."""

    name: str
    region: str
    hosts: str
    """The end of the names of AWS's hosts."""


PARTITIONS = {
    "China": Partition("aws-cn", "cn-north-1", "amazonaws.com.cn"),
    "GovCloud": Partition("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
}

# IAM user guide, "AWS service principals": that of ECS's tasks is called so in every partition.
PRINCIPAL = "ecs-tasks.amazonaws.com"

in_each = pytest.mark.parametrize("partition", PARTITIONS.values(), ids=PARTITIONS, scope="module")


@pytest.fixture(scope="module")
def deployment(partition: Partition, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """Everything that names something of AWS, switched on."""
    dags = tmp_path_factory.mktemp("dags")
    (dags / "dag.py").touch()
    recorder = Recorder()
    recorder.partition, recorder.region = partition.name, partition.region
    return build_component(
        recorder=recorder,
        image=f"210987654321.dkr.ecr.{partition.region}.{partition.hosts}/data/airflow:7",
        dags_path=str(dags),
        enable_exec=True,
        permissions_boundary_arn=f"arn:{partition.name}:iam::123456789012:policy/boundary",
        secrets={"TOKEN": "t0ken"},
        spot=True,
    )


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in cast(Mapping[str, Any], value).items():
            yield from texts(each)
    elif isinstance(value, Sequence):
        for each in cast(Sequence[Any], value):
            yield from texts(each)


def everything(deployment: Registered) -> str:
    """Return all that is asked of AWS and said to the person."""
    asked: list[Any] = [resource.inputs for resource in deployment.recorder.resources]
    asked += [call.args for call in deployment.recorder.calls]
    said = {name: value for name, value in deployment.outputs.items() if value != monthly_cost_basis(())}
    return "\n".join(texts([*asked, said]))


@in_each
def test_every_arn_is_of_the_partition(deployment: Registered, partition: Partition) -> None:
    partitions = re.findall(r"\barn:([^:]*):", everything(deployment))

    assert len(partitions) > 10
    assert set(partitions) == {partition.name}


@in_each
def test_every_host_of_aws_is_called_as_the_partition_calls_it(deployment: Registered, partition: Partition) -> None:
    hosts = set(re.findall(r"[\w.-]+\.(?:amazonaws|aws|amazon|amazonwebservices)\.com[\w.-]*", everything(deployment)))

    assert f"210987654321.dkr.ecr.{partition.region}.{partition.hosts}" in hosts
    assert {host for host in hosts if not host.endswith(f".{partition.hosts}")} <= {PRINCIPAL}


@in_each
def test_the_task_may_pull_its_image_read_its_dags_and_write_its_log(
    deployment: Registered, partition: Partition
) -> None:
    def resources(policy: str) -> dict[str, Any]:
        document = json.loads(deployment.inputs("aws:iam/rolePolicy:RolePolicy", f"airflow-{policy}")["policy"])
        return {statement["Sid"]: statement["Resource"] for statement in document["Statement"]}

    made = f"arn:{partition.name}:test:{partition.region}:123456789012:airflow"
    execution, task = resources("execution-policy"), resources("task-policy")
    assert execution["PullImage"] == (
        f"arn:{partition.name}:ecr:{partition.region}:210987654321:repository/data/airflow"
    )
    assert execution["WriteLog"] == f"{made}-logs-1234567:*"
    assert task["ListDags"] == f"{made}-dags-1234567"
    assert task["ReadDags"] == f"{made}-dags-1234567/*"


@in_each
def test_ecs_acts_as_the_roles_for_tasks_of_this_account_there(deployment: Registered, partition: Partition) -> None:
    roles = deployment.inputs_of_all("aws:iam/role:Role")

    assert roles
    for role in roles:
        [statement] = json.loads(role["assumeRolePolicy"])["Statement"]
        assert statement["Principal"] == {"Service": PRINCIPAL}
        source = f"arn:{partition.name}:ecs:{partition.region}:123456789012:*"
        assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": source}


@in_each
def test_a_login_for_another_registry_is_taken_from_a_secret_there(deploy: Deploy, partition: Partition) -> None:
    secret = f"arn:{partition.name}:secretsmanager:{partition.region}:123456789012:secret:registry-AbCdEf"

    deployment = deploy(image="ghcr.io/acme/airflow:1", registry_credentials_arn=secret)

    assert secret in everything(deployment)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("cn-north-1.amazonaws.com", "cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1.amazonaws.com.cn", "us-gov-west-1.amazonaws.com"),
        ("eu-west-1.amazonaws.com.cn", "eu-west-1.amazonaws.com"),
    ],
)
def test_a_registry_by_a_name_of_another_partition_is_refused(deploy: Deploy, wrong: str, right: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        deploy(image=f"123456789012.dkr.ecr.{wrong}/airflow:1")

    assert f"; use 123456789012.dkr.ecr.{right}/airflow:1" in str(refused.value)
