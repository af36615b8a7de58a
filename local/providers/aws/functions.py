"""The functions of AWS: where and who we are, zones, network interfaces, services."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.providers.aws.resource import pascal_case
from local.providers.aws.session import Session, dns_suffix
from local.providers.errors import ProviderError
from local.providers.resource import Function
from local.providers.values import Properties


def _get_region(session: Session, arguments: Properties) -> Properties:
    name = arguments.get("name") or _region(session, arguments)
    return {
        "description": name,
        "endpoint": f"ec2.{name}.{dns_suffix(session.partition(name))}",
        "id": name,
        "name": name,
        "region": name,
    }


def _get_caller_identity(session: Session, _: Properties) -> Properties:
    identity = session.client("sts").get_caller_identity()
    return {
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "id": identity["Account"],
        "userId": identity["UserId"],
    }


def _get_partition(session: Session, _: Properties) -> Properties:
    partition = session.partition(session.settings.region)
    suffix = dns_suffix(partition)
    return {
        "dnsSuffix": suffix,
        "id": partition,
        "partition": partition,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _get_availability_zones(session: Session, arguments: Properties) -> Properties:
    state = [{"name": "state", "values": [arguments["state"]]}] if arguments.get("state") else []
    zones = session.client("ec2", arguments.get("region")).describe_availability_zones(
        AllAvailabilityZones=arguments.get("allAvailabilityZones", False), Filters=_filters(arguments, state)
    )["AvailabilityZones"]
    chosen = sorted(
        (
            zone
            for zone in zones
            if zone["ZoneName"] not in arguments.get("excludeNames", [])
            and zone["ZoneId"] not in arguments.get("excludeZoneIds", [])
        ),
        key=lambda zone: zone["ZoneName"],
    )
    region = _region(session, arguments)
    return arguments | {
        "groupNames": sorted({zone.get("GroupName", region) for zone in chosen}),
        "id": region,
        "names": [zone["ZoneName"] for zone in chosen],
        "region": region,
        "zoneIds": [zone["ZoneId"] for zone in chosen],
    }


def _get_subnet(session: Session, arguments: Properties) -> Properties:
    ids = {"SubnetIds": [arguments["id"]]} if arguments.get("id") else {}
    found = session.client("ec2", arguments.get("region")).describe_subnets(Filters=_filters(arguments), **ids)[
        "Subnets"
    ]
    if len(found) != 1:
        raise ProviderError(
            "multiple EC2 Subnets matched; use additional constraints to reduce matches to a single EC2 Subnet"
            if found
            else "no matching EC2 Subnet found"
        )
    [subnet] = found
    names = ("availabilityZone", "availabilityZoneId", "cidrBlock", "ownerId", "state", "vpcId")
    return {
        **arguments,
        **_as_declared(subnet, names),
        "arn": subnet["SubnetArn"],
        "assignIpv6AddressOnCreation": subnet["AssignIpv6AddressOnCreation"],
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
        "defaultForAz": subnet["DefaultForAz"],
        "id": subnet["SubnetId"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
        "region": _region(session, arguments),
        "tags": {tag["Key"]: tag["Value"] for tag in subnet.get("Tags", [])},
    }


def _get_network_interfaces(session: Session, arguments: Properties) -> Properties:
    interfaces = session.client("ec2", arguments.get("region")).describe_network_interfaces(Filters=_filters(arguments))
    region = _region(session, arguments)
    return arguments | {
        "id": region,
        "ids": [interface["NetworkInterfaceId"] for interface in interfaces["NetworkInterfaces"]],
        "region": region,
        "tags": arguments.get("tags", {}),
    }


def _get_network_interface(session: Session, arguments: Properties) -> Properties:
    ids = {"NetworkInterfaceIds": [arguments["id"]]} if arguments.get("id") else {}
    ec2 = session.client("ec2", arguments.get("region"))
    found = ec2.describe_network_interfaces(Filters=_filters(arguments), **ids)["NetworkInterfaces"]
    if len(found) != 1:
        raise ProviderError(
            "multiple EC2 Network Interfaces matched; use additional constraints to reduce matches to a single EC2 "
            "Network Interface"
            if found
            else "no matching EC2 Network Interface found"
        )
    [interface] = found
    interface_id, region = interface["NetworkInterfaceId"], _region(session, arguments)
    names = (
        *("allocationId", "associationId", "carrierIp", "customerOwnedIp", "ipOwnerId"),
        *("publicDnsName", "publicIp"),
    )
    associations = [interface["Association"]] if "Association" in interface else []
    attachments = [interface["Attachment"]] if "Attachment" in interface else []
    return {
        "arn": session.arn("ec2", f"network-interface/{interface_id}", region),
        "associations": [_as_declared(association, names) for association in associations],
        "attachments": [
            _as_declared(attachment, ("attachmentId", "instanceId", "instanceOwnerId"))
            | {name: attachment.get(pascal_case(name), 0) for name in ("deviceIndex", "networkCardIndex")}
            for attachment in attachments
        ],
        "availabilityZone": interface["AvailabilityZone"],
        "description": interface.get("Description"),
        "id": interface_id,
        "interfaceType": interface.get("InterfaceType"),
        "macAddress": interface.get("MacAddress"),
        "ownerId": interface.get("OwnerId", session.account_id),
        "privateDnsName": interface.get("PrivateDnsName"),
        "privateIp": interface.get("PrivateIpAddress"),
        "privateIps": [address["PrivateIpAddress"] for address in interface.get("PrivateIpAddresses", [])],
        "region": region,
        "requesterId": interface.get("RequesterId"),
        "securityGroups": [group["GroupId"] for group in interface["Groups"]],
        "subnetId": interface["SubnetId"],
        "tags": {tag["Key"]: tag["Value"] for tag in interface.get("TagSet", [])},
        "vpcId": interface["VpcId"],
    }


def _get_snapshot(session: Session, arguments: Properties) -> Properties:
    found = session.client("rds", arguments.get("region")).describe_db_snapshots(
        DBSnapshotIdentifier=arguments["dbSnapshotIdentifier"], IncludeShared=arguments.get("includeShared", False)
    )["DBSnapshots"]
    if not found:
        raise ProviderError("Your query returned no results. Please change your search criteria and try again.")
    [snapshot] = found
    same = ("allocatedStorage", "encrypted", "engine", "engineVersion", "snapshotType", "status", "storageType")
    return {
        **arguments,
        **{name: snapshot.get(pascal_case(name)) for name in same},
        "dbSnapshotArn": snapshot["DBSnapshotArn"],
        "id": snapshot["DBSnapshotIdentifier"],
        "region": _region(session, arguments),
    }


def _get_service(session: Session, arguments: Properties) -> Properties:
    name, cluster = arguments["serviceName"], arguments["clusterArn"]
    services = session.client("ecs", arguments.get("region")).describe_services(
        cluster=cluster, services=[name], include=["TAGS"]
    )["services"]
    service = next((found for found in services if found["status"] != "INACTIVE"), None)
    if service is None:
        raise ProviderError(f"reading ECS Service ({name}): no service of that name in cluster {cluster}")
    network = service.get("networkConfiguration", {}).get("awsvpcConfiguration")
    same = (
        *("availabilityZoneRebalancing", "clusterArn", "desiredCount", "enableExecuteCommand", "launchType"),
        *("pendingCount", "platformFamily", "platformVersion", "propagateTags", "runningCount"),
        *("schedulingStrategy", "serviceName", "status", "taskDefinition"),
    )
    return {name: service.get(name) for name in same} | {
        "arn": service["serviceArn"],
        "capacityProviderStrategies": service.get("capacityProviderStrategy", []),
        "deploymentConfigurations": [_deployment_configuration(service.get("deploymentConfiguration", {}))],
        "deployments": [_deployment(deployment) for deployment in service["deployments"]],
        "enableEcsManagedTags": service.get("enableECSManagedTags", False),
        "events": [
            {"createdAt": event["createdAt"].isoformat(), "id": event["id"], "message": event["message"]}
            for event in service.get("events", [])
        ],
        "id": service["serviceArn"],
        "networkConfigurations": [{**network, "assignPublicIp": network.get("assignPublicIp") == "ENABLED"}]
        if network
        else [],
        "region": _region(session, arguments),
        "tags": {tag["key"]: tag["value"] for tag in service.get("tags", [])},
    }


def _deployment_configuration(configuration: Mapping[str, Any]) -> Properties:
    breaker = configuration.get("deploymentCircuitBreaker")
    return {
        "deploymentCircuitBreakers": [breaker] if breaker else [],
        "maximumPercent": configuration.get("maximumPercent"),
        "minimumHealthyPercent": configuration.get("minimumHealthyPercent"),
    }


def _deployment(deployment: Mapping[str, Any]) -> Properties:
    same = ("desiredCount", "id", "pendingCount", "runningCount", "status", "taskDefinition")
    times = {name: deployment[name].isoformat() for name in ("createdAt", "updatedAt")}
    return {name: deployment[name] for name in same} | times


def _as_declared(described: Mapping[str, Any], names: Iterable[str]) -> Properties:
    """Return texts by the SDK's names; one that AWS does not have is empty."""
    return {name: described.get(pascal_case(name), "") for name in names}


def _region(session: Session, arguments: Properties) -> str:
    return arguments.get("region") or session.settings.region


def _filters(arguments: Properties, more: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return `Filters` of a Describe call from the arguments `filters` and `tags`, and `more` of the same form."""
    tags = [{"name": f"tag:{key}", "values": [value]} for key, value in arguments.get("tags", {}).items()]
    return [
        {"Name": entry["name"], "Values": entry["values"]} for entry in (*more, *arguments.get("filters", []), *tags)
    ]


FUNCTIONS = (
    Function("aws:index/getRegion:getRegion", "pulumi_aws:get_region", _get_region),
    Function("aws:index/getCallerIdentity:getCallerIdentity", "pulumi_aws:get_caller_identity", _get_caller_identity),
    Function("aws:index/getPartition:getPartition", "pulumi_aws:get_partition", _get_partition),
    Function(
        "aws:index/getAvailabilityZones:getAvailabilityZones",
        "pulumi_aws:get_availability_zones",
        _get_availability_zones,
    ),
    Function("aws:ec2/getSubnet:getSubnet", "pulumi_aws.ec2:get_subnet", _get_subnet),
    Function(
        "aws:ec2/getNetworkInterfaces:getNetworkInterfaces",
        "pulumi_aws.ec2:get_network_interfaces",
        _get_network_interfaces,
    ),
    Function(
        "aws:ec2/getNetworkInterface:getNetworkInterface",
        "pulumi_aws.ec2:get_network_interface",
        _get_network_interface,
    ),
    Function(
        "aws:rds/getSnapshot:getSnapshot",
        "pulumi_aws.rds:get_snapshot",
        _get_snapshot,
        required=frozenset({"dbSnapshotIdentifier"}),
    ),
    Function(
        "aws:ecs/getService:getService",
        "pulumi_aws.ecs:get_service",
        _get_service,
        required=frozenset({"clusterArn", "serviceName"}),
    ),
)
