"""VPC, subnet and internet gateway."""

from local.providers.aws.ec2 import Ec2Resource, filters
from local.providers.aws.resource import REGION, TAGS, given, pascal_case
from local.providers.resource import Change, Property, properties
from local.providers.values import Properties

VPC_ATTRIBUTES = ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics")


class Vpc(Ec2Resource):
    sdk = "pulumi_aws.ec2:Vpc"
    title = "EC2 VPC"
    inputs = properties(
        cidrBlock=Property(replaces=True, computed=True),
        enableDnsHostnames=Property(computed=True),
        enableDnsSupport=Property(default=True),
        enableNetworkAddressUsageMetrics=Property(computed=True),
        instanceTenancy=Property(default="default", values=("default", "dedicated")),
        region=REGION,
        tags=TAGS,
    )
    retry_delete_on = ("DependencyViolation",)

    def replaces(self, name: str, change: Change) -> bool:
        if name == "instanceTenancy":
            # From dedicated to default is the one change that AWS can make.
            return change.new[name] == "dedicated"
        return super().replaces(name, change)

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).create_vpc(
            **given(CidrBlock=inputs.get("cidrBlock"), InstanceTenancy=inputs["instanceTenancy"]),
            TagSpecifications=self.tag_specifications("vpc", inputs),
        )
        return answer["Vpc"]["VpcId"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating:
            for name in VPC_ATTRIBUTES:
                if inputs.get(name) is not None:
                    self._set(inputs, name)

    def update(self, change: Change) -> None:
        for name in VPC_ATTRIBUTES:
            if change.touches(name):
                self._set(change.new, name)
        if change.touches("instanceTenancy"):
            self.client(change.new).modify_vpc_tenancy(VpcId=self.id, InstanceTenancy="default")
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        ec2 = self.client(state)
        (vpc,) = ec2.describe_vpcs(VpcIds=[self.id])["Vpcs"]
        (main,) = ec2.describe_route_tables(
            Filters=[*filters(vpc_id=self.id), {"Name": "association.main", "Values": ["true"]}]
        )["RouteTables"]
        (acl,) = ec2.describe_network_acls(Filters=filters(vpc_id=self.id, default="true"))["NetworkAcls"]
        (group,) = ec2.describe_security_groups(Filters=filters(vpc_id=self.id, group_name="default"))["SecurityGroups"]
        attributes = {name: self._get(state, name) for name in VPC_ATTRIBUTES}
        return {
            **attributes,
            **self.described(vpc),
            "arn": self.session.arn("ec2", f"vpc/{self.id}", self.region(state)),
            "assignGeneratedIpv6CidrBlock": False,
            "cidrBlock": vpc["CidrBlock"],
            "defaultNetworkAclId": acl["NetworkAclId"],
            "defaultRouteTableId": main["RouteTableId"],
            "defaultSecurityGroupId": group["GroupId"],
            "dhcpOptionsId": vpc.get("DhcpOptionsId"),
            "instanceTenancy": vpc["InstanceTenancy"],
            "mainRouteTableId": main["RouteTableId"],
            "ownerId": vpc.get("OwnerId", self.session.account_id),
            "region": self.region(state),
        }

    def delete(self, state: Properties) -> None:
        self.client(state).delete_vpc(VpcId=self.id)

    def _set(self, inputs: Properties, name: str) -> None:
        attribute = {pascal_case(name): {"Value": bool(inputs.get(name))}}
        self.client(inputs).modify_vpc_attribute(VpcId=self.id, **attribute)

    def _get(self, state: Properties, name: str) -> bool:
        answer = self.client(state).describe_vpc_attribute(VpcId=self.id, Attribute=name)
        return answer[pascal_case(name)]["Value"]


class Subnet(Ec2Resource):
    sdk = "pulumi_aws.ec2:Subnet"
    title = "EC2 Subnet"
    inputs = properties(
        assignIpv6AddressOnCreation=Property(default=False),
        availabilityZone=Property(replaces=True, computed=True),
        cidrBlock=Property(replaces=True),
        mapPublicIpOnLaunch=Property(default=False),
        region=REGION,
        tags=TAGS,
        vpcId=Property(replaces=True),
    )
    retry_delete_on = ("DependencyViolation",)

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).create_subnet(
            **given(CidrBlock=inputs.get("cidrBlock"), AvailabilityZone=inputs.get("availabilityZone")),
            VpcId=inputs["vpcId"],
            TagSpecifications=self.tag_specifications("subnet", inputs),
        )
        return answer["Subnet"]["SubnetId"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating:
            for name in ("mapPublicIpOnLaunch", "assignIpv6AddressOnCreation"):
                if inputs.get(name):
                    self._set(inputs, name)

    def update(self, change: Change) -> None:
        for name in ("mapPublicIpOnLaunch", "assignIpv6AddressOnCreation"):
            if change.touches(name):
                self._set(change.new, name)
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        (subnet,) = self.client(state).describe_subnets(SubnetIds=[self.id])["Subnets"]
        return {
            **self.described(subnet),
            "arn": subnet["SubnetArn"],
            "assignIpv6AddressOnCreation": subnet["AssignIpv6AddressOnCreation"],
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet["AvailabilityZoneId"],
            "cidrBlock": subnet["CidrBlock"],
            "ipv6Native": subnet.get("Ipv6Native"),
            "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
            "ownerId": subnet["OwnerId"],
            "region": self.region(state),
            "vpcId": subnet["VpcId"],
        }

    def delete(self, state: Properties) -> None:
        self.client(state).delete_subnet(SubnetId=self.id)

    def _set(self, inputs: Properties, name: str) -> None:
        attribute = {pascal_case(name): {"Value": inputs[name]}}
        self.client(inputs).modify_subnet_attribute(SubnetId=self.id, **attribute)


class InternetGateway(Ec2Resource):
    sdk = "pulumi_aws.ec2:InternetGateway"
    title = "EC2 Internet Gateway"
    inputs = properties(region=REGION, tags=TAGS, vpcId=Property(computed=True))
    retry_delete_on = ("DependencyViolation",)

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).create_internet_gateway(
            TagSpecifications=self.tag_specifications("internet-gateway", inputs)
        )
        return answer["InternetGateway"]["InternetGatewayId"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating and inputs.get("vpcId"):
            self.client(inputs).attach_internet_gateway(InternetGatewayId=self.id, VpcId=inputs["vpcId"])

    def update(self, change: Change) -> None:
        if change.touches("vpcId"):
            ec2 = self.client(change.new)
            if change.old.get("vpcId"):
                ec2.detach_internet_gateway(InternetGatewayId=self.id, VpcId=change.old["vpcId"])
            ec2.attach_internet_gateway(InternetGatewayId=self.id, VpcId=change.new["vpcId"])
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        (gateway,) = self.client(state).describe_internet_gateways(InternetGatewayIds=[self.id])["InternetGateways"]
        owner = gateway.get("OwnerId", self.session.account_id)
        return {
            **self.described(gateway),
            "arn": self.session.arn("ec2", f"internet-gateway/{self.id}", self.region(state)),
            "ownerId": owner,
            "region": self.region(state),
            "vpcId": next((attachment["VpcId"] for attachment in gateway["Attachments"]), None),
        }

    def delete(self, state: Properties) -> None:
        ec2 = self.client(state)
        (gateway,) = ec2.describe_internet_gateways(InternetGatewayIds=[self.id])["InternetGateways"]
        for attachment in gateway["Attachments"]:
            ec2.detach_internet_gateway(InternetGatewayId=self.id, VpcId=attachment["VpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=self.id)


RESOURCES = (Vpc, Subnet, InternetGateway)
