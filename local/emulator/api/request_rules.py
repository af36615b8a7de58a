"""Rules of AWS for requests beyond the models of its APIs, in AWS's words where they are known."""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from moto.core.exceptions import ServiceException

from local.emulator.fargate.definitions import items

Parameters = dict[str, Any]


class RefusedValueError(ServiceException):
    """AWS's code and message. moto looks for what it knows of an error in the service whose module the class is of."""


Rule = Callable[[Parameters], Iterator[RefusedValueError]]

# EC2 API reference, CreateSecurityGroup and IpRange.
_DESCRIPTION = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")

# ECS API reference, RegisterTaskDefinition and ContainerDefinition, and Amazon ECS service quotas.
_ECS_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_IMAGE = re.compile(r"[A-Za-z0-9\-_:./#@]+")
_IMAGE_LENGTH = 255
_SUBNETS = 16
# ECS API reference, RunTask.
_STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{0,128}")
_TASKS = 10
_TASK_DEFINITION_BYTES = 65_536

# Systems Manager user guide, "Creating Parameter Store parameters".
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_./-]+")
_STANDARD_BYTES = 4096
# PutParameter: of the name with its ARN, of which this is the longest that stands before one.
_PARAMETER_LENGTH = 1011 - len("arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter")


def _security_group(request: Parameters) -> Iterator[RefusedValueError]:
    description = request.get("Description", "")
    if not _DESCRIPTION.fullmatch(description):
        yield RefusedValueError(
            "InvalidParameterValue",
            f"Value ({description}) for parameter GroupDescription is invalid. "
            "Up to 255 characters from a-zA-Z0-9. _-:/()#,@[]+=&;{}!$* are supported.",
        )
    yield from _ec2_tags(request)


def _security_group_rules(request: Parameters) -> Iterator[RefusedValueError]:
    for permission in items(request, "IpPermissions") or [{"IpRanges": [request]}]:
        sources = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
        for each in chain.from_iterable(items(permission, source) for source in sources):
            cidr: str | None = each.get("CidrIp") or each.get("CidrIpv6")
            if cidr is not None and not _is_cidr(cidr):
                yield RefusedValueError("InvalidParameterValue", f"CIDR block {cidr} is malformed")
            if not _DESCRIPTION.fullmatch(each.get("Description", "")):
                yield RefusedValueError(
                    "InvalidParameterValue",
                    "Invalid rule description. Valid descriptions are strings less than 256 characters from the "
                    "following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
                )
    yield from _ec2_tags(request)


def _is_cidr(text: str) -> bool:
    """Whether it is an address, without an interface of its own, and how many bits of it count."""
    _, _, bits = text.partition("/")
    try:
        return bits.isdecimal() and "%" not in text and bool(ipaddress.ip_interface(text))
    except ValueError:
        return False


def _ec2_tags(request: Parameters) -> Iterator[RefusedValueError]:
    # EC2 API reference, Tag: any characters.
    specified = [tag for each in items(request, "TagSpecifications") for tag in items(each, "Tags")]
    for tag in (*specified, *items(request, "Tags")):
        if len(tag["Key"]) > 127:
            yield RefusedValueError("InvalidParameterValue", "Tag key exceeds the maximum length of 127 characters")
        if len(tag.get("Value", "")) > 256:
            yield RefusedValueError("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
        if tag["Key"].lower().startswith("aws:"):
            yield RefusedValueError(
                "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"
            )


def _rds_tags(request: Parameters) -> Iterator[RefusedValueError]:
    # RDS API reference, Tag: neither the key nor the value can be prefixed with these.
    for tag in items(request, "Tags"):
        for text in (tag["Key"], tag.get("Value", "")):
            if text.lower().startswith(("aws:", "rds:")):
                yield RefusedValueError("InvalidParameterValue", f"Tags can't be prefixed with aws: or rds:: {text}")


def _task_definition(request: Parameters) -> Iterator[RefusedValueError]:
    if not _ECS_NAME.fullmatch(request["family"]):
        yield RefusedValueError("ClientException", "Family contains invalid characters.")
    for container in items(request, "containerDefinitions"):
        if not _ECS_NAME.fullmatch(container.get("name", "")):
            yield RefusedValueError("ClientException", "Container.name contains invalid characters.")
        image: str = container.get("image", "")
        if not image:
            yield RefusedValueError("ClientException", "Container.image should not be null or empty.")
        elif len(image) > _IMAGE_LENGTH:
            yield RefusedValueError("ClientException", f"Container.image should be {_IMAGE_LENGTH} characters or less.")
        elif not _IMAGE.fullmatch(image):
            yield RefusedValueError("ClientException", "Container.image contains invalid characters.")
    size = len(json.dumps(request))
    if size > _TASK_DEFINITION_BYTES:
        yield RefusedValueError(
            "ClientException", f"Actual length: '{size}'. Max allowed length is '{_TASK_DEFINITION_BYTES}' bytes."
        )


def _ecs_name(member: str) -> Rule:
    def rule(request: Parameters) -> Iterator[RefusedValueError]:
        name: str | None = request.get(member)
        if name is not None and not _ECS_NAME.fullmatch(name):
            yield RefusedValueError("InvalidParameterException", f"{member} contains invalid characters.")

    return rule


def _service(request: Parameters) -> Iterator[RefusedValueError]:
    yield from _ecs_name("serviceName")(request)
    yield from _network(request)


def _run_task(request: Parameters) -> Iterator[RefusedValueError]:
    if not 1 <= request.get("count", 1) <= _TASKS:
        yield RefusedValueError("InvalidParameterException", f"Count must be between 1 and {_TASKS}.")
    if not _STARTED_BY.fullmatch(request.get("startedBy", "")):
        yield RefusedValueError("InvalidParameterException", "startedBy contains invalid characters.")
    if request.get("propagateTags") == "SERVICE":
        yield RefusedValueError("InvalidParameterException", "propagateTags must be TASK_DEFINITION or NONE.")
    yield from _network(request)


def _network(request: Parameters) -> Iterator[RefusedValueError]:
    # ECS API reference, AwsVpcConfiguration.
    network = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    if len(items(network, "subnets")) > _SUBNETS:
        yield RefusedValueError("InvalidParameterException", f"subnets can have at most {_SUBNETS} items.")


def _parameter(request: Parameters) -> Iterator[RefusedValueError]:
    name, value = request["Name"], request["Value"]
    if not _PARAMETER_NAME.fullmatch(name):
        yield RefusedValueError(
            "ValidationException",
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
            "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
            "following 3 symbols .-_",
        )
    if len(name) > _PARAMETER_LENGTH:
        yield RefusedValueError(
            "ValidationException", f"Parameter name: a name of {len(name)} characters is longer than 1011 with its ARN."
        )
    if re.search(r"{{.*}}", value, re.DOTALL):
        yield RefusedValueError(
            "ValidationException",
            f'Parameter value: {value} can\'t nest another parameter. Do not use "{{{{}}}}" in the value.',
        )
    if request.get("Tier", "Standard") == "Standard" and len(value.encode()) > _STANDARD_BYTES:
        yield RefusedValueError(
            "ValidationException",
            f"Standard tier parameters support a maximum parameter value of {_STANDARD_BYTES} characters. To create a "
            "larger parameter value, upgrade the parameter to use the advanced-parameter tier.",
        )


RULES: Mapping[tuple[str, str], Rule] = {
    **{
        ("ec2", operation): _ec2_tags
        for operation in (
            *("CreateInternetGateway", "CreateRouteTable", "CreateSubnet", "CreateTags", "CreateVpc"),
            "CreateNetworkInterface",
        )
    },
    ("ec2", "CreateSecurityGroup"): _security_group,
    ("ec2", "AuthorizeSecurityGroupEgress"): _security_group_rules,
    ("ec2", "AuthorizeSecurityGroupIngress"): _security_group_rules,
    ("ecs", "CreateCluster"): _ecs_name("clusterName"),
    ("ecs", "CreateService"): _service,
    ("ecs", "RegisterTaskDefinition"): _task_definition,
    ("ecs", "RunTask"): _run_task,
    ("ecs", "UpdateService"): _service,
    **{
        ("rds", operation): _rds_tags
        for operation in (
            *("AddTagsToResource", "CreateDBInstance", "CreateDBParameterGroup", "CreateDBSnapshot"),
            *("CreateDBSubnetGroup", "RestoreDBInstanceFromDBSnapshot"),
        )
    },
    ("ssm", "PutParameter"): _parameter,
}
"""The rules, most important first; each says what is wrong with a request."""
