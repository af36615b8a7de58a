"""What is true of the graph as a whole, whatever it is; the snapshots have each resource."""

import json
from collections.abc import Mapping
from typing import Any

import airflow_fargate
import pulumi
import pulumi_aws as aws
import pytest
from airflow_fargate import OUTPUTS, AirflowFargate, AirflowFargateArgs
from airflow_fargate.testing import Registration

from .conftest import Deploy, Registered
from .setups import SETUPS


def test_two_components_in_one_stack_share_nothing(deploy: Deploy) -> None:
    def program() -> AirflowFargate:
        AirflowFargate("first", {})
        return AirflowFargate("second", {})

    names = {each.name for each in deploy(program).registrations}

    first = {name for name in names if name.startswith("first")}
    assert {name.replace("first", "second", 1) for name in first} == names - first


def test_components_of_one_name_below_different_parents_share_no_hook(deploy: Deploy) -> None:
    args: AirflowFargateArgs = {"executors": ["CeleryExecutor"], "database": "postgres", "drain_minutes": 1}
    args["allowed_cidrs"] = ["203.0.113.7/32"]

    def program() -> AirflowFargate:
        AirflowFargate("airflow", args)
        team = pulumi.ComponentResource("company:index:Team", "team")
        return AirflowFargate("airflow", args, pulumi.ResourceOptions(parent=team))

    hooks: dict[str, list[set[str]]] = {}
    for each in deploy(program).registrations:
        names = {name for names in each.options.get("hooks", {}).values() for name in names}
        hooks.setdefault(each.urn, []).append(names)

    assert len([urn for urn, names in hooks.items() if any(names)]) == 8
    shared = {urn: names for urn, names in hooks.items() if len(names) == 2 and names[0] & names[1]}
    assert shared == {}


def test_the_outputs_of_the_component_are_those_that_are_named(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[set[str]] = []

    def register(_: AirflowFargate, outputs: dict[str, object]) -> None:
        registered.append(set(outputs))

    monkeypatch.setattr(AirflowFargate, "register_outputs", register)

    deploy()

    assert registered == [set(OUTPUTS)]


def test_the_package_has_what_it_names_and_nothing_else() -> None:
    assert [name for name in airflow_fargate.__all__ if not hasattr(airflow_fargate, name)] == []
    assert not hasattr(airflow_fargate, "Airflow")


def test_an_explicit_provider_reaches_every_child_and_every_lookup(deploy: Deploy) -> None:
    def program() -> AirflowFargate:
        provider = aws.Provider("frankfurt", region="eu-central-1")
        return AirflowFargate("airflow", {}, pulumi.ResourceOptions(provider=provider))

    recorder = deploy(program).recorder

    ours = [r for r in recorder.resources if r.typ.startswith("aws:")]
    assert ours
    assert {r.name: "::frankfurt::" in (r.provider or "") for r in ours} == {r.name: True for r in ours}
    assert recorder.calls
    assert {call.token: "::frankfurt::" in call.provider for call in recorder.calls} == {
        call.token: True for call in recorder.calls
    }


NEEDED = ("aws:iam/rolePolicy:", "aws:iam/rolePolicyAttachment:", "aws:vpc/securityGroup", "aws:s3/bucket")
EVERYTHING: dict[str, Any] = {
    "executors": ["LocalExecutor", "AwsEcsExecutor", "CeleryExecutor"],
    "database": "postgres",
    "task_role_policy_arns": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
}


@pytest.mark.parametrize("suffix", ["", "-remote", "-worker"])
def test_what_a_task_needs_stays_until_the_group_that_outlives_it_is_gone(deploy: Deploy, suffix: str) -> None:
    deployment = deploy(**EVERYTHING)
    by_urn = {each.urn: each for each in deployment.registrations}
    [group] = [each for each in by_urn.values() if each.name == f"airflow{suffix}-lifetime-security-group"]
    kept = [by_urn[urn] for urn in after(group.urn, by_urn)]

    needed = {
        each.name
        for each in by_urn.values()
        if each.type.startswith(NEEDED)
        and (suffix == each.name.removeprefix("airflow")[: len(suffix)])
        and (suffix or not each.name.startswith(("airflow-remote", "airflow-worker")))
    }
    assert needed - {each.name for each in kept} == set()
    assert {each.type for each in kept} >= {
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        "aws:s3/bucketPolicy:BucketPolicy",
        "awsx:ec2:Vpc",
    }
    assert group.options["customTimeouts"] == {"delete": "20m"}


def test_every_task_is_in_the_group_that_outlives_it(deploy: Deploy) -> None:
    deployment = deploy(**EVERYTHING)

    groups = {
        each.name: each.inputs["networkConfiguration"]["securityGroups"]
        for each in deployment.registrations
        if each.type == "aws:ecs/service:Service"
    }
    assert groups == {
        f"airflow{suffix}-service": [
            f"airflow{suffix}-security-group-id",
            f"airflow{suffix}-lifetime-security-group-id",
        ]
        for suffix in ("", "-worker")
    }
    definition = deployment.inputs("aws:ecs/taskDefinition:TaskDefinition", "airflow-task-definition")
    [container] = json.loads(definition["containerDefinitions"])
    variables = {each["name"]: each["value"] for each in container["environment"]}
    assert variables["AIRFLOW__AWS_ECS_EXECUTOR__SECURITY_GROUPS"].split(",") == [
        "airflow-remote-security-group-id",
        "airflow-remote-lifetime-security-group-id",
    ]


def after(urn: str, by_urn: Mapping[str, Registration]) -> set[str]:
    """Return what is deleted after a resource: all that it depends on, directly or not."""
    found: set[str] = set()
    waiting = [urn]
    while waiting:
        for each in by_urn[waiting.pop()].options.get("dependencies", ()):
            if each in by_urn and each not in found:
                found.add(each)
                waiting.append(each)
    return found


@pytest.fixture
def protected_setups(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> dict[str, Registered]:
    """Every setup with `protect` on the component."""
    init = AirflowFargate.__init__

    def protect(self: AirflowFargate, name: str, args: AirflowFargateArgs, opts: pulumi.ResourceOptions | None = None):
        init(self, name, args, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True)))

    monkeypatch.setattr(AirflowFargate, "__init__", protect)
    return {setup: deploy(program) for setup, program in SETUPS.items()}


def protected(deployment: Registered) -> set[str]:
    return {each.name for each in deployment.registrations if each.options.get("protect")} - {"airflow"}


DATA = {
    *("airflow-logs", "airflow-fernet-key", "airflow-AIRFLOW__CORE__FERNET_KEY", "airflow-data"),
    *(f"airflow-data-{of}" for of in ("encryption", "lifecycle", "policy", "public-access-block", "versioning")),
}
DATA_IN_RDS = {
    *("airflow-database", "airflow-vpc"),
    *(f"airflow-database-{of}" for of in ("parameter-group", "password", "security-group", "subnet-group")),
}
HOLDS_NO_DATA = {
    "aws:appautoscaling/policy:Policy",
    "aws:appautoscaling/target:Target",
    "aws:ecs/cluster:Cluster",
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
    "aws:ecs/service:Service",
    "aws:ecs/taskDefinition:TaskDefinition",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:elasticache/subnetGroup:SubnetGroup",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
    "aws:servicediscovery/service:Service",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
}


def test_protecting_the_component_protects_data_and_no_other_resource(
    protected_setups: dict[str, Registered],
) -> None:
    assert protected(protected_setups["a-folder-of-dags"]) == DATA
    assert protected(protected_setups["workers"]) == DATA | DATA_IN_RDS
    assert protected(protected_setups["an-instance-of-rds-kept"]) == DATA | DATA_IN_RDS


def test_whoever_adds_a_type_of_resource_says_whether_it_holds_data(protected_setups: dict[str, Registered]) -> None:
    ours = [
        each
        for deployment in protected_setups.values()
        for each in deployment.registrations
        if each.type.startswith(("aws:", "awsx:", "random:"))
    ]

    of_data = {each.type for each in ours if each.options.get("protect")}
    assert {each.type for each in ours} - of_data == HOLDS_NO_DATA, "is it made with `scope`, or `scope.for_data`?"
