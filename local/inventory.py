"""The names of everything in an AWS account that this project can make."""

from collections.abc import Callable
from typing import Any

from operate.repair.lookups import LOOKUPS


def inventory(client: Callable[[str], Any]) -> set[str]:
    """Name everything by id, ARN or name, whichever AWS answers with.

    :param client: Returns boto3's client of a service.
    """
    ec2 = client("ec2")
    # Made by ECS for its tasks.
    interfaces = ec2.get_paginator("describe_network_interfaces").paginate()
    addresses = ec2.describe_addresses()["Addresses"]
    # Made by RDS when an instance is deleted.
    snapshots = client("rds").get_paginator("describe_db_snapshots").paginate()
    return {
        *snapshots.search("DBSnapshots[].DBSnapshotArn"),
        *interfaces.search("NetworkInterfaces[].NetworkInterfaceId"),
        *(address["AllocationId"] for address in addresses),
        *(
            name
            for lookup in LOOKUPS.values()
            if lookup.everything
            for name in lookup.everything(client(lookup.service))
        ),
    }
