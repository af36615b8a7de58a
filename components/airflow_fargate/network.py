"""The network that the task runs in: a VPC with two public subnets, or the caller's own."""

from dataclasses import dataclass

import pulumi
import pulumi_awsx as awsx

from .settings import Settings


@dataclass(frozen=True)
class Network:
    """Where the task runs, and what has to exist before it starts and until it is gone."""

    vpc_id: pulumi.Output[str]
    subnet_ids: pulumi.Output[list[str]]
    depends_on: tuple[pulumi.Resource, ...]


def _resolved(ids: list[pulumi.Input[str]]) -> list[str]:
    return [str(i) for i in ids]


def create_network(name: str, settings: Settings, opts: pulumi.ResourceOptions) -> Network:
    """Create a VPC with a public subnet in each of two zones, or take the one in `settings`.

    There is no NAT gateway: the task has a public address of its own, and a NAT gateway costs more than the task.
    """
    if settings.vpc_id is not None and settings.subnet_ids is not None:
        return Network(
            vpc_id=pulumi.Output.from_input(settings.vpc_id),
            subnet_ids=pulumi.Output.from_input(settings.subnet_ids).apply(_resolved),
            depends_on=(),
        )
    vpc = awsx.ec2.Vpc(
        f"{name}-vpc",
        number_of_availability_zones=2,
        nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=awsx.ec2.NatGatewayStrategy.NONE),
        subnet_specs=[awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PUBLIC)],
        subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
        enable_dns_hostnames=True,
        tags=settings.tags,
        opts=opts,
    )
    return Network(vpc_id=vpc.vpc_id, subnet_ids=vpc.public_subnet_ids.apply(list), depends_on=(vpc,))
