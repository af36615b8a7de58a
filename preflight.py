"""Asks AWS, before anything is created, whether what the stack's configuration names is there and fits.

Only the program does this: the component takes outputs of other resources, which are not there yet. Each question is
one call. Where AWS does not let the caller look, a warning says what was not checked.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, collapse_addresses
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar, cast

import boto3
import pulumi
from airflow_fargate import AirflowFargateArgs
from airflow_fargate.errors import Refusal
from airflow_fargate.session import aws_session, clients
from airflow_fargate.zones import without_fargate
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, UnknownRegionError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import RouteTableTypeDef, RouteTypeDef, SubnetTypeDef

T = TypeVar("T")

# A region of each partition that every account has; it knows of all the others.
_REGION_OF_PARTITION = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}

# The provider waits longer and retries more often, and it fails if there is no answer; this only warns.
_CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


def preflight(args: AirflowFargateArgs) -> None:
    """Raise `pulumi.RunError` with all that AWS would refuse of the configuration that `args` were read from.

    Refused are a region that is not there or not enabled, and subnets that do not exist, are not in the VPC, lie
    in a zone that Fargate does not have, have no route to the internet, or have no free address at all; with an
    instance of RDS, subnets that are all in one zone; and where tasks run in other containers, a VPC that has no
    names. Where routes lead through a device, or may not be looked at, a warning says so.
    """
    read = pulumi.Config("aws").get
    try:
        session = aws_session(read)
    except BotoCoreError as error:
        pulumi.log.warn(f"Region, VPC and subnets were not checked: {error}.")
        return
    region = read("region") or os.environ.get("AWS_REGION") or session.region_name
    refusals = list(_refuse_region(session, region))
    vpc_id, subnet_ids = args.get("vpc_id"), args.get("subnet_ids")
    if not refusals and vpc_id and subnet_ids:
        # Read from the configuration, so neither is an output.
        ec2 = _ec2(session, region)
        zones = 2 if args.get("database") == "postgres" or args.get("keep_postgres") else 1
        refusals += _refuse_subnets(ec2, cast(str, vpc_id), cast(Sequence[str], subnet_ids), zones)
        if {"AwsEcsExecutor", "CeleryExecutor"} & set(args.get("executors", ())):
            refusals += _refuse_nameless(ec2, cast(str, vpc_id))
    if refusals:
        lines = "".join(f"\n  {refusal}" for refusal in refusals)
        raise pulumi.RunError(f"The stack's configuration was refused, nothing was changed:{lines}")


def _refuse_region(session: boto3.Session, region: str | None) -> Iterator[Refusal]:
    if not region:
        yield Refusal("aws:region", "is not set; run: pulumi config set aws:region us-east-1")
        return
    try:
        partition = session.get_partition_for_region(region)
    except UnknownRegionError:
        partition = "aws"
    ec2 = _ec2(session, _REGION_OF_PARTITION.get(partition, region))
    # By a filter: a name that AWS does not have would be an error, among others that mean something else.
    answer = _ask(
        lambda: ec2.describe_regions(AllRegions=True, Filters=[{"Name": "region-name", "Values": [region]}])["Regions"],
        f"Whether there is a region {region}, and whether it is enabled,",
    )
    if answer is None:
        return
    status = next((each.get("OptInStatus") for each in answer if each.get("RegionName") == region), None)
    if status is None:
        yield Refusal("aws:region", f"is {region}, which AWS does not have; choose one such as us-east-1")
    elif status == "not-opted-in":
        yield Refusal(
            "aws:region",
            f"is {region}, which is not enabled for this account; choose another, or run: "
            f"aws account enable-region --region-name {region}",
        )


def _refuse_subnets(ec2: "EC2Client", vpc_id: str, subnet_ids: Sequence[str], least_zones: int) -> Iterator[Refusal]:
    # By a filter, which leaves out what is not there; an id would be an error that names one of them only.
    pages = ec2.get_paginator("describe_subnets")
    subnets = _ask(
        lambda: [
            subnet
            for page in pages.paginate(Filters=[{"Name": "subnet-id", "Values": list(subnet_ids)}])
            for subnet in page["Subnets"]
        ],
        "Whether subnetIds are subnets of vpcId with free addresses",
    )
    if subnets is None:
        return
    there = {subnet.get("SubnetId"): subnet for subnet in subnets}
    for subnet_id in subnet_ids:
        if subnet_id not in there:
            yield Refusal("subnetIds", f"has {subnet_id}, which is not in {ec2.meta.region_name}; name one that is")
        else:
            yield from _refuse_place(subnet_id, there[subnet_id], vpc_id)
    zones = {subnet.get("AvailabilityZone", "") for subnet in subnets}
    if subnets and len(zones) < least_zones:
        yield Refusal(
            "subnetIds",
            f"has subnets in {', '.join(sorted(zones))} alone, and RDS asks for two availability zones; "
            "name a subnet in another one as well",
        )
    yield from _refuse_full(subnets)
    yield from _refuse_routes(ec2, vpc_id, [subnet for subnet in subnets if subnet.get("VpcId") == vpc_id])


def _refuse_nameless(ec2: "EC2Client", vpc_id: str) -> Iterator[Refusal]:
    """Refuse a VPC in which a private zone is not answered for (AWS: Route 53, private hosted zones)."""

    def is_off(answer: Mapping[str, Any]) -> bool:
        return any(found == {"Value": False} for found in answer.values())

    supports = _ask(
        lambda: is_off(ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsSupport")),
        "Whether vpcId has DNS support",
    )
    hostnames = _ask(
        lambda: is_off(ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsHostnames")),
        "Whether vpcId has DNS hostnames",
    )
    for off, option in ((supports, "enable-dns-support"), (hostnames, "enable-dns-hostnames")):
        if off:
            yield Refusal(
                "vpcId",
                f"is {vpc_id}, where tasks in other containers would not find Airflow by its private name; "
                f"switch that on: aws ec2 modify-vpc-attribute --vpc-id {vpc_id} --{option}",
            )


def _refuse_place(subnet_id: str, subnet: "SubnetTypeDef", vpc_id: str) -> Iterator[Refusal]:
    if subnet.get("VpcId") != vpc_id:
        yield Refusal(
            "subnetIds",
            f"has {subnet_id}, which belongs to {subnet.get('VpcId')}, but vpcId is {vpc_id}; "
            "name the VPC that the subnets are in",
        )
    zone_id = subnet.get("AvailabilityZoneId", "")
    if way_out := without_fargate(zone_id):
        yield Refusal(
            "subnetIds", f"has {subnet_id}, which lies in {subnet.get('AvailabilityZone')} ({zone_id}); {way_out}"
        )


def _refuse_full(subnets: Sequence["SubnetTypeDef"]) -> Iterator[Refusal]:
    full = [subnet.get("SubnetId", "") for subnet in subnets if not subnet.get("AvailableIpAddressCount")]
    if full and len(full) == len(subnets):
        yield Refusal(
            "subnetIds",
            f"has no subnet with a free address, which the task needs ({', '.join(full)}); free one, or name another "
            "subnet as well",
        )
    elif full:
        pulumi.log.warn(f"subnetIds: {', '.join(full)} has no free address; a task that ECS places there cannot start.")


def _refuse_routes(ec2: "EC2Client", vpc_id: str, subnets: Sequence["SubnetTypeDef"]) -> Iterator[Refusal]:
    if not subnets:
        return
    pages = ec2.get_paginator("describe_route_tables")
    tables = _ask(
        lambda: [
            table
            for page in pages.paginate(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
            for table in page["RouteTables"]
        ],
        "Whether subnetIds have a route to an internet gateway",
    )
    for subnet in () if tables is None else subnets:
        subnet_id, table = subnet.get("SubnetId"), _table_of(subnet, tables or [])
        if table is None:
            # As in a VPC that another account shares.
            pulumi.log.warn(
                f"subnetIds: whether {subnet_id} has a route to an internet gateway was not checked: this account does "
                "not see its route table."
            )
            continue
        routes = [route for route in table.get("Routes", []) if route.get("State") == "active"]
        if _cover_the_internet(filter(_to_internet_gateway, routes)):
            continue
        if not _may_lead_to_the_internet(routes):
            yield Refusal(
                "subnetIds",
                f"has {subnet_id}, whose route table {table.get('RouteTableId')} has no working route for 0.0.0.0/0 to "
                "an internet gateway: the task would reach no image, and nobody would reach the task; add one, or name "
                "public subnets",
            )
        else:
            pulumi.log.warn(
                f"subnetIds: whether {subnet_id} has a route to an internet gateway was not checked: the one for "
                f"0.0.0.0/0 in its route table {table.get('RouteTableId')} is in parts, or leads through a device. The "
                "task needs its image, and what comes in by its public address must go out the same way."
            )


def _table_of(subnet: "SubnetTypeDef", tables: Sequence["RouteTableTypeDef"]) -> "RouteTableTypeDef | None":
    """Return the table that is associated with a subnet; without one, the main table of the VPC."""
    associations = [(association, table) for table in tables for association in table.get("Associations", [])]
    own = (table for association, table in associations if association.get("SubnetId") == subnet.get("SubnetId"))
    main = (table for association, table in associations if association.get("Main"))
    return next(chain(own, main), None)


def _may_lead_to_the_internet(routes: Sequence["RouteTypeDef"]) -> bool:
    """Whether a part goes to a gateway, or everything to gateways and to devices, which may pass it on to one."""
    return any(map(_to_internet_gateway, routes)) or _cover_the_internet(
        route for route in routes if _to_internet_gateway(route) or _to_device(route)
    )


def _to_internet_gateway(route: "RouteTypeDef") -> bool:
    return route.get("GatewayId", "").startswith("igw-")


def _to_device(route: "RouteTypeDef") -> bool:
    """Whether it goes to the endpoint of a firewall, or to an interface, an instance's included."""
    return route.get("GatewayId", "").startswith("vpce-") or "NetworkInterfaceId" in route


def _cover_the_internet(routes: Iterable["RouteTypeDef"]) -> bool:
    """Whether the destinations of the routes are all addresses together, whatever the parts."""
    parts = [IPv4Network(route["DestinationCidrBlock"]) for route in routes if "DestinationCidrBlock" in route]
    return list(collapse_addresses(parts)) == [IPv4Network("0.0.0.0/0")]


def _ask(call: Callable[[], T], question: str) -> T | None:
    """Return AWS's answer, or warn that `question` stays open."""
    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        pulumi.log.warn(f"{question} was not checked: {error}")
        return None


def _ec2(session: boto3.Session, region: str | None) -> "EC2Client":
    return clients(pulumi.Config("aws").get, region, session, config=_CLIENT_CONFIG)("ec2")
