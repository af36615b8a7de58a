"""Functions that look things up in EC2."""

from typing import Any

from local.providers.aws.ec2 import filters
from local.providers.aws.network import VPC_ATTRIBUTES
from local.providers.aws.resource import given, pascal_case, plain_tags
from local.providers.aws.session import Session
from local.providers.errors import ProviderError
from local.providers.resource import Function
from local.providers.values import Properties


def _get_availability_zones(session: Session, arguments: Properties) -> Properties:
    zones = session.client("ec2", arguments.get("region")).describe_availability_zones(
        **given(AllAvailabilityZones=arguments.get("allAvailabilityZones"), Filters=_given_filters(arguments, "state"))
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
    region = arguments.get("region") or session.settings.region
    return arguments | {
        "groupNames": sorted({zone.get("GroupName", region) for zone in chosen}),
        "id": region,
        "names": [zone["ZoneName"] for zone in chosen],
        "region": region,
        "zoneIds": [zone["ZoneId"] for zone in chosen],
    }


def _get_vpc(session: Session, arguments: Properties) -> Properties:
    ec2 = session.client("ec2", arguments.get("region"))
    wanted = _given_filters(arguments, "state", cidrBlock="cidr", dhcpOptionsId="dhcp-options-id", default="is-default")
    vpc = _only(
        "EC2 VPC",
        ec2.describe_vpcs(**given(VpcIds=_ids(arguments), Filters=wanted))["Vpcs"],
    )
    vpc_id = vpc["VpcId"]
    attributes = {
        name: ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)[pascal_case(name)]["Value"]
        for name in VPC_ATTRIBUTES
    }
    main = ec2.describe_route_tables(
        Filters=[*filters(vpc_id=vpc_id), {"Name": "association.main", "Values": ["true"]}]
    )["RouteTables"][0]
    region = arguments.get("region") or session.settings.region
    return attributes | {
        "arn": session.arn("ec2", f"vpc/{vpc_id}", region),
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [
            {
                "associationId": association["AssociationId"],
                "cidrBlock": association["CidrBlock"],
                "state": association["CidrBlockState"]["State"],
            }
            for association in vpc.get("CidrBlockAssociationSet", [])
        ],
        "default": vpc["IsDefault"],
        "dhcpOptionsId": vpc.get("DhcpOptionsId"),
        "id": vpc_id,
        "instanceTenancy": vpc["InstanceTenancy"],
        "mainRouteTableId": main["RouteTableId"],
        "ownerId": vpc.get("OwnerId", session.account_id),
        "region": region,
        "state": vpc["State"],
        "tags": plain_tags(vpc.get("Tags", [])),
    }


def _get_subnet(session: Session, arguments: Properties) -> Properties:
    wanted = _given_filters(
        arguments,
        "state",
        availabilityZone="availability-zone",
        availabilityZoneId="availability-zone-id",
        cidrBlock="cidr-block",
        defaultForAz="default-for-az",
        vpcId="vpc-id",
    )
    subnet = _only(
        "EC2 Subnet",
        session.client("ec2", arguments.get("region")).describe_subnets(
            **given(SubnetIds=_ids(arguments), Filters=wanted)
        )["Subnets"],
    )
    return {
        "arn": subnet["SubnetArn"],
        "assignIpv6AddressOnCreation": subnet["AssignIpv6AddressOnCreation"],
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet["AvailabilityZoneId"],
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
        "cidrBlock": subnet["CidrBlock"],
        "defaultForAz": subnet["DefaultForAz"],
        "id": subnet["SubnetId"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
        "ownerId": subnet["OwnerId"],
        "region": arguments.get("region") or session.settings.region,
        "state": subnet["State"],
        "tags": plain_tags(subnet.get("Tags", [])),
        "vpcId": subnet["VpcId"],
    }


def _get_route_table(session: Session, arguments: Properties) -> Properties:
    wanted = _given_filters(
        arguments,
        gatewayId="association.gateway-id",
        routeTableId="route-table-id",
        subnetId="association.subnet-id",
        vpcId="vpc-id",
    )
    table = _only(
        "EC2 Route Table",
        session.client("ec2", arguments.get("region")).describe_route_tables(Filters=wanted or [])["RouteTables"],
    )
    table_id, region = table["RouteTableId"], arguments.get("region") or session.settings.region
    return {
        "arn": session.arn("ec2", f"route-table/{table_id}", region),
        "associations": [
            {
                "main": association.get("Main", False),
                "routeTableAssociationId": association["RouteTableAssociationId"],
                "routeTableId": association["RouteTableId"],
                "subnetId": association.get("SubnetId", ""),
            }
            for association in table["Associations"]
        ],
        "id": table_id,
        "ownerId": table["OwnerId"],
        "region": region,
        "routeTableId": table_id,
        "routes": [_route(route) for route in table["Routes"] if route.get("GatewayId") != "local"],
        "subnetId": arguments.get("subnetId"),
        "tags": plain_tags(table.get("Tags", [])),
        "vpcId": table["VpcId"],
    }


def _route(route: dict[str, Any]) -> Properties:
    return {
        "cidrBlock": route.get("DestinationCidrBlock", ""),
        "gatewayId": route.get("GatewayId", ""),
        "ipv6CidrBlock": route.get("DestinationIpv6CidrBlock", ""),
        "natGatewayId": route.get("NatGatewayId", ""),
        "networkInterfaceId": route.get("NetworkInterfaceId", ""),
    }


def _get_network_interfaces(session: Session, arguments: Properties) -> Properties:
    interfaces = session.client("ec2", arguments.get("region")).describe_network_interfaces(
        Filters=_given_filters(arguments) or []
    )["NetworkInterfaces"]
    region = arguments.get("region") or session.settings.region
    return arguments | {
        "id": region,
        "ids": [interface["NetworkInterfaceId"] for interface in interfaces],
        "region": region,
        "tags": arguments.get("tags", {}),
    }


def _get_network_interface(session: Session, arguments: Properties) -> Properties:
    interface = _only(
        "EC2 Network Interface",
        session.client("ec2", arguments.get("region")).describe_network_interfaces(
            **given(NetworkInterfaceIds=_ids(arguments), Filters=_given_filters(arguments))
        )["NetworkInterfaces"],
    )
    interface_id, region = interface["NetworkInterfaceId"], arguments.get("region") or session.settings.region
    association, attachment = interface.get("Association"), interface.get("Attachment")
    return {
        "arn": session.arn("ec2", f"network-interface/{interface_id}", region),
        "associations": [
            {
                "allocationId": association.get("AllocationId", ""),
                "associationId": association.get("AssociationId", ""),
                "carrierIp": association.get("CarrierIp", ""),
                "customerOwnedIp": association.get("CustomerOwnedIp", ""),
                "ipOwnerId": association.get("IpOwnerId", ""),
                "publicDnsName": association.get("PublicDnsName", ""),
                "publicIp": association.get("PublicIp", ""),
            }
        ]
        if association
        else [],
        "attachments": [
            {
                "attachmentId": attachment.get("AttachmentId", ""),
                "deviceIndex": attachment.get("DeviceIndex", 0),
                "instanceId": attachment.get("InstanceId", ""),
                "instanceOwnerId": attachment.get("InstanceOwnerId", ""),
                "networkCardIndex": attachment.get("NetworkCardIndex", 0),
            }
        ]
        if attachment
        else [],
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
        "tags": plain_tags(interface.get("TagSet", [])),
        "vpcId": interface["VpcId"],
    }


def _ids(arguments: Properties) -> list[str] | None:
    return [arguments["id"]] if arguments.get("id") else None


def _given_filters(arguments: Properties, *same: str, **named: str) -> list[dict[str, Any]] | None:
    """Return `Filters` of the arguments `filters` and `tags`, and of those that have a filter of their own."""
    own = {name: name for name in same} | named
    values = {wire: arguments[name] for name, wire in own.items() if arguments.get(name) is not None}
    wanted = [
        {"Name": name, "Values": [str(value).lower() if isinstance(value, bool) else value]}
        for name, value in values.items()
    ]
    wanted += [{"Name": entry["name"], "Values": entry["values"]} for entry in arguments.get("filters", [])]
    wanted += [{"Name": f"tag:{key}", "Values": [value]} for key, value in arguments.get("tags", {}).items()]
    return wanted or None


def _only(title: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    if len(found) == 1:
        return found[0]
    if found:
        raise ProviderError(
            f"multiple {title}s matched; use additional constraints to reduce matches to a single {title}"
        )
    raise ProviderError(f"no matching {title} found")


FUNCTIONS = (
    Function(
        "aws:index/getAvailabilityZones:getAvailabilityZones",
        "pulumi_aws:get_availability_zones",
        _get_availability_zones,
    ),
    Function("aws:ec2/getVpc:getVpc", "pulumi_aws.ec2:get_vpc", _get_vpc),
    Function("aws:ec2/getSubnet:getSubnet", "pulumi_aws.ec2:get_subnet", _get_subnet),
    Function("aws:ec2/getRouteTable:getRouteTable", "pulumi_aws.ec2:get_route_table", _get_route_table),
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
)
