"""VPC, subnet and internet gateway."""

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore import xform_name

from local.providers.aws.ec2 import Ec2Resource, filters
from local.providers.aws.resource import Field, pascal_case
from local.providers.resource import Change, properties
from local.providers.values import Properties


class _WithAttributes(Ec2Resource):
    """A resource whose attributes are not set by its creation, but one by one after it."""

    attributes: ClassVar[Mapping[str, bool]]
    """The values that a new resource has."""

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        for name, at_first in self.attributes.items():
            if creating and inputs.get(name) not in (None, at_first):
                self._set(inputs, name)

    def update(self, change: Change) -> None:
        for name in self.attributes:
            if change.touches(name):
                self._set(change.new, name)
        super().update(change)

    def _set(self, inputs: Properties, name: str) -> None:
        attribute = {f"{self.kind}Id": self.id, pascal_case(name): {"Value": bool(inputs.get(name))}}
        getattr(self.client(inputs), xform_name(f"Modify{self.kind}Attribute"))(**attribute)


class Vpc(_WithAttributes):
    sdk = "pulumi_aws.ec2:Vpc"
    title = "EC2 VPC"
    kind = "Vpc"
    inputs = properties(
        cidrBlock=Field(replaces=True, computed=True),
        enableDnsHostnames=Field(computed=True),
        enableDnsSupport=Field(default=True),
    )
    attributes = {"enableDnsHostnames": False, "enableDnsSupport": True}
    outputs = {
        "dhcpOptionsId": "DhcpOptionsId",
        "defaultNetworkAclId": "acl.NetworkAclId",
        "defaultRouteTableId": "table.RouteTableId",
        "defaultSecurityGroupId": "group.GroupId",
        "mainRouteTableId": "table.RouteTableId",
    }
    retry_delete_on = ("DependencyViolation",)

    def describe(self, state: Properties) -> dict[str, Any]:
        vpc, ec2, of_vpc = super().describe(state), self.client(state), filters(vpc_id=self.id)
        main = {"Name": "association.main", "Values": ["true"]}
        [table] = ec2.describe_route_tables(Filters=[*of_vpc, main])["RouteTables"]
        [acl] = ec2.describe_network_acls(Filters=[*of_vpc, *filters(default="true")])["NetworkAcls"]
        named = filters(group_name="default")
        [group] = ec2.describe_security_groups(Filters=[*of_vpc, *named])["SecurityGroups"]
        for name in self.attributes:
            answer = ec2.describe_vpc_attribute(VpcId=self.id, Attribute=name)
            vpc[pascal_case(name)] = answer[pascal_case(name)]["Value"]
        return {**vpc, "table": table, "acl": acl, "group": group}


class Subnet(_WithAttributes):
    sdk = "pulumi_aws.ec2:Subnet"
    title = "EC2 Subnet"
    kind = "Subnet"
    inputs = properties(
        assignIpv6AddressOnCreation=Field(default=False),
        availabilityZone=Field(replaces=True, computed=True),
        cidrBlock=Field(replaces=True),
        mapPublicIpOnLaunch=Field(default=False),
        vpcId=Field(replaces=True),
    )
    attributes = {"assignIpv6AddressOnCreation": False, "mapPublicIpOnLaunch": False}
    outputs = {"availabilityZoneId": "AvailabilityZoneId", "ownerId": "OwnerId"}
    retry_delete_on = ("DependencyViolation",)


class InternetGateway(Ec2Resource):
    sdk = "pulumi_aws.ec2:InternetGateway"
    title = "EC2 Internet Gateway"
    kind = "InternetGateway"
    inputs = properties(vpcId=Field(answer="Attachments[0].VpcId", computed=True))
    retry_delete_on = ("DependencyViolation",)

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating and inputs.get("vpcId"):
            self.call("attach_internet_gateway", inputs, InternetGatewayId=self.id)

    def update(self, change: Change) -> None:
        if change.touches("vpcId"):
            if change.old.get("vpcId"):
                self.call("detach_internet_gateway", change.old, InternetGatewayId=self.id)
            self.call("attach_internet_gateway", change.new, InternetGatewayId=self.id)
        super().update(change)

    def delete(self, state: Properties) -> None:
        for attachment in self.describe(state)["Attachments"]:
            self.call("detach_internet_gateway", {**state, "vpcId": attachment["VpcId"]}, InternetGatewayId=self.id)
        super().delete(state)
