"""Who may reach Airflow, and what Airflow may reach: one security group and its rules."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

import pulumi
import pulumi_aws as aws

from .errors import Refusal, refuse_repeated
from .part import Part, Reach
from .scope import Scope
from .settings import AddressRange, CapabilitySettings

# AWS: Amazon VPC quotas, "Inbound or outbound rules per security group", for IPv4 and IPv6 each.
_MAX_RULES = 60

# HTTPS for images, AWS's APIs and most else; DNS for resolvers other than the VPC's own, which no rule applies to.
_ALWAYS = (Reach("https", "tcp", 443), Reach("dns-udp", "udp", 53), Reach("dns-tcp", "tcp", 53))


@dataclass(frozen=True, kw_only=True)
class FirewallSettings(CapabilitySettings):
    """The addresses that may come in, and the ports that lead out."""

    allowed_cidrs: tuple[AddressRange, ...] = ()
    allow_public_access: bool = False
    egress_ports: tuple[int, ...] = ()

    @property
    def open_ports(self) -> tuple[int, ...]:
        """The TCP ports that lead out to anything but DNS."""
        return (443, *self.egress_ports)


@dataclass(frozen=True)
class Firewall:
    """The security group of the task, which no other interface uses, and the rules that it has."""

    security_group: aws.ec2.SecurityGroup
    rules: tuple[pulumi.Resource, ...]


def egress_part(settings: FirewallSettings) -> Part:
    """Let the task reach what every task must, and the ports that the caller names."""
    return Part(reach=(*_ALWAYS, *(Reach(f"tcp-{port}", "tcp", port) for port in settings.egress_ports)))


def create_firewall(
    scope: Scope,
    vpc_id: pulumi.Input[str],
    *,
    description: str = "Airflow: web interface in, HTTPS and DNS out",
    port: int,
    allowed: Sequence[AddressRange],
    reach: Sequence[Reach],
    ipv6: bool,
) -> Firewall:
    """Create a security group that admits the `allowed` ranges to one port, and lets the task reach `reach`.

    Every range has its own rule, so that changing one touches no other; what is reached is one too, and with `ipv6`
    a second one.
    """
    security_group = aws.ec2.SecurityGroup(
        f"{scope.name}-security-group",
        vpc_id=vpc_id,
        # Without the name: a security group whose description changes is replaced, and a renamed component must not be.
        description=description,
        tags=scope.tags,
        opts=scope.opts,
    )
    ingress = [
        aws.vpc.SecurityGroupIngressRule(
            f"{scope.name}-ingress-{str(network).replace('/', '-').replace(':', '.')}",
            security_group_id=security_group.id,
            description="Web interface and REST API",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            cidr_ipv4=str(network) if isinstance(network, IPv4Network) else None,
            cidr_ipv6=str(network) if isinstance(network, IPv6Network) else None,
            tags=scope.tags,
            opts=scope.opts,
        )
        for network in allowed
    ]
    egress = [
        aws.vpc.SecurityGroupEgressRule(
            f"{scope.name}-egress-{each.name}{suffix}",
            security_group_id=security_group.id,
            description=f"{each.protocol.upper()} {each.port} to anywhere",
            ip_protocol=each.protocol,
            from_port=each.port,
            to_port=each.port,
            cidr_ipv4=None if suffix else "0.0.0.0/0",
            cidr_ipv6="::/0" if suffix else None,
            tags=scope.tags,
            opts=scope.opts,
        )
        for suffix in ("", *(("-ipv6",) if ipv6 else ()))
        for each in reach
        if each.security_group_id is None
    ]
    to_groups = [
        rule
        for each in reach
        if each.security_group_id is not None
        for rule in _rules_between(scope, security_group.id, each, each.security_group_id)
    ]
    return Firewall(security_group=security_group, rules=(*ingress, *egress, *to_groups))


def _rules_between(
    scope: Scope, task_group_id: pulumi.Input[str], reach: Reach, group_id: pulumi.Input[str]
) -> tuple[pulumi.Resource, pulumi.Resource]:
    """Let the task reach a group, and have that group admit the task."""
    return (
        aws.vpc.SecurityGroupEgressRule(
            f"{scope.name}-egress-{reach.name}",
            security_group_id=task_group_id,
            description=f"{reach.protocol.upper()} {reach.port} to the {reach.name}",
            ip_protocol=reach.protocol,
            from_port=reach.port,
            to_port=reach.port,
            referenced_security_group_id=group_id,
            tags=scope.tags,
            opts=scope.opts,
        ),
        aws.vpc.SecurityGroupIngressRule(
            f"{scope.name}-{reach.name}-ingress",
            security_group_id=group_id,
            description="The task of Airflow",
            ip_protocol=reach.protocol,
            from_port=reach.port,
            to_port=reach.port,
            referenced_security_group_id=task_group_id,
            tags=scope.tags,
            opts=scope.opts,
        ),
    )


def refuse_firewall(
    settings: FirewallSettings, *, may_have_ipv6: bool, groups_in: int, groups_out: int
) -> Iterator[Refusal]:
    """Refuse what a security group could not hold, or holds anyway, and what would admit nobody.

    :param groups_in: How many other groups of the stack it admits, with a rule for each.
    :param groups_out: How many of them it, or that of Airflow's own tasks, leads to.
    """
    most_ranges = _MAX_RULES - groups_in
    most_ports = _MAX_RULES - len(_ALWAYS) - groups_out
    for network in settings.allowed_cidrs:
        if network.version == 6 and not may_have_ipv6:
            yield Refusal(
                "allowed_cidrs",
                f"has {network}, but the VPC that is made has no IPv6, and nobody could come from there; "
                "leave it out, or name a VPC of yours that has (vpc_id and subnet_ids)",
            )
    yield from refuse_repeated("allowed_cidrs", settings.allowed_cidrs)
    for version, number in sorted(Counter(network.version for network in settings.allowed_cidrs).items()):
        if number > most_ranges:
            own = f", {groups_in} of which are the stack's own" if groups_in else ""
            yield Refusal(
                "allowed_cidrs",
                f"has {number} IPv{version} ranges; a security group holds {_MAX_RULES} rules{own}: "
                "join neighbouring ranges to wider ones",
            )
    if len(settings.egress_ports) > most_ports:
        yield Refusal(
            "egress_ports",
            f"has {len(settings.egress_ports)} ports; a security group holds {_MAX_RULES} rules, "
            f"{_MAX_RULES - most_ports} of which are HTTPS, DNS and the stack's own: name at most {most_ports}",
        )
    for port in settings.egress_ports:
        if not 1 <= port <= 65535:
            yield Refusal("egress_ports", f"has {port}; use 1 to 65535")
        if port in (53, 443):
            yield Refusal("egress_ports", f"has {port}, which is open already; leave it out")
    yield from refuse_repeated("egress_ports", settings.egress_ports)


def refuse_public_access(settings: FirewallSettings) -> Iterator[Refusal]:
    """Refuse a range that means anybody, unless the caller says that it does."""
    if settings.allow_public_access:
        return
    for network in wider_than(8, 16, settings.allowed_cidrs):
        yield Refusal(
            "allowed_cidrs",
            f"has {network}, which lets the whole internet try the login; "
            "name the addresses that need it, or set allow_public_access to true",
        )


def wider_than(ipv4: int, ipv6: int, networks: Sequence[AddressRange]) -> list[AddressRange]:
    """Return the ranges with a shorter prefix than `ipv4` or, for IPv6, `ipv6`."""
    return [network for network in networks if network.prefixlen < (ipv4 if network.version == 4 else ipv6)]
