"""The provider stand-ins without an engine: every resource type through its whole life, and every refusal."""

import asyncio
import base64
import functools
import hashlib
import json
import logging
import pkgutil
import re
import string
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pulumi
import pytest
from botocore.exceptions import ClientError
from google.protobuf.json_format import MessageToDict
from moto.server import ThreadedMotoServer
from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2, status_pb2

from local.emulator.api.elasticache import Caches
from local.emulator.api.scaling import serve_scaling
from local.emulator.engines.certificates import new_authority
from local.emulator.fargate.relay import start_relay_loop
from local.paths import ROOT
from local.providers.aws import provider
from local.providers.aws.cluster import Cluster, ClusterCapacityProviders
from local.providers.aws.logs import LogGroup
from local.providers.aws.network import Vpc
from local.providers.aws.provider import AwsStandIn
from local.providers.aws.service import Wait, same_network
from local.providers.aws.session import Session
from local.providers.aws.task_definition import same_containers
from local.providers.awsx.subnets import plan
from local.providers.awsx.vpc import VpcArgs
from local.providers.errors import InitFailedError, ProviderError
from local.providers.random.provider import RandomStandIn
from local.providers.resource import Change, Function
from local.providers.sdk import declaration
from local.providers.server import status_of
from local.providers.values import UNKNOWN, Properties, plain_map, wrap_map
from local.testing.program import local_config
from operate.repair.lookups import LOOKUPS, SETTINGS
from tests.engine.provider_driver import Driven, configuration, configured, endpoints, invoke

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
WRITE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}
CONTAINERS = [{"name": "app", "image": "app:1", "memory": 512, "portMappings": [{"containerPort": 80}]}]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request says nothing
    # moto has caches that never go, in subnet groups that can't be deleted.
    caches = Caches(tmp_path_factory.mktemp("caches"), new_authority("tests"), start_relay_loop())
    caches.install()
    serve_scaling()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    caches.stop()
    server.stop()


@pytest.fixture(scope="module")
def aws(endpoint: str) -> AwsStandIn:
    return configured(configuration(endpoint))


ClientOf = Callable[[str], Any]


@pytest.fixture(scope="module")
def client(endpoint: str) -> ClientOf:
    session: Any = boto3.Session("test", "test", region_name="us-east-1")

    @functools.cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint)

    return client


@dataclass(frozen=True)
class World:
    """Resources that others refer to."""

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
    namespace: str


@pytest.fixture(scope="module")
def world(client: ClientOf) -> World:
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
    iam.create_service_linked_role(AWSServiceName="elasticache.amazonaws.com")
    client("elasticache").create_cache_subnet_group(
        CacheSubnetGroupName="caches", CacheSubnetGroupDescription="caches", SubnetIds=subnets
    )
    cluster = ecs.create_cluster(clusterName="world")["cluster"]["clusterArn"]
    for name in ("target", "policy", "other"):
        ecs.create_service(cluster=cluster, serviceName=name, taskDefinition=definitions[0], desiredCount=0)
    client("application-autoscaling").register_scalable_target(
        **{name[0].upper() + name[1:]: value for name, value in SCALED.items()},
        ResourceId="service/world/policy",
        MinCapacity=0,
        MaxCapacity=2,
    )
    # In a VPC of its own: moto has room for one namespace in each.
    client("servicediscovery").create_private_dns_namespace(Name="world", Vpc="vpc-1")
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
        cluster=cluster,
        task_definition=definitions[0],
        other_task_definition=definitions[1],
        bucket="world",
        namespace=client("servicediscovery").list_namespaces()["Namespaces"][0]["Id"],
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
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
        "networkConfiguration": {"subnets": [world.subnet], "securityGroups": [world.group], "assignPublicIp": True},
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    }


DATABASE = {
    "allocatedStorage": 20,
    "applyImmediately": True,
    "dbName": "airflow",
    "engine": "postgres",
    "engineVersion": "17",
    "instanceClass": "db.t4g.micro",
    "password": "one word",
    "skipFinalSnapshot": True,
    "storageType": "gp3",
    "username": "airflow",
}

CACHE = {
    "applyImmediately": True,
    "authToken": "one-word-of-sixteen",
    "description": "one",
    "engine": "valkey",
    "engineVersion": "8.0",
    "nodeType": "cache.t4g.micro",
    "numCacheClusters": 1,
    "port": 6379,
    "subnetGroupName": "caches",
    "transitEncryptionEnabled": True,
}

SCALED = {"scalableDimension": "ecs:service:DesiredCount", "serviceNamespace": "ecs"}

TRACKING = {
    "customizedMetricSpecification": {
        "dimensions": [{"name": "Cluster", "value": "world"}],
        "metricName": "Load",
        "namespace": "AirflowFargate",
        "statistic": "Maximum",
    },
    "scaleInCooldown": 60,
    "targetValue": 100,
}

TRACKED = {"policyType": "TargetTrackingScaling", "targetTrackingScalingPolicyConfiguration": TRACKING}

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
        lambda w: {"description": "two", "permissionsBoundary": w.policy, "tags": {"b": "1"}},
        lambda _: {"name": "other"},
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
        "aws:rds/subnetGroup:SubnetGroup",
        lambda w: {"subnetIds": [w.subnet, w.other_subnet], "tags": {"a": "1"}},
        lambda _: {"tags": {"a": "2"}},  # moto loses a group that is modified; the emulator does not
        lambda _: {"name": "other"},
    ),
    Life(
        "aws:rds/parameterGroup:ParameterGroup",
        lambda _: {"family": "postgres17", "parameters": [{"name": "rds.force_ssl", "value": "1"}], "tags": {"a": "1"}},
        lambda _: {"parameters": [{"name": "rds.force_ssl", "value": "0"}], "tags": {"a": "2"}},
        lambda _: {"family": "postgres18"},
    ),
    Life(
        "aws:rds/instance:Instance",
        lambda w: {**DATABASE, "vpcSecurityGroupIds": [w.group], "tags": {"a": "1"}},
        lambda _: {"instanceClass": "db.t4g.small", "allocatedStorage": 40, "password": "two words", "tags": {}},
        lambda _: {"dbName": "other"},
    ),
    Life(
        "aws:elasticache/subnetGroup:SubnetGroup",
        lambda w: {"subnetIds": [w.subnet], "tags": {"a": "1"}},
        lambda w: {"description": "two", "subnetIds": [w.subnet, w.other_subnet], "tags": {"a": "2"}},
        lambda _: {"name": "other"},
    ),
    Life(
        "aws:elasticache/replicationGroup:ReplicationGroup",
        lambda w: {**CACHE, "securityGroupIds": [w.group], "tags": {"a": "1"}},
        lambda _: {"nodeType": "cache.t4g.small", "description": "two", "tags": {}},
        lambda _: {"port": 6380},
    ),
    Life(
        "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
        lambda w: {"vpc": w.vpc, "tags": {"a": "1"}},
        lambda _: {"description": "two", "tags": {"a": "2"}},
        lambda _: {"name": "other"},
    ),
    Life(
        "aws:servicediscovery/service:Service",
        lambda w: {
            "dnsConfig": {"namespaceId": w.namespace, "dnsRecords": [{"ttl": 10, "type": "A"}]},
            "healthCheckCustomConfig": {"failureThreshold": 1},
            "tags": {"a": "1"},
        },
        lambda w: {
            "description": "two",
            "dnsConfig": {"namespaceId": w.namespace, "dnsRecords": [{"ttl": 60, "type": "A"}]},
            "forceDestroy": True,
            "tags": {"a": "2"},
        },
        lambda w: {"dnsConfig": {"namespaceId": w.namespace, "dnsRecords": [{"ttl": 60, "type": "AAAA"}]}},
    ),
    Life(
        "aws:ssm/parameter:Parameter",
        lambda _: {"type": "SecureString", "value": "one", "tags": {"a": "1"}},
        lambda _: {"value": "two", "description": "second", "tags": {"a": "2"}},
        lambda _: {"name": "other"},
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
        lambda _: {"tags": {}},
        lambda _: {"name": "other"},
    ),
    Life(
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        lambda _: {"clusterName": "world", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]},
        lambda _: {"capacityProviders": ["FARGATE"]},
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
        lambda _: {"cluster": "other"},
    ),
    Life(
        "aws:appautoscaling/target:Target",
        lambda _: {
            **SCALED,
            "resourceId": "service/world/target",
            "minCapacity": 0,
            "maxCapacity": 2,
            "tags": {"a": "1"},
        },
        lambda _: {"maxCapacity": 4, "tags": {"a": "2"}},
        lambda _: {"resourceId": "service/world/other"},
    ),
    Life(
        "aws:appautoscaling/policy:Policy",
        lambda _: {**SCALED, **TRACKED, "resourceId": "service/world/policy"},
        lambda _: {"targetTrackingScalingPolicyConfiguration": {**TRACKING, "targetValue": 50}},
        lambda _: {"name": "other"},
    ),
    Life(
        "aws:appautoscaling/scheduledAction:ScheduledAction",
        lambda _: {
            **SCALED,
            "resourceId": "service/world/policy",
            "schedule": "cron(0 7 ? * MON-FRI *)",
            "scalableTargetAction": {"minCapacity": 0},
            "startTime": "2027-01-01T01:00:00+01:00",
        },
        lambda _: {"scalableTargetAction": {"minCapacity": 1, "maxCapacity": 2}, "timezone": "Europe/Berlin"},
        lambda _: {"name": "other"},
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
        "aws:s3/bucketVersioning:BucketVersioning",
        lambda w: {"bucket": w.bucket, "versioningConfiguration": {"status": "Enabled"}},
        lambda _: {"versioningConfiguration": {"status": "Suspended"}},
        lambda _: {"bucket": "other"},
        vanishes=False,
    ),
    Life(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        lambda w: {
            "bucket": w.bucket,
            "rules": [
                {
                    "id": "all",
                    "status": "Enabled",
                    "filter": {"prefix": "a/"},
                    "expiration": {"days": 30},
                    "noncurrentVersionExpiration": {"noncurrentDays": 7},
                },
                {
                    "id": "versions",
                    "status": "Disabled",
                    "filter": {"prefix": "b/"},
                    "noncurrentVersionExpiration": {"noncurrentDays": 1},
                },
            ],
        },
        lambda _: {
            "rules": [{"id": "all", "status": "Enabled", "filter": {"prefix": "a/"}, "expiration": {"days": 90}}],
        },
        lambda _: {"bucket": "other"},
    ),
    Life(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda w: {"bucket": w.bucket, "source": pulumi.StringAsset("one"), "tags": {"a": "1"}},
        lambda _: {"source": pulumi.StringAsset("two"), "tags": {"a": "2"}},
        lambda _: {"key": "other"},
    ),
]


def test_the_table_of_lives_has_every_resource_type(aws: AwsStandIn) -> None:
    assert {life.token for life in LIVES} == set(aws.resources)


def test_the_repair_knows_every_resource_type(aws: AwsStandIn) -> None:
    assert set(aws.resources) == LOOKUPS.keys() | SETTINGS


def test_the_local_stack_names_an_endpoint_for_every_service() -> None:
    [found] = local_config("http://127.0.0.1:4566")["aws:endpoints"]
    assert found == endpoints("http://127.0.0.1:4566")


def comparable(values: Mapping[str, PropertyValue]) -> dict[str, tuple[Any, bool]]:
    """Return each value and whether it is secret; assets know no equality, so by their text."""
    return {name: (_text(value), values[name].is_secret) for name, value in plain_map(values).items()}


def _text(value: Any) -> Any:
    return value.text if isinstance(value, pulumi.StringAsset) else value


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token.rpartition(":")[2])
def test_a_resource_lives_as_with_the_real_provider(life: Life, aws: AwsStandIn, world: World) -> None:
    thing = Driven(aws, life.token)
    inputs = life.inputs(world)
    thing.create(inputs)
    for name, value in inputs.items():
        assert _text(thing.outputs[name]) == _text(value), name
    assert not thing.diff(inputs).changes, "a preview after create shows a change"
    assert comparable(thing.read().properties) == comparable(thing.state), "a refresh after create shows a change"

    if life.update:
        changed = inputs | life.update(world)
        diff = thing.diff(changed)
        assert set(life.update(world)) <= set(diff.diffs)
        assert not diff.replaces
        thing.update(changed)
        for name, value in life.update(world).items():
            assert (_text(thing.outputs.get(name)) or None) == (_text(value) or None), name
        assert not thing.diff(changed).changes, "a preview after update shows a change"
        assert comparable(thing.read().properties) == comparable(thing.state), "a refresh after update shows a change"
        inputs = changed

    replaced = thing.diff(inputs | life.replace(world)).replaces
    assert replaced == list(life.replace(world))

    thing.delete()
    assert bool(thing.read().resource_id) != life.vanishes
    thing.delete()


TASK = {"family": "fam", "containerDefinitions": json.dumps(CONTAINERS)}

REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    ("aws:ec2/vpc:Vpc", {"cidrBlok": "10.0.0.0/8"}, "cidrBlok", "unknown property"),
    ("aws:ec2/vpc:Vpc", {"ipv6CidrBlock": "::/56"}, "ipv6CidrBlock", "does not implement"),
    ("aws:ec2/vpc:Vpc", {"enableDnsSupport": "yes"}, "enableDnsSupport", "expected a boolean, got a string"),
    ("aws:ecs/service:Service", {"propagateTags": "ALL"}, "propagateTags", "expected one of SERVICE, TASK_DEFINITION"),
    ("aws:ec2/vpc:Vpc", {"tags": {"a": 1}}, "tags.a", "expected a string, got a number"),
    ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.0.0.0/8"}, "vpcId", "missing required property"),
    ("aws:ec2/route:Route", {"routeTableId": "r", "destinationCidrBlock": "0.0.0.0/0"}, "gatewayId", "missing"),
    ("aws:ecs/service:Service", {"desiredCount": 1.5}, "desiredCount", "expected an integer, got a number"),
    ("aws:ecs/service:Service", {"networkConfiguration": {}}, "networkConfiguration.subnets", "missing required"),
    (
        "aws:ecs/service:Service",
        {"networkConfiguration": {"subnets": ["a"], "vpc": "b"}},
        "networkConfiguration.vpc",
        "unknown property",
    ),
    ("aws:ecs/service:Service", {"networkConfiguration": ["a"]}, "networkConfiguration", "expected an object"),
    ("aws:ecs/taskDefinition:TaskDefinition", {**TASK, "containerDefinitions": "{"}, "containerDefinitions", "JSON"),
    (
        "aws:ecs/taskDefinition:TaskDefinition",
        {**TASK, "containerDefinitions": json.dumps([{"name": "app", "imag": "app:1"}])},
        "containerDefinitions",
        'Unknown parameter in [0]: "imag"',
    ),
    (
        "aws:ecs/taskDefinition:TaskDefinition",
        {**TASK, "containerDefinitions": json.dumps([{"name": "app", "memory": 512.5}])},
        "containerDefinitions",
        "Invalid type for parameter [0].memory",
    ),
    (
        "aws:s3/bucketObjectv2:BucketObjectv2",
        {"bucket": "b", "overrideProvider": {"defaultTags": {"tags": {"a": "1"}}}},
        "overrideProvider.defaultTags.tags",
        "must be empty",
    ),
    (
        "aws:s3/bucketVersioning:BucketVersioning",
        {"bucket": "b", "versioningConfiguration": {"status": "Enabled", "mfaDelete": "Enabled"}},
        "versioningConfiguration.mfaDelete",
        "does not implement",
    ),
    (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {"bucket": "b", "rules": [{"id": "a", "status": "Enabled", "filter": {"objectSizeLessThan": 1}}]},
        "rules[0].filter.objectSizeLessThan",
        "does not implement",
    ),
    *(
        (
            "aws:servicediscovery/service:Service",
            {"healthCheckCustomConfig": config},
            "healthCheckCustomConfig.failureThreshold",
            "give 1, which is what AWS makes of any other",
        )
        for config in ({}, {"failureThreshold": 3})
    ),
    (
        "aws:appautoscaling/scheduledAction:ScheduledAction",
        {"startTime": "2027-01-01T00:00:00"},
        "startTime",
        "RFC 3339",
    ),
    (
        "aws:appautoscaling/scheduledAction:ScheduledAction",
        {"scalableTargetAction": {}},
        "scalableTargetAction",
        "one of",
    ),
    ("aws:ssm/parameter:Parameter", {"type": "String"}, "value", "missing"),
    ("aws:ssm/parameter:Parameter", {"type": "Secret", "value": "x"}, "type", "expected one of String"),
    (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"securityGroupId": "sg", "ipProtocol": "tcp"},
        "cidrIpv4",
        "exactly one of",
    ),
]


@pytest.mark.parametrize(("token", "inputs", "path", "words"), REFUSALS)
def test_check_refuses_what_the_provider_does_not_take(
    aws: AwsStandIn, token: str, inputs: dict[str, Any], path: str, words: str
) -> None:
    assert words in Driven(aws, token).failures(inputs).get(path, "")


def test_an_unknown_type_or_function_is_an_error_that_lists_the_known_ones(aws: AwsStandIn) -> None:
    with pytest.raises(ProviderError, match=r"no resource type aws:sqs/queue:Queue; it has .*aws:ec2/vpc:Vpc"):
        Driven(aws, "aws:sqs/queue:Queue").check({})
    with pytest.raises(ProviderError, match=r"no function aws:ec2/getAmi:getAmi; it has .*getService"):
        invoke(aws, "aws:ec2/getAmi:getAmi")


def test_values_that_are_not_known_yet_pass_check_and_mean_a_change(aws: AwsStandIn, world: World) -> None:
    subnet = Driven(aws, "aws:ec2/subnet:Subnet")
    checked = subnet.checked({"vpcId": UNKNOWN, "cidrBlock": UNKNOWN, "tags": {"a": UNKNOWN}})
    assert plain_map(checked)["vpcId"] is UNKNOWN
    inputs = {"vpcId": world.vpc, "cidrBlock": "10.9.30.0/24"}
    subnet.create(inputs)
    assert subnet.diff({**inputs, "vpcId": UNKNOWN}).replaces == ["vpcId"]
    assert "tags" in subnet.diff({**inputs, "tags": {"a": UNKNOWN}}).diffs
    subnet.delete()


def test_a_set_that_is_not_known_yet_is_another_one() -> None:
    known = {"subnets": ["subnet-0123456789abcdef0"], "assignPublicIp": True}

    assert not same_network(known, {**known, "subnets": UNKNOWN})
    assert not same_network(known, {**known, "subnets": [UNKNOWN]})
    assert same_network(known, {**known, "securityGroups": []})


def test_a_name_is_made_once_and_kept(aws: AwsStandIn) -> None:
    group = Driven(aws, "aws:cloudwatch/logGroup:LogGroup", "web")
    first = plain_map(group.checked({}))
    assert re.fullmatch(r"web-[0-9a-f]{7}", first["name"])
    group.inputs = wrap_map({**first, "name": "web-kept"})
    assert plain_map(group.checked({}))["name"] == "web-kept"


def test_a_name_that_was_given_is_not_kept_when_it_is_given_no_longer(aws: AwsStandIn) -> None:
    group = Driven(aws, "aws:cloudwatch/logGroup:LogGroup", "web")
    group.inputs = group.checked({"name": "mine"})
    assert plain_map(group.checked({}))["name"].startswith("web-")


@pytest.mark.parametrize(
    ("token", "path", "limit"),
    [
        ("aws:iam/role:Role", "name", 64),
        ("aws:s3/bucket:Bucket", "bucket", 63),
        ("aws:ecs/service:Service", "name", 255),
    ],
)
def test_a_name_longer_than_aws_allows_is_refused(aws: AwsStandIn, token: str, path: str, limit: int) -> None:
    inputs = {"assumeRolePolicy": "{}"} if "Role" in token else {}
    assert not Driven(aws, token, "n" * (limit - 8)).failures(inputs)
    assert f"maximum length {limit}" in Driven(aws, token, "n" * (limit - 7)).failures(inputs)[path]


@pytest.mark.parametrize(("name", "deletes_first"), [({"name": "fixed"}, True), ({}, False)])
def test_a_replacement_with_a_fixed_name_deletes_first(
    aws: AwsStandIn, world: World, name: dict[str, str], deletes_first: bool
) -> None:
    group = Driven(aws, "aws:ec2/securityGroup:SecurityGroup")
    inputs = {"vpcId": world.vpc, "description": "one", **name}
    group.create(inputs)
    assert group.diff({**inputs, "description": "two"}).delete_before_replace is deletes_first
    group.delete()


def test_secrets_stay_secret_in_the_outputs(aws: AwsStandIn) -> None:
    group = Driven(aws, "aws:cloudwatch/logGroup:LogGroup")
    group.create({"tags": {"a": "secret"}}, secrets=("tags",))
    assert {name for name, value in group.state.items() if value.is_secret} == {"tags", "tagsAll"}
    assert {name for name, value in group.read().properties.items() if value.is_secret} == {"tags", "tagsAll"}
    group.delete()
    parameter = Driven(aws, "aws:ssm/parameter:Parameter")
    parameter.create({"type": "String", "value": "plain"})
    assert parameter.state["value"].is_secret
    imported = Driven(aws, parameter.token, id=parameter.id).read()
    assert imported.properties["value"].is_secret
    assert imported.inputs["value"].is_secret
    parameter.delete()


def test_reading_without_a_state_imports_the_inputs(aws: AwsStandIn, world: World) -> None:
    imported = Driven(aws, "aws:ec2/vpc:Vpc", id=world.vpc).read()
    inputs = plain_map(imported.inputs)
    assert (inputs["cidrBlock"], inputs["enableDnsHostnames"]) == ("10.9.0.0/16", True)


def test_what_changed_behind_pulumis_back_is_read_and_put_right(aws: AwsStandIn, client: ClientOf) -> None:
    group = Driven(aws, "aws:cloudwatch/logGroup:LogGroup")
    inputs = {"retentionInDays": 7}
    group.create(inputs)
    client("logs").put_retention_policy(logGroupName=group.id, retentionInDays=30)
    group.state = group.read().properties
    assert group.outputs["retentionInDays"] == 30
    assert group.diff(inputs).diffs == ["retentionInDays"]
    group.update(inputs)
    assert client("logs").describe_log_groups(logGroupNamePrefix=group.id)["logGroups"][0]["retentionInDays"] == 7
    group.delete()


def test_new_default_tags_update_what_has_the_old_ones(aws: AwsStandIn, endpoint: str, client: ClientOf) -> None:
    group = Driven(aws, "aws:cloudwatch/logGroup:LogGroup")
    group.create({"tags": {"a": "1"}})
    assert group.outputs["tagsAll"] == {"owner": "tests", "a": "1"}
    assert group.outputs["tags"] == {"a": "1"}
    other = {**configuration(endpoint), "defaultTags": json.dumps({"tags": {"team": "x"}})}
    group.provider = configured(other)
    assert group.diff({"tags": {"a": "1"}}).diffs == ["tagsAll"]
    group.update({"tags": {"a": "1"}})
    assert client("logs").list_tags_for_resource(resourceArn=group.outputs["arn"])["tags"] == {"team": "x", "a": "1"}
    group.delete()


def test_an_object_can_be_kept_from_the_default_tags(aws: AwsStandIn, world: World, client: ClientOf) -> None:
    overridden = Driven(aws, "aws:s3/bucketObjectv2:BucketObjectv2")
    inputs: dict[str, Any] = {"bucket": world.bucket, "source": pulumi.StringAsset("one")}
    overridden.create(inputs)
    assert overridden.outputs["tagsAll"] == {"owner": "tests"}

    inputs["overrideProvider"] = {"defaultTags": {"tags": {}}}
    assert sorted(overridden.diff(inputs).diffs) == ["overrideProvider", "tagsAll"]
    overridden.update(inputs)

    key = overridden.outputs["key"]
    assert client("s3").get_object_tagging(Bucket=world.bucket, Key=key)["TagSet"] == []
    assert not overridden.diff(inputs).changes
    overridden.delete()


def test_a_new_security_group_lets_nothing_out(aws: AwsStandIn, world: World, client: ClientOf) -> None:
    group = Driven(aws, "aws:ec2/securityGroup:SecurityGroup")
    group.create({"vpcId": world.vpc})
    (found,) = client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"]
    assert found["IpPermissionsEgress"] == []
    group.delete()


def test_errors_carry_the_operation_and_the_words_of_aws(aws: AwsStandIn, world: World) -> None:
    inputs = {"vpcId": world.vpc, "name": "twice"}
    group = Driven(aws, "aws:ec2/securityGroup:SecurityGroup")
    group.create(inputs)
    with pytest.raises(
        ProviderError,
        match=r"^creating EC2 Security Group \(twice\): operation error CreateSecurityGroup, "
        r".* api error InvalidGroup.Duplicate: .*twice.* already exists",
    ):
        Driven(aws, group.token).create(inputs)
    group.delete()


def test_capacity_providers_of_a_service_change_only_with_a_new_deployment(aws: AwsStandIn, world: World) -> None:
    service = Driven(aws, "aws:ecs/service:Service")
    inputs = _service(world)
    service.create(inputs)
    spot = {**inputs, "capacityProviderStrategies": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    with pytest.raises(ProviderError, match="force_new_deployment should be true"):
        service.diff(spot)
    diff = service.diff({**spot, "forceNewDeployment": True})
    assert "capacityProviderStrategies" in diff.diffs
    assert not diff.replaces
    service.delete()


@pytest.fixture
def updates(aws: AwsStandIn) -> Generator[list[dict[str, Any]]]:
    """Record what UpdateService is sent."""
    sent: list[dict[str, Any]] = []
    events = aws.session().client("ecs").meta.events

    def record(params: dict[str, Any], **_: Any) -> None:
        sent.append(params)

    events.register("provide-client-params.ecs.UpdateService", record)
    yield sent
    events.unregister("provide-client-params.ecs.UpdateService", record)


def test_an_update_of_a_service_sends_what_has_changed(
    aws: AwsStandIn, world: World, updates: list[dict[str, Any]]
) -> None:
    service = Driven(aws, "aws:ecs/service:Service")
    inputs = {**_service(world), "forceNewDeployment": True}
    service.create(inputs)

    service.update({**inputs, "tags": {"a": "1"}})
    assert updates == []

    service.update({**inputs, "deploymentMaximumPercent": 100})
    [sent] = updates
    assert {name: value for name, value in sent.items() if name not in ("service", "cluster")} == {
        "deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 100},
        "forceNewDeployment": True,
    }
    service.delete()


@pytest.mark.parametrize(
    ("before", "after", "force", "changes"),
    [
        ({}, {"a": "1"}, True, True),
        ({"a": "1"}, {"a": "2"}, True, True),
        ({"a": "1"}, {"a": "2"}, False, False),
        ({"a": "1"}, {}, True, False),
    ],
    ids=["given", "changed", "without force_new_deployment", "no longer given"],
)
def test_triggers_of_a_service_start_a_deployment_that_is_forced(
    aws: AwsStandIn,
    world: World,
    updates: list[dict[str, Any]],
    before: dict[str, str],
    after: dict[str, str],
    force: bool,
    changes: bool,
) -> None:
    service = Driven(aws, "aws:ecs/service:Service")
    inputs = {**_service(world), "forceNewDeployment": force}
    service.create({**inputs, "triggers": before})

    diff = service.diff({**inputs, "triggers": after})
    assert (diff.diffs, diff.replaces) == (["triggers"] if changes else [], [])

    service.update({**inputs, "triggers": after})
    assert [sent["forceNewDeployment"] for sent in updates] == ([True] if changes else [])
    service.delete()


ASKED_AT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def deployment(name: str, seconds: int, status: str = "PRIMARY", state: str = "IN_PROGRESS") -> dict[str, Any]:
    """Return a deployment of this age: seconds after the call that is waited for, or before it."""
    return {
        "id": name,
        "createdAt": ASKED_AT + timedelta(seconds=seconds),
        "status": status,
        "rolloutState": state,
        "rolloutStateReason": f"{name} is {state}",
    }


OLD = deployment("old", -60, "ACTIVE", "COMPLETED")
FAILED = deployment("new", 1, "ACTIVE", "FAILED")
ROLLED_BACK = deployment("old", -60, "PRIMARY", "IN_PROGRESS")
ROLLBACK_FAILED = deployment("old", -60, "PRIMARY", "FAILED")


class Heard(NamedTuple):
    """An answer of ECS, and the conclusion of the wait: that it is over or not, or the reason of a failure."""

    deployments: list[dict[str, Any]]
    running: int
    outcome: bool | str


@pytest.mark.parametrize(
    "answers",
    [
        [Heard([deployment("new", 1), OLD], 1, False), Heard([deployment("new", 1, state="COMPLETED")], 1, True)],
        [Heard([deployment("new", 1)], 1, False), Heard([deployment("new", 1, state="FAILED")], 0, "new is FAILED")],
        [
            Heard([deployment("new", 1), OLD], 0, False),
            Heard([ROLLED_BACK, FAILED], 0, False),
            Heard([ROLLED_BACK], 1, "new is FAILED"),
        ],
        [Heard([deployment("new", 1), OLD], 0, False), Heard([ROLLBACK_FAILED, FAILED], 0, "new is FAILED")],
        [Heard([deployment("new", -1), OLD], 1, False), Heard([deployment("new", -1)], 1, True)],
        [Heard([deployment("new", -1)], 0, False), Heard([deployment("new", -1, state="FAILED")], 0, False)],
        [
            Heard([deployment("new", -1), OLD], 0, False),
            Heard([ROLLED_BACK, FAILED], 1, False),
            Heard([ROLLED_BACK], 1, True),
        ],
    ],
    ids=[
        "new deployment that completes",
        "new deployment that fails",
        "new deployment that is rolled back",
        "new deployment whose rollback fails",
        "clock ahead, task that runs",
        "clock ahead, task that never runs",
        "clock ahead, deployment that is rolled back",
    ],
)
def test_the_wait_for_a_service_is_that_of_the_real_provider(answers: list[Heard]) -> None:
    wait = Wait(ASKED_AT)
    for deployments, running, outcome in answers:
        service = {
            "deploymentController": {"type": "ECS"},
            "deployments": deployments,
            "desiredCount": 1,
            "runningCount": running,
        }
        if isinstance(outcome, str):
            with pytest.raises(ProviderError, match=outcome):
                wait.is_over(service)
        else:
            assert wait.is_over(service) is outcome


def test_an_update_without_a_change_does_nothing(aws: AwsStandIn, client: ClientOf) -> None:
    group = Driven(aws, "aws:cloudwatch/logGroup:LogGroup")
    inputs = {"retentionInDays": 7}
    group.create(inputs)
    client("logs").put_retention_policy(logGroupName=group.id, retentionInDays=30)
    state = group.state

    group.update(inputs)

    assert group.state == state
    assert client("logs").describe_log_groups(logGroupNamePrefix=group.id)["logGroups"][0]["retentionInDays"] == 30
    group.delete()


def test_an_update_that_fails_leaves_what_was_wanted_in_the_state(
    aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Driven(aws, "aws:cloudwatch/logGroup:LogGroup")
    group.create({"retentionInDays": 7, "tags": {"a": "1"}})

    def refused(_self: LogGroup, _change: Change) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutRetentionPolicy")

    monkeypatch.setattr(LogGroup, "update", refused)
    with pytest.raises(InitFailedError, match="AccessDeniedException: no") as failed:
        group.update({"retentionInDays": 30, "tags": {"a": "2"}})
    group.state = dict(failed.value.properties)

    assert group.outputs["retentionInDays"] == 30
    assert not group.diff({"retentionInDays": 30, "tags": {"a": "2"}}).changes
    group.delete()


IN_USE = ClientError({"Error": {"Code": "DependencyViolation", "Message": "has a dependent object"}}, "DeleteVpc")


def test_a_deletion_waits_for_what_still_uses_the_resource(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "RETRY_INTERVAL", 0.01)
    vpc = Driven(aws, "aws:ec2/vpc:Vpc")
    vpc.create({"cidrBlock": "10.3.0.0/16"})
    delete, attempts = Vpc.delete, iter([IN_USE, IN_USE, None])

    def in_use_twice(self: Vpc, state: Properties) -> None:
        if error := next(attempts):
            raise error
        delete(self, state)

    monkeypatch.setattr(Vpc, "delete", in_use_twice)
    vpc.delete()
    assert not vpc.read().resource_id


@pytest.fixture
def vpc_in_use(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> Driven:
    def in_use(_self: Vpc, _state: Properties) -> None:
        raise IN_USE

    monkeypatch.setattr(provider, "RETRY_INTERVAL", 0.05)
    monkeypatch.setattr(Vpc, "delete", in_use)
    return Driven(aws, "aws:ec2/vpc:Vpc", id="vpc-1")


def test_a_deletion_fails_in_the_end_with_the_words_of_aws(vpc_in_use: Driven) -> None:
    with pytest.raises(ProviderError, match=r"deleting EC2 VPC \(vpc-1\): .*DependencyViolation: has a dependent"):
        vpc_in_use.delete(timeout=0.2)


def test_a_type_without_timeouts_takes_none(vpc_in_use: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vpc, "delete_seconds", 0.2)

    with pytest.raises(ProviderError, match="DependencyViolation"):
        vpc_in_use.delete(timeout=3600)


def test_clusters_and_their_capacity_wait_for_ten_minutes() -> None:
    assert {each.delete_seconds for each in (Cluster, ClusterCapacityProviders)} == {600}


def test_cancelling_ends_a_wait_at_once(vpc_in_use: Driven, endpoint: str) -> None:
    vpc_in_use.provider = configured(configuration(endpoint))
    asyncio.run(vpc_in_use.provider.cancel())
    with pytest.raises(ProviderError, match=r"the operation was cancelled: .*DependencyViolation"):
        vpc_in_use.delete(timeout=5)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ({}, {"essential": True, "environment": [], "mountPoints": [], "cpu": 0}, True),
        ({}, {"portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]}, True),
        (
            {"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]},
            True,
        ),
        (
            {"healthCheck": {"command": ["CMD"]}},
            {"healthCheck": {"command": ["CMD"], "interval": 30, "timeout": 5, "retries": 3}},
            True,
        ),
        ({}, {"image": "app:2"}, False),
        ({}, {"environment": [{"name": "A", "value": "1"}]}, False),
        ({}, {"portMappings": [{"containerPort": 81}]}, False),
        ({"command": ["a", "b"]}, {"command": ["b", "a"]}, False),
        ({}, {"dockerLabels": {}}, False),
        ({"restartPolicy": {"enabled": True}}, {"restartPolicy": {"enabled": True, "ignoredExitCodes": []}}, False),
    ],
)
def test_container_definitions_are_compared_by_what_they_mean(
    old: dict[str, Any], new: dict[str, Any], same: bool
) -> None:
    texts = [json.dumps([{**CONTAINERS[0], **change}]) for change in (old, new)]
    assert same_containers(texts[0], texts[1]) is same


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ({"restartPolicy": {"enabled": True, "ignoredExitCodes": []}}, True),
        ({"restartPolicy": {"enabled": True, "ignoredExitCodes": [0]}}, False),
        ({"dockerLabels": {}}, True),
        ({"dockerLabels": {"a": "1"}}, False),
        ({"mountPoints": [], "volumesFrom": [], "systemControls": []}, False),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_what_is_empty_within_a_container_is_another_one_at_every_preview(
    aws: AwsStandIn, given: dict[str, Any], changes: bool
) -> None:
    definition = Driven(aws, "aws:ecs/taskDefinition:TaskDefinition")
    inputs = {"family": "empties", "containerDefinitions": json.dumps([{**CONTAINERS[0], **given}])}
    definition.create(inputs)
    definition.state = definition.read().properties

    assert definition.diff(inputs).replaces == (["containerDefinitions"] if changes else [])
    definition.delete()


def test_functions_find_what_is_there(aws: AwsStandIn) -> None:
    assert invoke(aws, "aws:index/getRegion:getRegion")["region"] == "us-east-1"
    assert invoke(aws, "aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
    assert invoke(aws, "aws:index/getPartition:getPartition")["partition"] == "aws"
    zones = invoke(aws, "aws:index/getAvailabilityZones:getAvailabilityZones", state="available")["names"]
    assert zones[:2] == ["us-east-1a", "us-east-1b"]


def test_a_function_sees_a_subnet_and_its_zone(aws: AwsStandIn, world: World, client: ClientOf) -> None:
    zones = client("ec2").describe_availability_zones()["AvailabilityZones"]

    found = invoke(aws, "aws:ec2/getSubnet:getSubnet", id=world.subnet)

    assert (found["id"], found["vpcId"]) == (world.subnet, world.vpc)
    assert (
        found["availabilityZoneId"] == {each["ZoneName"]: each["ZoneId"] for each in zones}[found["availabilityZone"]]
    )


def test_functions_see_interfaces_and_services(aws: AwsStandIn, world: World, client: ClientOf) -> None:
    ec2 = client("ec2")
    interface = ec2.create_network_interface(SubnetId=world.subnet, Groups=[world.group])["NetworkInterface"]
    address = ec2.allocate_address(Domain="vpc")
    interface_id = interface["NetworkInterfaceId"]
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface_id)
    of_group = [{"name": "group-id", "values": [world.group]}]
    found = invoke(aws, "aws:ec2/getNetworkInterfaces:getNetworkInterfaces", filters=of_group)
    assert found["ids"] == [interface_id]
    details = invoke(aws, "aws:ec2/getNetworkInterface:getNetworkInterface", id=interface_id)
    assert details["associations"][0]["publicIp"] == address["PublicIp"]
    ec2.disassociate_address(PublicIp=address["PublicIp"])
    ec2.delete_network_interface(NetworkInterfaceId=interface_id)

    service = Driven(aws, "aws:ecs/service:Service")
    service.create(_service(world))
    answer = invoke(aws, "aws:ecs/getService:getService", clusterArn=world.cluster, serviceName=service.outputs["name"])
    assert answer["taskDefinition"] == world.task_definition
    service.delete()


def test_a_function_refuses_arguments_that_it_does_not_have(aws: AwsStandIn) -> None:
    request = protocol.InvokeRequest("aws:ecs/getService:getService", wrap_map({"clusterArn": "c", "name": "s"}))
    failures = {failure.property for failure in asyncio.run(aws.invoke(request)).failures}
    assert failures == {"serviceName", "name"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"region": ""}, 'missing required configuration key "aws:region"'),
        ({"accessKey": ""}, "no credentials: set aws:accessKey"),
        ({"endpoints": "[]"}, f"aws:endpoints: no endpoint for {', '.join(endpoints(''))}"),
        (
            {"endpoints": json.dumps([endpoints("https://aws.amazon.com")])},
            "aws:endpoints: applicationautoscaling is 'https://aws.amazon.com', which is not a loopback address",
        ),
        ({"endpoints": json.dumps([endpoints("http://10.0.0.1")])}, "is not a loopback address"),
        ({"endpoints": "["}, "aws:endpoints is not JSON"),
        ({"profile": "work"}, "does not implement aws:profile"),
        ({"regoin": "us-east-1"}, "aws:regoin: unknown property"),
    ],
)
def test_an_unusable_configuration_is_refused_by_its_key(endpoint: str, change: dict[str, str], words: str) -> None:
    with pytest.raises(ProviderError, match=re.escape(words)):
        configured({**configuration(endpoint), **change})


def test_region_and_keys_may_come_from_the_environment(endpoint: str) -> None:
    variables = {name: value for name, value in configuration(endpoint).items() if name == "endpoints"}
    environment = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert configured(variables, environment).session().settings.region == "eu-west-1"


@pytest.mark.parametrize("function", AwsStandIn({}).functions.values(), ids=lambda function: function.sdk)
def test_arguments_and_results_of_a_function_have_the_names_of_the_sdk(
    function: Function[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python SDK keeps wire names in the bodies of its functions, so they are read from a call."""
    sent: dict[str, Any] = {}

    def record(_token: str, arguments: dict[str, Any], **_: Any) -> Any:
        sent.update(arguments)
        raise InterruptedError

    monkeypatch.setattr("pulumi.runtime.invoke", record)
    with pytest.raises(InterruptedError):
        pkgutil.resolve_name(function.sdk)()
    assert set(sent) == set(declaration(function.sdk).inputs["properties"])
    assert function.required <= set(sent)


def test_a_stand_in_starts_without_the_seconds_that_importing_the_sdk_takes() -> None:
    AwsStandIn({})  # reads what is not kept yet
    start = (
        "import sys; from local.providers.aws.provider import SERVICES, AwsStandIn; AwsStandIn({}); print(*sys.modules)"
    )
    imported = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, check=True, text=True)
    assert "boto3" in imported.stdout.split()
    assert "pulumi_aws" not in imported.stdout.split()


def test_a_resource_that_fails_half_way_keeps_the_digest_of_its_asset(tmp_path: Path) -> None:
    """The engine sends the state's assets back by their digests alone."""
    (tmp_path / "one.py").touch()
    asset = pulumi.FileAsset(str(tmp_path / "one.py"))

    status = status_of(InitFailedError("it failed", "id", wrap_map({"source": asset})))

    packed = dict(status.trailing_metadata)["grpc-status-details-bin"]
    assert isinstance(packed, bytes)
    details = status_pb2.Status.FromString(packed)
    exists = provider_pb2.ErrorResourceInitFailed()
    details.details[0].Unpack(exists)
    assert MessageToDict(exists.properties)["source"]["hash"] == hashlib.sha256(b"").hexdigest()


PASSWORD = {"length": 24, "special": False}


def test_a_random_password_has_the_wanted_characters_and_is_secret() -> None:
    password = Driven(RandomStandIn(), "random:index/randomPassword:RandomPassword")
    password.create(PASSWORD)
    result = password.outputs["result"]
    assert len(result) == 24
    assert set(result) <= set(string.ascii_letters + string.digits)
    assert password.state["result"].is_secret
    assert password.read().properties == password.state
    assert not password.diff(PASSWORD).changes
    assert password.diff({**PASSWORD, "length": 25}).replaces == ["length"]
    assert password.diff({**PASSWORD, "keepers": {"a": "b"}}).replaces == ["keepers"]
    assert password.failures({**PASSWORD, "length": 0}) == {"length": "must be at least 1; got 0"}
    assert "minUpper" in password.failures({**PASSWORD, "minUpper": 2})


def test_random_bytes_are_secret_in_both_spellings() -> None:
    value = Driven(RandomStandIn(), "random:index/randomBytes:RandomBytes")
    value.create({"length": 32})
    assert base64.b64decode(value.outputs["base64"]).hex() == value.outputs["hex"]
    assert len(value.outputs["hex"]) == 64
    assert all(value.state[name].is_secret for name in ("base64", "hex"))


@pytest.mark.parametrize(
    ("cidr_block", "zones", "blocks"),
    [
        ("10.0.0.0/16", 1, ["10.0.0.0/16"]),
        ("10.0.0.0/16", 2, ["10.0.0.0/17", "10.0.128.0/17"]),
        ("10.0.0.0/16", 3, ["10.0.0.0/18", "10.0.64.0/18", "10.0.128.0/18"]),
    ],
)
def test_subnets_are_cut_as_awsx_cuts_them(cidr_block: str, zones: int, blocks: list[str]) -> None:
    planned = plan("net", cidr_block, ["a", "b", "c"][:zones])
    assert [(subnet.name, subnet.zone, subnet.cidr_block) for subnet in planned] == [
        (f"net-public-{number}", zone, block)
        for number, (zone, block) in enumerate(zip("abc", blocks, strict=False), 1)
    ]


def test_subnets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of 2 zones in 10\.0\.0\.0/28 are /29; AWS allows /28"):
        plan("net", "10.0.0.0/28", ["a", "b"])


VPC = {"subnetStrategy": "Auto", "natGateways": {"strategy": "None"}, "subnetSpecs": [{"type": "Public"}]}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"subnetStrategy": "Legacy"}, "subnetStrategy"),
        ({"subnetStrategy": pulumi.Output.from_input("Auto")}, "subnetStrategy"),
        ({"natGateways": {"strategy": "Single"}}, "natGateways"),
        ({"natGateways": {"strategy": "Some"}}, "natGateways.strategy"),
        ({"subnetSpecs": []}, "subnetSpecs"),
        ({"subnetSpecs": [{"type": "Private"}]}, "subnetSpecs"),
        ({"subnetSpecs": [{"type": "Public", "size": 10}]}, "subnetSpecs"),
        ({"availabilityZoneNames": ["a"], "numberOfAvailabilityZones": 1}, "availabilityZoneNames"),
        ({"vpcEndpointSpecs": [{"serviceName": "s3"}]}, "vpcEndpointSpecs"),
        ({"cidr": "10.0.0.0/16"}, "cidr"),
        ({"numberOfAvailabilityZones": "two"}, "numberOfAvailabilityZones"),
    ],
)
def test_a_vpc_that_the_awsx_stand_in_cannot_build_is_refused_by_input(change: dict[str, Any], path: str) -> None:
    VpcArgs.parse(VPC)
    with pytest.raises(pulumi.InputPropertiesError, match=f"cannot build this VPC: {re.escape(path)}: "):
        VpcArgs.parse({**VPC, **change})
