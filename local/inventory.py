"""What is there in an AWS account, as far as this project can make it."""

from collections.abc import Iterator
from typing import Any

import boto3
import jmespath

_KINDS = (
    ("ec2", "describe_vpcs", "Vpcs[].VpcId"),
    ("ec2", "describe_subnets", "Subnets[].SubnetId"),
    ("ec2", "describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    ("ec2", "describe_route_tables", "RouteTables[].RouteTableId"),
    ("ec2", "describe_security_groups", "SecurityGroups[].GroupId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces[].NetworkInterfaceId"),
    ("ec2", "describe_addresses", "Addresses[].AllocationId"),
    ("ecs", "list_task_definitions", "taskDefinitionArns[]"),
    ("iam", "list_roles", "Roles[].Arn"),
    ("logs", "describe_log_groups", "logGroups[].arn"),
    ("s3", "list_buckets", "Buckets[].Name"),
    ("ssm", "describe_parameters", "Parameters[].Name"),
)
"""Service, operation, and where its answer names things. What is in a cluster, or in a role, cannot outlive it."""


def inventory(session: boto3.Session, endpoint: str | None = None) -> set[str]:
    """Names everything there is: by id, ARN or name, whichever AWS answers with.

    :param endpoint: Where AWS's API is answered; AWS itself if not given.
    """
    return {*_names(session, endpoint), *_clusters(session, endpoint)}


def _clusters(session: boto3.Session, endpoint: str | None) -> Iterator[str]:
    """ECS goes on listing a deleted cluster for a while, as INACTIVE."""
    ecs = session.client("ecs", endpoint_url=endpoint)
    for page in ecs.get_paginator("list_clusters").paginate():
        for cluster in ecs.describe_clusters(clusters=page["clusterArns"])["clusters"]:
            if cluster.get("status") != "INACTIVE":
                yield cluster.get("clusterArn", "")


def _names(session: Any, endpoint: str | None) -> Iterator[str]:  # Any: typed clients know operations by attribute
    for service, operation, names in _KINDS:
        client = session.client(service, endpoint_url=endpoint)
        if client.can_paginate(operation):
            yield from client.get_paginator(operation).paginate().search(names)
        else:  # addresses: AWS answers with all of them
            yield from jmespath.search(names, getattr(client, operation)())
