"""Rules of EC2 that moto lacks: it refuses to delete what is in use, spells addresses its own way, has more zones.

moto itself refuses an associated route table, a role with policies and a bucket with objects. The rules for ECS
clusters, services and capacity providers are in `ecs`.
"""

import ipaddress
from collections.abc import Iterator
from typing import Any

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend, Zone
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC

from local.emulator.fargate.network import ManagedNetworkInterface

_MORE_ZONES = (
    # Of an account that has opted in to a Local Zone, which is among the others from then on.
    Zone("us-east-1-bos-1a", "us-east-1", "use1-bos1-az1", "local-zone"),
    # Of an account of the region's first years.
    Zone("ap-northeast-1b", "ap-northeast-1", "apne1-az3"),
)
"""Zones that an account may have and that Fargate does not have, neither of them the last of its region by name."""


class StrictEC2Backend(EC2Backend):
    """moto's EC2, which refuses what AWS refuses, in AWS's words."""

    # moto finds a service's URLs beside the module of its backend class.
    __module__ = EC2Backend.__module__

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        group = self.get_security_group_from_id(group_id) if group_id else self.get_security_group_from_name(name or "")
        if group is not None:
            if group.name == "default":
                raise EC2ClientError(
                    "CannotDelete",
                    f'the specified group: "{group.id}" name: "default" cannot be deleted by a user',
                )
            interfaces = self.enis.values()
            if any(group in each.group_set for each in interfaces) or self._is_named_by_another(group):
                raise DependencyViolationError(f"resource {group.id} has a dependent object")
        super().delete_security_group(name, group_id)

    def delete_subnet(self, subnet_id: str) -> Subnet:
        if any(each.subnet_id == subnet_id for each in self.enis.values()):
            raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        subnet = super().delete_subnet(subnet_id)
        for table in self.route_tables.values():
            for association in table.associations:
                if association.get("SubnetId") == subnet_id:
                    self.disassociate_route_table(association["RouteTableAssociationId"])
        return subnet

    def delete_internet_gateway(self, internet_gateway_id: str) -> None:
        if self.get_internet_gateway(internet_gateway_id).vpc:
            raise DependencyViolationError(
                f"The internetGateway '{internet_gateway_id}' has dependencies and cannot be deleted."
            )
        super().delete_internet_gateway(internet_gateway_id)

    def detach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> None:
        if any(each.vpc_id == vpc_id and each.public_ip for each in self.enis.values()):
            raise DependencyViolationError(
                f"Network {vpc_id} has some mapped public address(es). "
                "Please unmap those public address(es) before detaching the gateway."
            )
        super().detach_internet_gateway(internet_gateway_id, vpc_id)

    def delete_route_table(self, route_table_id: str) -> None:
        if self.get_route_table(route_table_id).main_association_id:
            raise DependencyViolationError(f"The routeTable '{route_table_id}' has dependencies and cannot be deleted.")
        super().delete_route_table(route_table_id)

    def delete_network_interface(self, eni_id: str) -> None:
        if isinstance(self.enis.get(eni_id), ManagedNetworkInterface):
            raise EC2ClientError("InvalidParameterValue", f"Network interface '{eni_id}' is currently in use.")
        super().delete_network_interface(eni_id)

    def delete_vpc(self, vpc_id: str) -> VPC:
        groups = [each for each in self.groups[vpc_id].values() if each.name != "default"]
        gateways = [each for each in self.internet_gateways.values() if each.vpc and each.vpc.id == vpc_id]
        tables = [each for each in self.route_tables.values() if each.vpc_id == vpc_id]
        subnets = self.describe_subnets(filters={"vpc-id": vpc_id})
        if groups or gateways or subnets or any(not each.main_association_id for each in tables):
            raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        # What came with the VPC goes with it; one by one, a user can't delete these.
        for table in tables:
            del self.route_tables[table.id]
        self.groups[vpc_id].clear()
        for acl in [each for each in self.network_acls.values() if each.vpc_id == vpc_id]:
            del self.network_acls[acl.id]
        return super().delete_vpc(vpc_id)

    def describe_availability_zones(
        self,
        filters: list[dict[str, Any]] | None = None,
        zone_names: list[str] | None = None,
        zone_ids: list[str] | None = None,
    ) -> list[Zone]:
        zones = super().describe_availability_zones(filters, zone_names, zone_ids)
        # A request always names these. Without them moto looks for the place of a subnet that names none.
        by_itself = filters is None and zone_names is None and zone_ids is None
        return [zone for zone in zones if not by_itself or zone.zone_type == "availability-zone"]

    def _iterate_security_rules(
        self, ip_protocol: str, group_id: str, from_port: str, to_port: str, ip_ranges: list[Any], *rest: Any, **of: Any
    ) -> Iterator[SecurityGroupRule]:
        ranges = [_canonical(each) for each in ip_ranges]
        return super()._iterate_security_rules(ip_protocol, group_id, from_port, to_port, ranges, *rest, **of)

    def _is_named_by_another(self, group: SecurityGroup) -> bool:
        rules: list[SecurityGroupRule] = [
            rule
            for groups in self.groups.values()
            for other in groups.values()
            if other is not group
            for rule in [*other.ingress_rules, *other.egress_rules]
        ]
        return any(rule.source_group.get("GroupId") == group.id for rule in rules)


def _canonical(ip_range: dict[str, str] | str) -> dict[str, str] | str:
    """Return an address range as EC2 keeps it (API reference, IpRange): 10.0.0.9/8 is 10.0.0.0/8."""
    if isinstance(ip_range, str):
        return str(ipaddress.ip_network(ip_range, strict=False))
    return {
        name: str(ipaddress.ip_network(value, strict=False)) if name in ("CidrIp", "CidrIpv6") else value
        for name, value in ip_range.items()
    }


def enforce_rules() -> None:
    """Must run before the first request: moto makes a region's backend when it is first asked for."""
    ec2_backends.backend = StrictEC2Backend
    for zone in _MORE_ZONES:
        zones = RegionsAndZonesBackend.zones[zone.region_name]
        zones.append(zone)
        zones.sort(key=lambda each: each.name)
