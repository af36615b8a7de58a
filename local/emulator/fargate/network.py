"""A Fargate task's elastic network interface, its public address on this machine, and what its groups let in."""

import ipaddress
import itertools
import random
import socket
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from moto.ec2.exceptions import InvalidSubnetIdError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.models.subnets import Subnet

# 127.0.0.1 is where the emulator itself listens.
_FIRST_HOST, _LAST_HOST = 2, 254
_COUNT = _LAST_HOST - _FIRST_HOST + 1
# Each address in its turn: on AWS, too, a task does not get the one that another has just left.
_HOSTS = itertools.cycle(range(_FIRST_HOST, _LAST_HOST + 1))
_FIRST_WITHOUT_PORTS, _COUNT_WITHOUT_PORTS = ipaddress.ip_address("127.1.0.1"), 65_534
_WITHOUT_PORTS = itertools.count()
_HTTPS = 443
# An address out there, to ask egress rules about.
_ANYWHERE = "198.51.100.1"

_ATTACHING = threading.Lock()
"""Held from the choice of addresses until the interface that has them is known."""


class NetworkError(Exception):
    """Why a task got no network, or would get none; the text is for its stoppedReason, or the API's refusal."""


class ManagedNetworkInterface(NetworkInterface):
    """An interface that an AWS service attached: moto's own knows attachments to EC2 instances only."""

    def __init__(
        self,
        backend: EC2Backend,
        subnet_id: str,
        group_ids: list[str],
        description: str,
        loopback: str | None = None,
    ) -> None:
        """Make an interface in a subnet.

        :param loopback: The address of this machine that stands for it, if tasks may reach it.
        """
        self.loopback = loopback
        address = _free_address(backend, subnet_id)
        super().__init__(backend, subnet_id, address, group_ids=group_ids, description=description)
        self.status = "in-use"
        self.device_index = 1
        self.attachment_id = f"eni-attach-{uuid.uuid4().hex[:17]}"
        self.attach_time = datetime.now(UTC)

    @property
    def attachment(self) -> Any:
        return {
            "AttachTime": self.attach_time,
            "AttachmentId": self.attachment_id,
            "DeleteOnTermination": False,
            "DeviceIndex": self.device_index,
            "InstanceOwnerId": self.owner_id,
            "NetworkCardIndex": 0,
            "Status": "attached",
        }

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "attachment.status":
            return "attached"
        if filter_name == "attachment.instance-owner-id":
            return self.owner_id
        return super().get_filter_value(filter_name, method_name)


def _free_address(backend: EC2Backend, subnet_id: str) -> str:
    """Return a private address that no interface in the subnet has; moto would give one out twice."""
    network = ipaddress.ip_network(backend.get_subnet(subnet_id).cidr_block)
    interfaces: list[NetworkInterface] = list(backend.enis.values())
    taken = {each.private_ip_address for each in interfaces if each.subnet_id == subnet_id}
    # AWS keeps the first four and the last for itself (VPC user guide, "Subnet sizing").
    hosts = range(4, network.num_addresses - 1)
    first = random.randrange(len(hosts))  # noqa: S311 - an address, no secret
    for host in itertools.chain(hosts[first:], hosts[:first]):
        if (address := str(network[host])) not in taken:
            return address
    raise NetworkError(f"subnet {subnet_id} has no free private address")


@dataclass
class TaskNetwork:
    """`listeners` are bound to the public address, one for each of the task's ports; empty without a public address."""

    interface: ManagedNetworkInterface
    listeners: list[socket.socket]

    @property
    def public_address(self) -> str | None:
        return self.interface.public_ip

    @property
    def private_address(self) -> str:
        return str(self.interface.private_ip_address)

    @property
    def vpc_id(self) -> str:
        return str(self.interface.vpc_id)

    def allows(self, port: int, source: str) -> bool:
        """Whether the ingress rules of the security groups, as they are now, let `source` reach TCP `port`."""
        return _admits(self.interface, port, source)

    def may_reach(self, address: str, port: int) -> bool:
        """Whether the security groups, as they are now, let the task reach TCP `port` of this machine's `address`.

        An interface of the VPC that it stands for has to admit the task, too; any other address is out there.
        """
        interfaces: Iterable[NetworkInterface] = self.interface.ec2_backend.enis.values()
        for other in interfaces:
            if isinstance(other, ManagedNetworkInterface) and other.loopback == address:
                return self.may_connect(other, port)
        return _lets_out(self.interface, port, _ANYWHERE)

    def reaches_internet(self) -> bool:
        """Whether the subnet's routes and the groups' egress rules, as they are now, let the task reach HTTPS."""
        return _reaches_internet(self.interface.ec2_backend, self.interface, self.public_address is not None)

    def may_connect(self, other: ManagedNetworkInterface, port: int) -> bool:
        """Whether the security groups of both, as they are now, let the task reach TCP `port` of an interface."""
        return (
            other.vpc_id == self.interface.vpc_id
            and _lets_out(self.interface, port, str(other.private_ip_address), other)
            and _admits(other, port, str(self.interface.private_ip_address), self.interface)
        )

    def release(self) -> None:
        for listener in self.listeners:
            listener.close()
        self.interface.ec2_backend.enis.pop(self.interface.id, None)

    def attachment_details(self) -> list[dict[str, str]]:
        """Return what DescribeTasks lists in `attachments[].details`."""
        details = {
            "subnetId": self.interface.subnet_id,
            "networkInterfaceId": self.interface.id,
            "macAddress": self.interface.mac_address,
            "privateDnsName": getattr(self.interface, "private_dns_name", None),
            "privateIPv4Address": self.interface.private_ip_address,
        }
        return [{"name": name, "value": value} for name, value in details.items() if value]


def zones(account_id: str, region: str, subnet_ids: list[str]) -> dict[str, Zone]:
    """Return the zone of each subnet; raise for one that is not there."""
    backend: EC2Backend = ec2_backends[account_id][region]
    by_name = {zone.name: zone for zone in backend.zones[region]}
    return {subnet.id: by_name[subnet.availability_zone] for subnet in _subnets(backend, subnet_ids)}


def refuse_network(account_id: str, region: str, configuration: dict[str, Any]) -> None:
    """Raise for subnets and security groups that are not there, or not in one VPC."""
    _refuse(ec2_backends[account_id][region], configuration["awsvpcConfiguration"])


def _refuse(backend: EC2Backend, vpc: dict[str, Any]) -> None:
    subnets = _subnets(backend, vpc["subnets"])
    if not subnets:
        raise NetworkError("subnets can not be empty.")
    vpc_ids = {subnet.vpc_id for subnet in subnets}
    if len(vpc_ids) > 1:
        raise NetworkError("The input subnets do not appear to belong to the same VPC.")
    group_ids: list[str] = vpc.get("securityGroups") or []
    for group_id in group_ids:
        # moto makes up the group that an interface names.
        group = backend.get_security_group_from_id(group_id)
        if group is None:
            raise NetworkError(
                f"Error retrieving security group information for [{', '.join(group_ids)}]: "
                f"The security group '{group_id}' does not exist (ErrorCode: InvalidGroup.NotFound)"
            )
        if group.vpc_id not in vpc_ids:
            raise NetworkError(
                f"Security group {group_id} does not appear to belong to the same VPC as the input subnets."
            )


def _subnets(backend: EC2Backend, subnet_ids: list[str]) -> list[Subnet]:
    try:
        return [backend.get_subnet(each) for each in subnet_ids]
    except InvalidSubnetIdError as error:
        raise NetworkError(
            f"Error retrieving subnet information for [{', '.join(subnet_ids)}]: "
            f"{error.message} (ErrorCode: {error.code})"
        ) from error


def attach_network(
    account_id: str, region: str, configuration: dict[str, Any], ports: list[int], attachment_arn: str
) -> TaskNetwork:
    """Make the interface in the first of the subnets, with a public address if `assignPublicIp` is ENABLED."""
    with _ATTACHING:
        return _attach(ec2_backends[account_id][region], configuration, ports, attachment_arn)


def _attach(backend: EC2Backend, configuration: dict[str, Any], ports: list[int], attachment_arn: str) -> TaskNetwork:
    vpc = configuration["awsvpcConfiguration"]
    # The API has asked this, but what it named may be gone by now.
    _refuse(backend, vpc)
    interface = cast(  # moto types the constructor of every model as BaseModel
        ManagedNetworkInterface,
        ManagedNetworkInterface(backend, vpc["subnets"][0], vpc.get("securityGroups") or [], attachment_arn),
    )
    if not _reaches_internet(backend, interface, vpc.get("assignPublicIp", "DISABLED") == "ENABLED"):
        raise NetworkError(
            "ResourceInitializationError: unable to pull secrets or registry auth: There is a connection issue between "
            f"the task and the internet. Check your task network configuration. (Subnet {interface.subnet_id} needs a "
            "route to an internet gateway with a public address, to a NAT gateway without one; security groups must "
            "let TCP 443 out.)"
        )
    listeners: list[socket.socket] = []
    if vpc.get("assignPublicIp", "DISABLED") == "ENABLED":
        address, listeners = _public_address(ports, {each.public_ip for each in backend.enis.values()})
        interface.public_ip = address
    backend.enis[interface.id] = interface
    return TaskNetwork(interface, listeners)


def _reaches_internet(backend: EC2Backend, interface: NetworkInterface, public: bool) -> bool:
    """Whether the subnet's routes and the groups' egress rules let the task pull its image and its secrets."""
    tables = [each for each in backend.route_tables.values() if each.vpc_id == interface.vpc_id]
    associated = [each for each in tables if any(a.get("SubnetId") == interface.subnet_id for a in each.associations)]
    table = next(iter(associated or [each for each in tables if each.main_association_id]))
    routes = [each for each in table.routes if each.destination_cidr_block == "0.0.0.0/0"]
    routed = any((each.gateway if public else each.nat_gateway) is not None for each in routes)
    return routed and _lets_out(interface, _HTTPS, _ANYWHERE)


def _public_address(ports: list[int], taken: set[str | None]) -> tuple[str, list[socket.socket]]:
    """Return the next loopback address on which all of the task's ports are free.

    A task without ports has one that nothing else has a use for: there may be hundreds of them.
    """
    if not ports:
        return str(_FIRST_WITHOUT_PORTS + next(_WITHOUT_PORTS) % _COUNT_WITHOUT_PORTS), []
    for host in itertools.islice(_HOSTS, _COUNT):
        address = f"127.0.0.{host}"
        if address not in taken and (listeners := _bind(address, ports)) is not None:
            return address, listeners
    raise NetworkError(
        f"no public address: ports {ports} are in use on every address from 127.0.0.{_FIRST_HOST} to "
        f"127.0.0.{_LAST_HOST}; a program that listens on 0.0.0.0 takes a port on all of them"
    )


def _bind(address: str, ports: list[int]) -> list[socket.socket] | None:
    listeners: list[socket.socket] = []
    for port in ports:
        try:
            listeners.append(socket.create_server((address, port)))
        except OSError:
            for listener in listeners:
                listener.close()
            return None
    return listeners


def _admits(interface: NetworkInterface, port: int, source: str, peer: NetworkInterface | None = None) -> bool:
    """Whether an ingress rule of the interface's groups lets `source`, the address of `peer`, reach TCP `port`."""
    groups: Iterable[SecurityGroup] = interface.group_set
    return any(_rule_allows(rule, port, source, peer) for group in groups for rule in list(group.ingress_rules))


def _lets_out(interface: NetworkInterface, port: int, to: str, peer: NetworkInterface | None = None) -> bool:
    """Whether an egress rule of the interface's groups lets it reach TCP `port` of `to`, the address of `peer`."""
    groups: Iterable[SecurityGroup] = interface.group_set
    return any(_rule_allows(rule, port, to, peer) for group in groups for rule in list(group.egress_rules))


def _rule_allows(rule: SecurityGroupRule, port: int, address: str, peer: NetworkInterface | None) -> bool:
    if rule.ip_protocol not in ("tcp", "-1"):
        return False
    if rule.ip_protocol == "tcp" and not int(rule.from_port or 0) <= port <= int(rule.to_port or 0):
        return False
    if group_id := rule.source_group.get("GroupId"):
        groups: Iterable[SecurityGroup] = peer.group_set if peer else ()
        return group_id in (group.id for group in groups)
    cidr = rule.ip_range.get("CidrIp") or rule.ip_range.get("CidrIpv6")
    return cidr is not None and ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
