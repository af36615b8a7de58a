"""How awsx's strategy "Auto" cuts a VPC that has public subnets alone: the zones share it evenly."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_PREFIX = 28
"""Of a subnet (Amazon VPC user guide, "Subnet sizing")."""


@dataclass(frozen=True)
class PlannedSubnet:
    """One subnet in one zone; `name` is the Pulumi name and the Name tag."""

    name: str
    zone: str
    cidr_block: str


def plan(vpc_name: str, cidr_block: str, zones: Sequence[str]) -> list[PlannedSubnet]:
    """Return one subnet for each zone. Raises ValueError when they would be smaller than AWS allows."""
    vpc = ipaddress.IPv4Network(cidr_block)
    prefix = vpc.prefixlen + (len(zones) - 1).bit_length()
    if prefix > LONGEST_PREFIX:
        raise ValueError(f"subnets of {len(zones)} zones in {cidr_block} are /{prefix}; AWS allows /{LONGEST_PREFIX}")
    blocks = vpc.subnets(new_prefix=prefix)
    return [
        PlannedSubnet(f"{vpc_name}-public-{number}", zone, str(block))
        for number, (zone, block) in enumerate(zip(zones, blocks, strict=False), start=1)
    ]
