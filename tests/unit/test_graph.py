"""The resources that the component builds, as tables: one row a resource."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from airflow_fargate import AirflowFargate

from .conftest import Deploy, Node

COMPONENT = "airflow-fargate:index:AirflowFargate"

DEFAULT = {
    Node(COMPONENT, "airflow", "pulumi:pulumi:Stack"),
    Node("awsx:ec2:Vpc", "airflow-vpc", COMPONENT),
    Node("aws:ec2/securityGroup:SecurityGroup", "airflow-security-group", COMPONENT),
    Node("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "airflow-egress-https", COMPONENT),
    Node("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "airflow-egress-dns-udp", COMPONENT),
    Node("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "airflow-egress-dns-tcp", COMPONENT),
    Node("random:index/randomBytes:RandomBytes", "airflow-fernet-key", COMPONENT),
    Node("random:index/randomBytes:RandomBytes", "airflow-api-secret-key", COMPONENT),
    Node("random:index/randomBytes:RandomBytes", "airflow-jwt-secret", COMPONENT),
    Node("random:index/randomPassword:RandomPassword", "airflow-admin-password", COMPONENT),
    Node("aws:ssm/parameter:Parameter", "airflow-ADMIN_PASSWORD", COMPONENT),
    Node("aws:ssm/parameter:Parameter", "airflow-AIRFLOW__API_AUTH__JWT_SECRET", COMPONENT),
    Node("aws:ssm/parameter:Parameter", "airflow-AIRFLOW__API__SECRET_KEY", COMPONENT),
    Node("aws:ssm/parameter:Parameter", "airflow-AIRFLOW__CORE__FERNET_KEY", COMPONENT),
    Node("aws:cloudwatch/logGroup:LogGroup", "airflow-logs", COMPONENT),
    Node("aws:iam/role:Role", "airflow-execution-role", COMPONENT),
    Node("aws:iam/rolePolicy:RolePolicy", "airflow-execution-policy", COMPONENT),
    Node("aws:iam/role:Role", "airflow-task-role", COMPONENT),
    Node("aws:ecs/cluster:Cluster", "airflow-cluster", COMPONENT),
    Node("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", "airflow-capacity-providers", COMPONENT),
    Node("aws:ecs/taskDefinition:TaskDefinition", "airflow-task-definition", COMPONENT),
    Node("aws:ecs/service:Service", "airflow-service", COMPONENT),
}

INGRESS = Node("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "airflow-ingress-203.0.113.7-32", COMPONENT)

VPC = Node("awsx:ec2:Vpc", "airflow-vpc", COMPONENT)

OWN_VPC = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}
IPV6 = {
    Node("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", f"airflow-egress-{name}-ipv6", COMPONENT)
    for name in ("https", "dns-udp", "dns-tcp")
}

LOGIN = {node for node in DEFAULT if "API" in node.name or "ADMIN" in node.name} | {
    Node("random:index/randomBytes:RandomBytes", "airflow-api-secret-key", COMPONENT),
    Node("random:index/randomBytes:RandomBytes", "airflow-jwt-secret", COMPONENT),
    Node("random:index/randomPassword:RandomPassword", "airflow-admin-password", COMPONENT),
}


@pytest.mark.parametrize(
    ("args", "graph"),
    [
        pytest.param({}, DEFAULT, id="nothing given"),
        pytest.param({"allowed_cidrs": ["203.0.113.7/32"]}, DEFAULT | {INGRESS}, id="one allowed range"),
        pytest.param(
            {**OWN_VPC, "allowed_cidrs": ["2001:db8::/64"]},
            DEFAULT - {VPC} | IPV6 | {INGRESS._replace(name="airflow-ingress-2001.db8..-64")},
            id="an IPv6 range",
        ),
        pytest.param(
            OWN_VPC,
            DEFAULT - {VPC} | IPV6,
            id="an existing VPC",
        ),
        pytest.param(
            {"image": "puckel/docker-airflow:1.10.9", "cpu": 256, "memory": 512, "allowed_cidrs": ["203.0.113.7/32"]},
            DEFAULT - LOGIN | {INGRESS},
            id="the guide's image",
        ),
        pytest.param(
            {"admin_password": "correct horse battery"},
            DEFAULT - {Node("random:index/randomPassword:RandomPassword", "airflow-admin-password", COMPONENT)},
            id="a password of one's own",
        ),
        pytest.param({"spot": True}, DEFAULT, id="Spot"),
        pytest.param(
            {"enable_exec": True, "allowed_cidrs": []},
            DEFAULT | {Node("aws:iam/rolePolicy:RolePolicy", "airflow-task-policy", COMPONENT)},
            id="ECS Exec and no open port",
        ),
        pytest.param(
            {"secrets": {"API_TOKEN": "token"}},
            DEFAULT | {Node("aws:ssm/parameter:Parameter", "airflow-API_TOKEN", COMPONENT)},
            id="a secret of one's own",
        ),
        pytest.param(
            {"egress_ports": [5432]},
            DEFAULT
            | {Node("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "airflow-egress-tcp-5432", COMPONENT)},
            id="one more egress port",
        ),
    ],
)
def test_the_component_builds_exactly_these_resources(deploy: Deploy, args: dict[str, Any], graph: set[Node]) -> None:
    assert deploy(**args).graph == graph


def test_two_components_in_one_stack_share_nothing(deploy: Deploy) -> None:
    def program() -> AirflowFargate:
        AirflowFargate("first", {})
        return AirflowFargate("second", {})

    names = {node.name for node in deploy(program).graph}

    assert len(names) == 2 * len(DEFAULT)
    assert {name.replace("first", "second") for name in names} == {name for name in names if "second" in name}


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
