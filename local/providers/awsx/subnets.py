"""How awsx's strategy "Auto" cuts a VPC: the zones share it evenly, and the subnets of a zone follow each other."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TYPES = ("Public", "Private", "Isolated")
"""In the order in which awsx makes them within a zone."""


@dataclass(frozen=True)
class SubnetSpec:
    """One entry of `subnetSpecs`: a subnet in each zone."""

    type: str
    name: str | None = None
    cidr_mask: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class PlannedSubnet:
    """One subnet in one zone; `name` is the Pulumi name and the Name tag."""

    name: str
    zone: str
    cidr_block: str
    spec: SubnetSpec


def plan(vpc_name: str, cidr_block: str, zones: Sequence[str], specs: Sequence[SubnetSpec]) -> list[PlannedSubnet]:
    """All subnets, zone by zone, public ones first. Raises ValueError when they do not fit into the VPC."""
    vpc = ipaddress.IPv4Network(cidr_block)
    zone_mask = vpc.prefixlen + _bits(len(zones))
    default_mask = zone_mask + _bits(len(specs))
    size = 2 ** (vpc.max_prefixlen - zone_mask)
    wanted = sum(2 ** (vpc.max_prefixlen - (spec.cidr_mask or default_mask)) for spec in specs)
    if wanted > size:
        raise ValueError(
            f"Subnets are too large for VPC. A zone of {cidr_block} has {size} addresses, "
            f"but subnets require {wanted} addresses."
        )
    planned: list[PlannedSubnet] = []
    for number, zone in enumerate(zones, start=1):
        zone_start = int(vpc.network_address) + (number - 1) * size
        in_zone: list[PlannedSubnet] = []
        start = zone_start
        for spec in specs:
            mask = spec.cidr_mask or default_mask
            block_size = 2 ** (vpc.max_prefixlen - mask)
            # A wider block than the one before begins at the next multiple of its size.
            start = -(-start // block_size) * block_size
            name = f"{vpc_name}-{spec.name or spec.type.lower()}-{number}"
            in_zone.append(PlannedSubnet(name, zone, f"{ipaddress.IPv4Address(start)}/{mask}", spec))
            start += block_size
        planned += sorted(in_zone, key=lambda subnet: TYPES.index(subnet.spec.type))
    return planned


def _bits(count: int) -> int:
    """How many bits number `count` things."""
    return (count - 1).bit_length()
