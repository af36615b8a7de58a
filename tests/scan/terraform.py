"""The component's resources written as Terraform, which scanners read. Pure.

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

_RENAMED = {
    "aws:rds/instance:Instance": "aws_db_instance",
    "aws:rds/parameterGroup:ParameterGroup": "aws_db_parameter_group",
    "aws:rds/subnetGroup:SubnetGroup": "aws_db_subnet_group",
    "aws:s3/bucketObjectv2:BucketObjectv2": "aws_s3_object",
}
"""Types that Pulumi names otherwise than Terraform."""

_SERVICES = {"ec2": None, "servicediscovery": "service_discovery"}
"""Services that Pulumi names otherwise than Terraform, which does not name EC2."""

ELSEWHERE = {
    "airflow-fargate:index:AirflowFargate",
    "awsx:ec2:Vpc",  # a component of its own, whose children only its plugin knows
    "random:index/randomBytes:RandomBytes",
    "random:index/randomPassword:RandomPassword",
}
"""Types that are no resources of AWS."""

_BLOCKS = {
    "capacityProviderStrategies": "capacity_provider_strategy",
    "parameters": "parameter",
    "rules": "rule",
}
_AS_THEY_ARE = {"tags"}


def template(resources: Iterable[MockResourceArgs]) -> Template:
    """Write recorded resources as Terraform's JSON."""
    ours = [resource for resource in resources if resource.typ not in ELSEWHERE]
    references = {
        answer: f"${{{aws_type(resource.typ)}.{_name(resource)}.id}}"
        for resource in ours
        # What the mocks answer as its id and its name.
        for answer in (f"{resource.name}-id", f"{resource.name}-1234567")
    }
    written: Template = {}
    for resource in ours:
        inputs = cast(dict[str, Any], resource.inputs)
        written.setdefault(aws_type(resource.typ), {})[_name(resource)] = _block(inputs, references)
    return written


def aws_type(token: str) -> str:
    """Return Terraform's name of a resource type, as in aws_ecs_cluster."""
    service, _, name = token.split(":")[1].partition("/")
    words = ("aws", _SERVICES.get(service, service), _snake_case(name))
    return _RENAMED.get(token) or "_".join(word for word in words if word)


def _name(resource: MockResourceArgs) -> str:
    return re.sub(r"[^\w-]", "-", resource.name)


def _block(inputs: dict[str, Any], references: Mapping[str, str]) -> dict[str, Any]:
    return {
        _BLOCKS.get(key) or _snake_case(key): value if key in _AS_THEY_ARE else _value(key, value, references)
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


def _snake_case(name: str) -> str:
    return re.sub("(?=[A-Z])", "_", name).lower()
