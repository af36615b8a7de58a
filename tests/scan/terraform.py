"""What the component registers, written as Terraform, which scanners read. Pure.

pulumi-aws is made from Terraform's AWS provider: an input is the argument of the same name in snake case, but for
blocks that may be repeated, whose names are plural in Pulumi alone.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import pulumi
from pulumi.runtime.mocks import MockResourceArgs

Template = dict[str, dict[str, dict[str, Any]]]
"""The arguments of each resource by type and name."""

AWS_TYPES: Mapping[str, str] = {
    "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
    "aws:ec2/securityGroup:SecurityGroup": "aws_security_group",
    "aws:ecs/cluster:Cluster": "aws_ecs_cluster",
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": "aws_ecs_cluster_capacity_providers",
    "aws:ecs/service:Service": "aws_ecs_service",
    "aws:ecs/taskDefinition:TaskDefinition": "aws_ecs_task_definition",
    "aws:iam/role:Role": "aws_iam_role",
    "aws:iam/rolePolicy:RolePolicy": "aws_iam_role_policy",
    "aws:s3/bucket:Bucket": "aws_s3_bucket",
    "aws:s3/bucketObjectv2:BucketObjectv2": "aws_s3_object",
    "aws:s3/bucketPolicy:BucketPolicy": "aws_s3_bucket_policy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "aws_s3_bucket_public_access_block",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "aws_s3_bucket_server_side_encryption_configuration"
    ),
    "aws:ssm/parameter:Parameter": "aws_ssm_parameter",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "aws_vpc_security_group_egress_rule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
}

ELSEWHERE = {
    "airflow-fargate:index:AirflowFargate",
    "awsx:ec2:Vpc",  # a component of its own, whose children only its plugin knows
    "random:index/randomBytes:RandomBytes",
    "random:index/randomPassword:RandomPassword",
}
"""What is no resource of AWS."""

_BLOCKS = {"capacityProviderStrategies": "capacity_provider_strategy", "rules": "rule"}
_AS_THEY_ARE = {"tags"}


def template(resources: Iterable[MockResourceArgs]) -> Template:
    """Write recorded resources as Terraform's JSON. Refused with KeyError: a type that is not in the table above."""
    ours = [resource for resource in resources if resource.typ not in ELSEWHERE]
    references = {
        answer: f"${{{AWS_TYPES[resource.typ]}.{_name(resource)}.id}}"
        for resource in ours
        # What the mocks answer as its id and its name.
        for answer in (f"{resource.name}-id", f"{resource.name}-1234567")
    }
    written: Template = {}
    for resource in ours:
        inputs = cast(dict[str, Any], resource.inputs)
        written.setdefault(AWS_TYPES[resource.typ], {})[_name(resource)] = _block(inputs, references)
    return written


def _name(resource: MockResourceArgs) -> str:
    return re.sub(r"[^\w-]", "-", resource.name)


def _block(inputs: dict[str, Any], references: Mapping[str, str]) -> dict[str, Any]:
    return {
        _BLOCKS.get(key) or re.sub("(?=[A-Z])", "_", key).lower(): value
        if key in _AS_THEY_ARE
        else _value(key, value, references)
        for key, value in inputs.items()
    }


def _value(key: str, value: Any, references: Mapping[str, str]) -> Any:
    if key == "containerDefinitions":
        return json.loads(value)
    if isinstance(value, dict):
        return _block(cast(dict[str, Any], value), references)
    if isinstance(value, list):
        return [_value("", item, references) for item in cast(list[Any], value)]
    if isinstance(value, pulumi.FileAsset):
        return value.path
    return references.get(value, value) if isinstance(value, str) else value
