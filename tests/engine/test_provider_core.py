"""The provider stand-ins without an engine: every resource type through its whole life, and every refusal."""

import json
import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.providers.aws.provider import AwsStandIn
from tests.engine.provider_driver import Driven, configuration, configured

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
WRITE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}
CONTAINERS = [{"name": "app", "image": "app:1", "memory": 512, "portMappings": [{"containerPort": 80}]}]


@pytest.fixture(scope="module")
def endpoint() -> Generator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request says nothing
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def aws(endpoint: str) -> AwsStandIn:
    return configured(configuration(endpoint))


Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def client(endpoint: str) -> Client:
    session = boto3.Session("test", "test", region_name="us-east-1")

    def make(service: str) -> Any:
        # The stubs want literals.
        return session.client(service, endpoint_url=endpoint)  # pyright: ignore[reportCallIssue, reportArgumentType]

    return make


@dataclass(frozen=True)
class World:
    """What other resources refer to."""

    vpc: str
    subnet: str
    other_subnet: str
    gateway: str
    other_gateway: str
    table: str
    other_table: str
    group: str
    role: str
    policy: str
    cluster: str
    task_definition: str
    other_task_definition: str
    bucket: str


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    ec2, iam, ecs = client("ec2"), client("iam"), client("ecs")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)]
    gateways = [ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2)]
    for gateway in gateways:
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    iam.create_role(RoleName="world", AssumeRolePolicyDocument=json.dumps(TRUST))
    definitions = [
        ecs.register_task_definition(
            family="world",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=CONTAINERS,
        )["taskDefinition"]["taskDefinitionArn"]
        for _ in range(2)
    ]
    client("s3").create_bucket(Bucket="world")
    return World(
        vpc=vpc,
        subnet=subnets[0],
        other_subnet=subnets[1],
        gateway=gateways[0],
        other_gateway=gateways[1],
        table=tables[0],
        other_table=tables[1],
        group=ec2.create_security_group(GroupName="world", Description="world", VpcId=vpc)["GroupId"],
        role="world",
        policy=iam.create_policy(PolicyName="world", PolicyDocument=json.dumps(READ))["Policy"]["Arn"],
        cluster=ecs.create_cluster(clusterName="world")["cluster"]["clusterArn"],
        task_definition=definitions[0],
        other_task_definition=definitions[1],
        bucket="world",
    )


@dataclass(frozen=True)
class Life:
    """A resource type, the inputs to create it with, a change in place and a change that replaces."""

    token: str
    inputs: Callable[[World], dict[str, Any]]
    update: Callable[[World], dict[str, Any]] | None
    replace: Callable[[World], dict[str, Any]]
    vanishes: bool = True
    """Whether it is gone after its deletion; False for what is an attribute of another resource."""


def _service(world: World) -> dict[str, Any]:
    return {
        "cluster": world.cluster,
        "taskDefinition": world.task_definition,
        "launchType": "FARGATE",
        "networkConfiguration": {"subnets": [world.subnet], "securityGroups": [world.group], "assignPublicIp": True},
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    }


LIVES = [
    Life(
        "aws:ec2/vpc:Vpc",
        lambda _: {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True, "tags": {"a": "1", "b": "2"}},
        lambda _: {"enableDnsHostnames": False, "tags": {"a": "3"}},
        lambda _: {"cidrBlock": "10.2.0.0/16"},
    ),
    Life(
        "aws:ec2/subnet:Subnet",
        lambda w: {"vpcId": w.vpc, "cidrBlock": "10.9.8.0/24", "mapPublicIpOnLaunch": True},
        lambda _: {"mapPublicIpOnLaunch": False, "tags": {"a": "1"}},
        lambda _: {"cidrBlock": "10.9.7.0/24"},
    ),
    Life(
        "aws:ec2/internetGateway:InternetGateway",
        lambda w: {"vpcId": w.vpc},
        lambda _: {"tags": {"a": "1"}},
        lambda _: {"region": "us-west-2"},
    ),
    Life(
        "aws:ec2/routeTable:RouteTable",
        lambda w: {"vpcId": w.vpc, "tags": {"a": "1"}},
        lambda _: {"tags": {"a": "2"}},
        lambda _: {"vpcId": "vpc-1"},
    ),
    Life(
        "aws:ec2/route:Route",
        lambda w: {"routeTableId": w.table, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": w.gateway},
        lambda w: {"gatewayId": w.other_gateway},
        lambda _: {"destinationCidrBlock": "1.0.0.0/8"},
    ),
    Life(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        lambda w: {"routeTableId": w.table, "subnetId": w.subnet},
        lambda w: {"routeTableId": w.other_table},
        lambda w: {"subnetId": w.other_subnet},
    ),
    Life(
        "aws:ec2/securityGroup:SecurityGroup",
        lambda w: {"vpcId": w.vpc, "description": "one", "tags": {"a": "1"}},
        lambda _: {"tags": {"a": "2"}},
        lambda _: {"description": "two"},
    ),
    Life(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        lambda w: {
            "securityGroupId": w.group,
            "ipProtocol": "tcp",
            "fromPort": 80,
            "toPort": 80,
            "cidrIpv4": "10.0.0.0/8",
        },
        lambda _: {"cidrIpv4": "11.0.0.0/8", "description": "web"},
        lambda _: {"securityGroupId": "sg-1"},
    ),
    Life(
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        lambda w: {"securityGroupId": w.group, "ipProtocol": "-1", "cidrIpv4": "9.0.0.0/8"},
        lambda _: {"cidrIpv4": "8.0.0.0/8"},
        lambda _: {"securityGroupId": "sg-1"},
    ),
    Life(
        "aws:iam/role:Role",
        lambda _: {"assumeRolePolicy": json.dumps(TRUST), "tags": {"a": "1"}},
        lambda _: {"description": "two", "maxSessionDuration": 7200, "tags": {"b": "1"}},
        lambda _: {"path": "/app/"},
    ),
    Life(
        "aws:iam/rolePolicy:RolePolicy",
        lambda w: {"role": w.role, "policy": json.dumps(READ)},
        lambda _: {"policy": json.dumps(WRITE)},
        lambda _: {"role": "other"},
    ),
    Life(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda w: {"role": w.role, "policyArn": w.policy},
        None,
        lambda _: {"policyArn": "arn:aws:iam::123456789012:policy/other"},
    ),
    Life(
        "aws:ssm/parameter:Parameter",
        lambda _: {"type": "SecureString", "value": "one", "tags": {"a": "1"}},
        lambda _: {"value": "two", "description": "second", "tags": {"a": "2"}},
        lambda _: {"dataType": "aws:ec2:image"},
    ),
    Life(
        "aws:cloudwatch/logGroup:LogGroup",
        lambda _: {"retentionInDays": 7, "tags": {"a": "1"}},
        lambda _: {"retentionInDays": 0, "tags": {"a": "2"}},
        lambda _: {"name": "other"},
    ),
    Life(
        "aws:ecs/cluster:Cluster",
        lambda _: {"tags": {"a": "1"}},
        lambda _: {"settings": [{"name": "containerInsights", "value": "enabled"}], "tags": {}},
        lambda _: {"name": "other"},
    ),
    Life(
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        lambda _: {"clusterName": "world", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]},
        lambda _: {
            "capacityProviders": ["FARGATE"],
            "defaultCapacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
        },
        lambda _: {"clusterName": "other"},
        vanishes=False,
    ),
    Life(
        "aws:ecs/taskDefinition:TaskDefinition",
        lambda _: {
            "family": "fam",
            "containerDefinitions": json.dumps(CONTAINERS),
            "cpu": "256",
            "memory": "512",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
            "ephemeralStorage": {"sizeInGib": 30},
        },
        lambda _: {"tags": {"a": "1"}},
        lambda _: {"containerDefinitions": json.dumps([{**CONTAINERS[0], "image": "app:2"}])},
    ),
    Life(
        "aws:ecs/service:Service",
        _service,
        lambda w: {"taskDefinition": w.other_task_definition, "tags": {"a": "1"}},
        lambda _: {"launchType": "EC2"},
    ),
    Life(
        "aws:s3/bucket:Bucket",
        lambda _: {"tags": {"a": "1"}},
        lambda _: {"tags": {"b": "1"}, "forceDestroy": True},
        lambda _: {"bucket": "other"},
    ),
    Life(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        lambda w: {"bucket": w.bucket, "blockPublicAcls": True},
        lambda _: {"blockPublicPolicy": True},
        lambda _: {"bucket": "other"},
    ),
    Life(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        lambda w: {
            "bucket": w.bucket,
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
        },
        lambda _: {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]},
        lambda _: {"bucket": "other"},
    ),
    Life(
        "aws:s3/bucketPolicy:BucketPolicy",
        lambda w: {"bucket": w.bucket, "policy": json.dumps(READ)},
        lambda _: {"policy": json.dumps(WRITE)},
        lambda _: {"bucket": "other"},
    ),
    Life(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda w: {"bucket": w.bucket, "content": "one", "tags": {"a": "1"}},
        lambda _: {"content": "two", "contentType": "text/plain", "tags": {"a": "2"}},
        lambda _: {"key": "other"},
    ),
]


def test_the_table_of_lives_has_every_resource_type(aws: AwsStandIn) -> None:
    assert {life.token for life in LIVES} == set(aws.resources)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token.rpartition(":")[2])
def test_a_resource_lives_as_with_the_real_provider(life: Life, aws: AwsStandIn, world: World) -> None:
    thing = Driven(aws, life.token)
    inputs = life.inputs(world)
    thing.create(inputs)
    for name, value in inputs.items():
        assert thing.outputs[name] == value, name
    assert not thing.diff(inputs).changes, "a preview after create shows a change"
    assert thing.read().properties == thing.state, "a refresh after create shows a change"

    if life.update:
        changed = inputs | life.update(world)
        diff = thing.diff(changed)
        assert set(life.update(world)) <= set(diff.diffs)
        assert not diff.replaces
        thing.update(changed)
        for name, value in life.update(world).items():
            assert (thing.outputs.get(name) or None) == (value or None), name
        assert not thing.diff(changed).changes, "a preview after update shows a change"
        assert thing.read().properties == thing.state, "a refresh after update shows a change"
        inputs = changed

    replaced = thing.diff(inputs | life.replace(world)).replaces
    assert replaced == list(life.replace(world))

    thing.delete()
    assert bool(thing.read().resource_id) != life.vanishes
    thing.delete()
