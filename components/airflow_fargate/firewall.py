"""Who may reach Airflow, and what Airflow may reach: one security group and its rules."""

from dataclasses import dataclass
from ipaddress import ip_network

import pulumi
import pulumi_aws as aws

from .settings import Settings

# HTTPS for images, AWS's APIs and most else; DNS for resolvers other than the VPC's own, which no rule applies to.
_EGRESS = (("https", "tcp", 443), ("dns-udp", "udp", 53), ("dns-tcp", "tcp", 53))


@dataclass(frozen=True)
class Firewall:
    """The security group of the task, which no other interface uses, and the rules that it has."""

    security_group: aws.ec2.SecurityGroup
    rules: tuple[pulumi.Resource, ...]


def create_firewall(name: str, settings: Settings, vpc_id: pulumi.Input[str], opts: pulumi.ResourceOptions) -> Firewall:
    """Create a security group that admits `allowed_cidrs` to the port of the web interface, and nothing else.

    Every range is a rule of its own, so that changing one touches no other. Outward, HTTPS and DNS are open to
    anywhere, and the `egress_ports`.
    """
    security_group = aws.ec2.SecurityGroup(
        f"{name}-security-group",
        vpc_id=vpc_id,
        # Without the name: a security group whose description changes is replaced, and a renamed component must not be.
        description="Airflow: web interface in, HTTPS and DNS out",
        tags=settings.tags,
        opts=opts,
    )
    ingress = [
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-ingress-{cidr.replace('/', '-').replace(':', '.')}",
            security_group_id=security_group.id,
            description="Web interface and REST API",
            ip_protocol="tcp",
            from_port=settings.port,
            to_port=settings.port,
            cidr_ipv4=cidr if ip_network(cidr).version == 4 else None,
            cidr_ipv6=cidr if ip_network(cidr).version == 6 else None,
            tags=settings.tags,
            opts=opts,
        )
        for cidr in settings.allowed_cidrs
    ]
    egress = [
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-egress-{label}",
            security_group_id=security_group.id,
            description=f"{protocol.upper()} {port} to anywhere",
            ip_protocol=protocol,
            from_port=port,
            to_port=port,
            cidr_ipv4="0.0.0.0/0",
            tags=settings.tags,
            opts=opts,
        )
        for label, protocol, port in (*_EGRESS, *((f"tcp-{port}", "tcp", port) for port in settings.egress_ports))
    ]
    return Firewall(security_group=security_group, rules=(*ingress, *egress))
