"""Values that AWS refuses, and that moto would take: the emulator's rules on requests, asked without a process."""

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model
from moto.ec2.models import ec2_backends
from moto.iam.models import IAMBackend
from moto.s3.models import S3Backend

from local.emulator.api.buckets import refuse_invalid_tags
from local.emulator.api.constraints import compiled_pattern
from local.emulator.api.iam import Quotas
from local.emulator.api.requests import refuse_invalid_requests
from local.emulator.api.rules import enforce_rules

REGION = "us-east-1"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]})


@dataclass(frozen=True)
class Account:
    """Clients of an account with a security group and a bucket."""

    ec2: Any
    ecs: Any
    iam: Any
    logs: Any
    rds: Any
    s3: Any
    ssm: Any
    vpc: str
    group: str

    def allow(self, cidr: str, description: str = "") -> None:
        """Add a rule to the security group."""
        name, of = ("CidrIpv6", "Ipv6Ranges") if ":" in cidr else ("CidrIp", "IpRanges")
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, of: [{name: cidr, "Description": description}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[rule])

    def allowed(self) -> list[str]:
        """Return the ranges of the group's ingress rules."""
        rules = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [self.group]}])
        ingress = (rule for rule in rules["SecurityGroupRules"] if not rule["IsEgress"])
        return [rule.get("CidrIpv4") or rule["CidrIpv6"] for rule in ingress]

    def register(self, family: str = "family", **container: Any) -> None:
        """Register a task definition."""
        definition: dict[str, Any] = {"name": "app", "image": "acme/airflow:1", "memory": 512, **container}
        self.ecs.register_task_definition(family=family, containerDefinitions=[definition])

    def create_role(self, name: str = "role", **request: Any) -> None:
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, **request)

    def put_role_policy(self, role: str, name: str, length: int) -> None:
        """Give a role a policy with so many characters in its resources."""
        arns = [f"arn:aws:s3:::{'x' * 37}" for _ in range(length // 50)]
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arns}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)

    def put_parameter(self, name: str, value: str, **request: Any) -> None:
        self.ssm.put_parameter(Name=name, Value=value, Type="SecureString", **request)


@pytest.fixture(scope="module")
def aws() -> Generator[dict[str, Any]]:
    """Return moto with the emulator's rules, as clients by service; one for all tests, which takes a while to make."""
    with pytest.MonkeyPatch.context() as patched:
        # Put back afterwards, whatever is put in their place.
        patched.setattr(BaseResponse, "call_action", BaseResponse.call_action)
        patched.setattr(S3Backend, "put_bucket_tagging", S3Backend.put_bucket_tagging)
        patched.setattr(S3Backend, "put_object_tagging", S3Backend.put_object_tagging)
        patched.setattr(ec2_backends, "backend", ec2_backends.backend)
        patched.setattr(IAMBackend, "attach_role_policy", IAMBackend.attach_role_policy)
        patched.setattr(IAMBackend, "put_role_policy", IAMBackend.put_role_policy)
        enforce_rules()
        refuse_invalid_tags()
        refuse_invalid_requests()
        Quotas().enforce()
        with mock_aws():
            session: Any = boto3.Session("test", "test", region_name=REGION)
            clients = {name: session.client(name) for name in ("ec2", "ecs", "iam", "logs", "rds", "s3", "ssm")}
            clients["s3"].create_bucket(Bucket="bucket")
            yield clients


@pytest.fixture
def account(aws: dict[str, Any]) -> Account:
    vpc = aws["ec2"].create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = aws["ec2"].create_security_group(GroupName="group", Description="group", VpcId=vpc)["GroupId"]
    return Account(**aws, vpc=vpc, group=group)


def many(number: int, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: f"key{each}", value: ""} for each in range(number)]


def tag(text: str, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: "key", value: text}]


AMPERSAND = "R&D"
Call = Callable[[Account], object]
REFUSED: dict[str, tuple[Call, str]] = {
    **{
        f"a rule for {cidr}": (lambda a, cidr=cidr: a.allow(cidr), f"InvalidParameterValue: CIDR block {cidr} is malf")
        for cidr in (
            *("203.0.113.7", "10.20.0.0/255.255.0.0", "10.20.0.0/0.0.255.255", "300.1.1.1/8", "10.0.0.0/33"),
            *("2001:db8::7", "fe80::1%eth0/64", "::/129"),
        )
    },
    "a rule's description": (
        lambda a: a.allow("10.0.0.0/8", "the office's"),
        "InvalidParameterValue: Invalid rule description.",
    ),
    "the description of a rule for a group": (
        lambda a: a.ec2.authorize_security_group_ingress(
            GroupId=a.group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 5432,
                    "ToPort": 5432,
                    "UserIdGroupPairs": [{"GroupId": a.group, "Description": "Airflow's task"}],
                }
            ],
        ),
        "InvalidParameterValue: Invalid rule description.",
    ),
    "a group's description": (
        lambda a: a.ec2.create_security_group(GroupName="b", Description="Büro", VpcId=a.vpc),
        "InvalidParameterValue: Value (Büro) for parameter GroupDescription is invalid.",
    ),
    "a group's description that is long": (
        lambda a: a.ec2.create_security_group(GroupName="b", Description="b" * 256, VpcId=a.vpc),
        "InvalidParameterValue: Value (bbb",
    ),
    "more rules than a group holds": (
        lambda a: [a.allow(f"10.0.{each}.0/24") for each in range(61)],
        "RulesPerSecurityGroupLimitExceeded: ",
    ),
    "a long tag in EC2": (
        lambda a: a.ec2.create_tags(Resources=[a.vpc], Tags=[{"Key": "k" * 128, "Value": ""}]),
        "InvalidParameterValue: Tag key exceeds the maximum length",
    ),
    "a tag of AWS's own in EC2": (
        lambda a: a.ec2.create_vpc(
            CidrBlock="10.1.0.0/16",
            TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "aws:x", "Value": ""}]}],
        ),
        "InvalidParameterValue: Tag keys starting with 'aws:' are reserved",
    ),
    "many tags in EC2": (
        lambda a: a.ec2.create_tags(Resources=[a.vpc], Tags=many(51)),
        "TagLimitExceeded: ",
    ),
    "a tag of RDS's own": (
        lambda a: a.rds.create_db_parameter_group(
            DBParameterGroupName="p", DBParameterGroupFamily="postgres17", Description="p", Tags=tag("rds:x")
        ),
        "InvalidParameterValue: Tags can't be prefixed with aws: or rds:",
    ),
    "a tag in ECS": (
        lambda a: a.ecs.create_cluster(clusterName="c", tags=tag(AMPERSAND, "key", "value")),
        "at 'tags.1.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: ",
    ),
    "many tags in ECS": (
        lambda a: a.ecs.create_cluster(clusterName="c", tags=many(51, "key", "value")),
        "at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
    ),
    "the name of a cluster": (
        lambda a: a.ecs.create_cluster(clusterName="a b"),
        "InvalidParameterException: clusterName contains invalid characters.",
    ),
    "many subnets of a service": (
        lambda a: a.ecs.create_service(
            serviceName="s",
            networkConfiguration={"awsvpcConfiguration": {"subnets": [f"subnet-{each}" for each in range(17)]}},
        ),
        "InvalidParameterException: subnets can have at most 16 items.",
    ),
    "a task definition over 64 KiB": (
        lambda a: a.register(command=["x" * 65_500]),
        "Max allowed length is '65536' bytes.",
    ),
    "the name of a family": (lambda a: a.register("a b"), "ClientException: Family contains invalid characters."),
    "the name of a container": (lambda a: a.register(name="a b"), "Container.name contains invalid characters."),
    "no image": (lambda a: a.register(image=""), "Container.image should not be null or empty."),
    "an image with other characters": (lambda a: a.register(image="$REGISTRY/a"), "Container.image contains invalid"),
    "an image that is long": (
        lambda a: a.register(image="a" * 256),
        "Container.image should be 255 characters",
    ),
    "a tag in IAM": (
        lambda a: a.create_role(Tags=tag(AMPERSAND)),
        "ValidationError: 1 validation error detected: Value 'R&D' at 'tags.1.member.value'",
    ),
    "tags in IAM that differ in case": (
        lambda a: a.create_role(Tags=[{"Key": "k", "Value": ""}, {"Key": "K", "Value": ""}]),
        "InvalidInput: Duplicate tag keys found.",
    ),
    "the description of a role": (lambda a: a.create_role(Description="€"), "ValidationError: 1 validation error"),
    "the name of a role": (lambda a: a.create_role("r" * 65), "at 'roleName' failed to satisfy constraint: Member"),
    "a role's own policies together": (
        lambda a: [a.create_role("wordy"), *(a.put_role_policy("wordy", name, 5100) for name in "ab")],
        "LimitExceeded: Maximum policy size of 10240 bytes exceeded for role wordy",
    ),
    "a tag in CloudWatch Logs": (
        lambda a: a.logs.create_log_group(logGroupName="l", tags={"key": AMPERSAND}),
        "InvalidParameterException: 1 validation error detected: Value 'R&D' at 'tags.key.member'",
    ),
    "many tags in CloudWatch Logs": (
        lambda a: a.logs.create_log_group(logGroupName="l", tags={each["Key"]: "" for each in many(51)}),
        "Member must have length less than or equal to 50",
    ),
    "the name of a log group": (lambda a: a.logs.create_log_group(logGroupName="a b"), "at 'logGroupName' failed"),
    "a parameter with a reference": (
        lambda a: a.put_parameter("p", "see {{other}}"),
        "ValidationException: Parameter value: see {{other}} can't nest another parameter.",
    ),
    "a parameter over 4 KiB": (
        lambda a: a.put_parameter("p", "é" * 2049),
        "ValidationException: Standard tier parameters support a maximum parameter value of 4096 characters.",
    ),
    "a parameter without a value": (
        lambda a: a.put_parameter("p", ""),
        "at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ),
    "the name of a parameter": (lambda a: a.put_parameter("a b", "x"), "ValidationException: Parameter name: can't be"),
    "a long name of a parameter": (
        lambda a: a.put_parameter(f"/{'p' * 956}", "x"),
        "ValidationException: Parameter name: a name of 957 characters is longer than 1011 with its ARN.",
    ),
    "the description of a parameter": (
        lambda a: a.put_parameter("p", "x", Description="d" * 1025),
        "at 'description' failed to satisfy constraint: Member must have length less than or equal to 1024",
    ),
    "a tag in SSM": (
        lambda a: a.put_parameter("p", "x", Tags=tag(AMPERSAND)),
        "ValidationException: 1 validation error detected: Value 'R&D' at 'tags.1.member.value'",
    ),
    "a tag of a bucket": (
        lambda a: a.s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": tag(AMPERSAND)}),
        "InvalidTag: The TagValue you have provided is invalid",
    ),
    "many tags of a bucket": (
        lambda a: a.s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": many(51)}),
        "BadRequest: Bucket tag count cannot be greater than 50",
    ),
    "a tag of an object": (
        lambda a: a.s3.put_object(Bucket="bucket", Key="k", Tagging="key=R%26D"),
        "InvalidTag: The TagValue you have provided is invalid",
    ),
    "many tags of an object": (
        lambda a: a.s3.put_object(Bucket="bucket", Key="k", Tagging="&".join(f"{t['Key']}=" for t in many(11))),
        "BadRequest: Object tags cannot be greater than 10",
    ),
}


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_what_aws_refuses_is_refused(account: Account, call: Call, words: str) -> None:
    with pytest.raises(ClientError) as refused:
        call(account)
    error = refused.value.response.get("Error", {})
    assert words in f"{error.get('Code')}: {error.get('Message')}"


TAGS = {"Straße 1_a.b:c/d=e+f-g@h": "データ", "k": "", "Key": "a" * 256}
TAKEN: dict[str, Call] = {
    "any characters in tags of EC2": lambda a: a.ec2.create_tags(Resources=[a.vpc], Tags=tag("R&D 😀")),
    "tags in ECS": lambda a: a.ecs.create_cluster(
        clusterName="c", tags=[{"key": key, "value": value} for key, value in TAGS.items()]
    ),
    "tags in IAM": lambda a: a.create_role(Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()]),
    "tags in CloudWatch Logs": lambda a: a.logs.create_log_group(logGroupName="l", tags=TAGS),
    "tags in SSM": lambda a: a.put_parameter("p", "x", Tags=[{"Key": k, "Value": v} for k, v in TAGS.items()]),
    "tags of a bucket": lambda a: a.s3.put_bucket_tagging(
        Bucket="bucket", Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in TAGS.items()]}
    ),
    "a parameter with the longest name": lambda a: a.put_parameter(f"/{'p' * 955}", "x"),
    "a parameter of 4 KiB": lambda a: a.put_parameter("/a/b.c-d_e", "{" + "x" * 4094 + "}"),
    "sixty rules of a group": lambda a: [a.allow(f"10.0.{each}.0/24") for each in range(60)],
    "an image by digest": lambda a: a.register(image=f"ghcr.io:443/acme/airflow@sha256:{'0' * 64}"),
}


@pytest.mark.parametrize("call", TAKEN.values(), ids=TAKEN)
def test_what_aws_takes_is_taken(account: Account, call: Call) -> None:
    call(account)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("10.20.3.4/16", "10.20.0.0/16"),
        ("2001:DB8:0::1/32", "2001:db8::/32"),
        ("::ffff:0:0/96", "::ffff:0:0/96"),
    ],
)
def test_ec2_keeps_address_ranges_in_its_own_spelling(account: Account, written: str, kept: str) -> None:
    account.allow(written)
    assert account.allowed() == [kept]


def patterns(service: str, operations: Iterator[str] | list[str]) -> set[str]:
    """Return every pattern in what these operations take."""
    found: set[str] = set()

    def collect(shape: Any, seen: frozenset[str]) -> None:
        if shape is None or shape.name in seen:
            return
        if pattern := shape.metadata.get("pattern"):
            found.add(pattern)
        members = shape.members.values() if shape.type_name == "structure" else ()
        within = [getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)]
        for each in (*members, *within):
            collect(each, seen | {shape.name})

    for operation in operations:
        collect(get_service_model(service).operation_model(operation).input_shape, frozenset())
    return found


CREATED: dict[str, list[str]] = {
    "ecs": ["CreateCluster", "CreateService", "RegisterTaskDefinition", "TagResource", "UpdateService"],
    "iam": ["CreateRole", "PutRolePolicy", "TagRole", "UpdateRole"],
    "logs": ["CreateLogGroup", "PutRetentionPolicy", "TagResource"],
    "servicediscovery": ["CreatePrivateDnsNamespace", "CreateService", "TagResource", "UpdateService"],
    "ssm": ["AddTagsToResource", "PutParameter"],
}


@pytest.mark.parametrize("service", CREATED)
def test_python_reads_every_pattern_of_what_is_created(service: str) -> None:
    assert [each for each in patterns(service, CREATED[service]) if compiled_pattern(each) is None] == []
