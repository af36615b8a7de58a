"""The names of everything in an AWS account that this project can make."""

from typing import Any

import boto3

from operate.repair.lookups import LOOKUPS


def inventory(session: boto3.Session, endpoint: str | None = None) -> set[str]:
    """Name everything by id, ARN or name, whichever AWS answers with.

    :param endpoint: Where AWS's API is answered; AWS itself if not given.
    """
    clients: Any = session  # typed, it knows services by literal names
    ec2 = clients.client("ec2", endpoint_url=endpoint)
    # Made by ECS for its tasks.
    interfaces = ec2.get_paginator("describe_network_interfaces").paginate()
    addresses = ec2.describe_addresses()["Addresses"]
    return {
        *interfaces.search("NetworkInterfaces[].NetworkInterfaceId"),
        *(address["AllocationId"] for address in addresses),
        *(
            name
            for lookup in LOOKUPS.values()
            if lookup.everything
            for name in lookup.everything(clients.client(lookup.service, endpoint_url=endpoint))
        ),
    }
