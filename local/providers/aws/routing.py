"""Route table, its routes and the subnets that use it."""

from collections.abc import Iterator
from typing import Any
from zlib import crc32

from local.providers.aws.ec2 import Ec2Resource
from local.providers.aws.resource import AwsResource, Field
from local.providers.resource import Change, properties
from local.providers.schema import Violation
from local.providers.values import Properties


class RouteTable(Ec2Resource):
    sdk = "pulumi_aws.ec2:RouteTable"
    title = "EC2 Route Table"
    kind = "RouteTable"
    inputs = properties(vpcId=Field(replaces=True))
    outputs = {"ownerId": "OwnerId"}
    retry_delete_on = ("DependencyViolation",)


class Route(AwsResource):
    sdk = "pulumi_aws.ec2:Route"
    title = "EC2 Route"
    service = "ec2"
    inputs = properties(
        destinationCidrBlock=Field(replaces=True),
        gatewayId=Field(),
        routeTableId=Field(replaces=True),
    )
    updates, deletes = "replace_route", "delete_route"
    outputs = {"origin": "Origin", "state": "State"}

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        for name in ("destinationCidrBlock", "gatewayId"):
            if inputs.get(name) is None:
                yield Violation(name, "missing; the stand-in routes IPv4 ranges to gateways only")

    def create(self, inputs: Properties) -> str:
        self.call("create_route", inputs)
        # As terraform-provider-aws makes it.
        return f"r-{inputs['routeTableId']}{crc32(inputs['destinationCidrBlock'].encode())}"

    def describe(self, state: Properties) -> Any:
        [table] = self.client(state).describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
        destination = state["destinationCidrBlock"]
        found = [route for route in table["Routes"] if route.get("DestinationCidrBlock") == destination]
        return {**found[0], "RouteTableId": table["RouteTableId"]} if found else None


class RouteTableAssociation(AwsResource):
    sdk = "pulumi_aws.ec2:RouteTableAssociation"
    title = "EC2 Route Table Association"
    service = "ec2"
    inputs = properties(routeTableId=Field(), subnetId=Field(replaces=True))
    identity = "AssociationId"
    creates = "associate_route_table"

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        if inputs.get("subnetId") is None:
            yield Violation("subnetId", "missing; the stand-in associates subnets only")

    def update(self, change: Change) -> None:
        if association := self.describe(change.old):
            present = association["RouteTableAssociationId"]
            self.call("replace_route_table_association", change.new, AssociationId=present)

    def describe(self, state: Properties) -> Any:
        """Return the subnet's explicit association. Its id changes with the table; Pulumi's id for it cannot."""
        of_subnet = [{"Name": "association.subnet-id", "Values": [state["subnetId"]]}]
        tables = self.client(state).describe_route_tables(Filters=of_subnet)["RouteTables"]
        associations = [association for table in tables for association in table["Associations"]]
        return next((found for found in associations if found.get("SubnetId") == state["subnetId"]), None)

    def delete(self, state: Properties) -> None:
        if association := self.describe(state):
            self.client(state).disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
