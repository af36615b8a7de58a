"""The network that the task runs in: a VPC with two public subnets, or the caller's own."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pulumi
import pulumi_awsx as awsx

from .errors import Refusal, checked_late, refuse_repeated
from .part import Part
from .scope import Scope
from .settings import CapabilitySettings
from .zones import NUMBER_OF_ZONES, find_zones, without_fargate

# What `awsx.ec2.Vpc` tags what it makes with, beside the tags that it is given.
_AWSX_TAGS = frozenset({"Name", "SubnetType"})

# ECS API reference, AwsVpcConfiguration.
_MAX_SUBNETS = 16


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(CapabilitySettings):
    """The caller's own network; both or neither are given."""

    vpc_id: pulumi.Input[str] | None = None
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None

    @property
    def may_have_ipv6(self) -> bool:
        """Whether a task may have an IPv6 address: the VPC that is made has none."""
        return self.vpc_id is not None

    @property
    def added_tags(self) -> frozenset[str]:
        """The names of the tags that resources of the network have beside the caller's."""
        return _AWSX_TAGS if self.vpc_id is None else frozenset()


@dataclass(frozen=True)
class Network:
    """Where the task runs."""

    vpc_id: pulumi.Output[str]
    subnet_ids: pulumi.Output[list[str]]
    part: Part


def create_network(scope: Scope, settings: NetworkSettings) -> Network:
    """Create a VPC with a public subnet in each of two zones that Fargate has, or take the one in `settings`.

    Subnets of the caller's are refused as soon as they are known to lie where Fargate is not.

    There is no NAT gateway: the task has a public address of its own, and a NAT gateway costs more than the task. A
    subnet stays in the zone that it was made in, whatever zones AWS has later: another zone would be another subnet.
    """
    if settings.vpc_id is not None and settings.subnet_ids is not None:
        lookup = pulumi.InvokeOptions(parent=scope.opts.parent, version=metadata.version("pulumi-aws"))
        subnets = pulumi.Output.from_input(settings.subnet_ids).apply(
            lambda ids: asyncio.gather(*(_find_subnet(str(subnet_id), lookup) for subnet_id in ids))
        )
        return Network(
            vpc_id=pulumi.Output.from_input(settings.vpc_id),
            subnet_ids=checked_late(scope.name, subnets, _refuse_subnets).apply(
                lambda known: [subnet.subnet_id for subnet in known]
            ),
            part=Part(),
        )
    zones = find_zones(pulumi.InvokeOptions(parent=scope.opts.parent))
    vpc = awsx.ec2.Vpc(
        f"{scope.name}-vpc",
        availability_zone_names=zones or None,
        number_of_availability_zones=None if zones else NUMBER_OF_ZONES,
        nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=awsx.ec2.NatGatewayStrategy.NONE),
        subnet_specs=[awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PUBLIC)],
        subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
        enable_dns_hostnames=True,
        tags=scope.tags,
        opts=scope.options(pulumi.ResourceOptions(transforms=[_keep_zone])),
    )
    return Network(vpc_id=vpc.vpc_id, subnet_ids=vpc.public_subnet_ids.apply(list), part=Part(waits_for=(vpc,)))


def _keep_zone(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    if args.type_ != "aws:ec2/subnet:Subnet":
        return None
    keep = pulumi.ResourceOptions(ignore_changes=["availabilityZone"])
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, keep))


def refuse_network(settings: NetworkSettings) -> Iterator[Refusal]:
    """Refuse half a network, and what is no id of one."""
    vpc_id, subnet_ids = settings.vpc_id, settings.subnet_ids
    if vpc_id is not None and subnet_ids is None:
        shown = vpc_id if isinstance(vpc_id, str) else "given"
        yield Refusal("subnet_ids", f"is missing, but vpc_id is {shown}; give both or neither")
    if subnet_ids is not None and vpc_id is None:
        yield Refusal("vpc_id", "is missing, but subnet_ids is given; give both or neither")
    if isinstance(vpc_id, str) and not re.fullmatch(r"vpc-[0-9a-f]{8,17}", vpc_id):
        yield Refusal("vpc_id", f"is {vpc_id!r}; the id of a VPC looks like vpc-0123456789abcdef0")
    if isinstance(subnet_ids, list):
        yield from _refuse_subnet_ids(subnet_ids)


def _refuse_subnet_ids(subnet_ids: list[pulumi.Input[str]]) -> Iterator[Refusal]:
    if not subnet_ids:
        yield Refusal("subnet_ids", "is an empty list; give at least one public subnet of the VPC")
    if len(subnet_ids) > _MAX_SUBNETS:
        yield _too_many(subnet_ids)
    plain = [subnet_id for subnet_id in subnet_ids if isinstance(subnet_id, str)]
    for subnet_id in plain:
        if not re.fullmatch(r"subnet-[0-9a-f]{8,17}", subnet_id):
            yield Refusal("subnet_ids", f"has {subnet_id!r}; the id of a subnet looks like subnet-0123456789abcdef0")
    yield from refuse_repeated("subnet_ids", plain)


def _too_many(subnets: Sequence[object]) -> Refusal:
    return Refusal("subnet_ids", f"has {len(subnets)} subnets; a service of ECS has {_MAX_SUBNETS} at most, name fewer")


@dataclass(frozen=True)
class _Subnet:
    subnet_id: str
    zone: str
    zone_id: str
    """Empty when it is not known."""


async def _find_subnet(subnet_id: str, lookup: pulumi.InvokeOptions) -> _Subnet:
    # The SDK has two functions for it: one whose failure would fail the program, whoever caught it, and one that has
    # the program go on inside of it until the answer is there, where the next one waits inside of that.
    try:
        found: dict[str, Any] = await pulumi.runtime.invoke_async(
            "aws:ec2/getSubnet:getSubnet", {"id": subnet_id}, lookup
        )
    except Exception as error:  # noqa: BLE001 - the SDK has no type of its own for it
        pulumi.log.warn(f"Whether Fargate is in the zone of {subnet_id} was not checked: {error}")
        return _Subnet(subnet_id, "", "")
    # Mocks of a program's own answer nothing, whatever the types say.
    return _Subnet(subnet_id, found.get("availabilityZone") or "", found.get("availabilityZoneId") or "")


def _refuse_subnets(subnets: Sequence[_Subnet]) -> Iterator[Refusal]:
    if len(subnets) > _MAX_SUBNETS:
        yield _too_many(subnets)
    for subnet in subnets:
        if subnet.zone_id and (way_out := without_fargate(subnet.zone_id)):
            yield Refusal(
                "subnet_ids", f"has {subnet.subnet_id}, which lies in {subnet.zone} ({subnet.zone_id}); {way_out}"
            )
