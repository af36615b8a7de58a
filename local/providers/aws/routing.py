"""Route table, its routes and the subnets that use it."""

from collections.abc import Iterator
from typing import Any

from local.providers.aws.ec2 import Ec2Resource
from local.providers.aws.resource import REGION, TAGS, AwsResource, given
from local.providers.resource import Change, Property, properties
from local.providers.schema import Violation
from local.providers.values import Properties

TARGETS = {"gatewayId": "GatewayId", "natGatewayId": "NatGatewayId", "networkInterfaceId": "NetworkInterfaceId"}
"""Inputs that say where a route leads, by the parameter of the API."""


class RouteTable(Ec2Resource):
    sdk = "pulumi_aws.ec2:RouteTable"
    title = "EC2 Route Table"
    inputs = properties(region=REGION, tags=TAGS, vpcId=Property(replaces=True))
    retry_delete_on = ("DependencyViolation",)

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).create_route_table(
            VpcId=inputs["vpcId"], TagSpecifications=self.tag_specifications("route-table", inputs)
        )
        return answer["RouteTable"]["RouteTableId"]

    def read(self, state: Properties) -> Properties | None:
        (table,) = self.client(state).describe_route_tables(RouteTableIds=[self.id])["RouteTables"]
        return {
            **self.described(table),
            "arn": self.session.arn("ec2", f"route-table/{self.id}", self.region(state)),
            "ownerId": table["OwnerId"],
            "region": self.region(state),
            "vpcId": table["VpcId"],
        }

    def delete(self, state: Properties) -> None:
        self.client(state).delete_route_table(RouteTableId=self.id)


class Route(AwsResource):
    sdk = "pulumi_aws.ec2:Route"
    title = "EC2 Route"
    service = "ec2"
    inputs = properties(
        destinationCidrBlock=Property(replaces=True),
        gatewayId=Property(),
        natGatewayId=Property(),
        networkInterfaceId=Property(computed=True),
        region=REGION,
        routeTableId=Property(replaces=True),
    )

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        if inputs.get("destinationCidrBlock") is None:
            yield Violation("destinationCidrBlock", "missing; the stand-in routes IPv4 ranges only")
        targets = [name for name in TARGETS if inputs.get(name) is not None]
        if len(targets) != 1:
            yield Violation("gatewayId", f"give exactly one of {', '.join(TARGETS)}; got {targets or 'none'}")

    def create(self, inputs: Properties) -> str:
        table, destination = inputs["routeTableId"], inputs["destinationCidrBlock"]
        self.client(inputs).create_route(RouteTableId=table, DestinationCidrBlock=destination, **self._target(inputs))
        return f"r-{table}{destination}"

    def update(self, change: Change) -> None:
        self.client(change.new).replace_route(
            RouteTableId=change.new["routeTableId"],
            DestinationCidrBlock=change.new["destinationCidrBlock"],
            **self._target(change.new),
        )

    def read(self, state: Properties) -> Properties | None:
        (table,) = self.client(state).describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
        destination = state["destinationCidrBlock"]
        route = next((r for r in table["Routes"] if r.get("DestinationCidrBlock") == destination), None)
        if route is None:
            return None
        return {
            **{name: route.get(parameter) for name, parameter in TARGETS.items()},
            "destinationCidrBlock": destination,
            "origin": route["Origin"],
            "region": self.region(state),
            "routeTableId": table["RouteTableId"],
            "state": route["State"],
        }

    def delete(self, state: Properties) -> None:
        self.client(state).delete_route(
            RouteTableId=state["routeTableId"], DestinationCidrBlock=state["destinationCidrBlock"]
        )

    @staticmethod
    def _target(inputs: Properties) -> dict[str, Any]:
        return given(**{parameter: inputs.get(name) for name, parameter in TARGETS.items()})


class RouteTableAssociation(AwsResource):
    sdk = "pulumi_aws.ec2:RouteTableAssociation"
    title = "EC2 Route Table Association"
    service = "ec2"
    inputs = properties(region=REGION, routeTableId=Property(), subnetId=Property(replaces=True))

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        if inputs.get("subnetId") is None:
            yield Violation("subnetId", "missing; the stand-in associates subnets only")

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).associate_route_table(
            RouteTableId=inputs["routeTableId"], SubnetId=inputs["subnetId"]
        )
        return answer["AssociationId"]

    def update(self, change: Change) -> None:
        association = self._find(change.old)
        if association:
            self.client(change.new).replace_route_table_association(
                AssociationId=association["RouteTableAssociationId"], RouteTableId=change.new["routeTableId"]
            )

    def read(self, state: Properties) -> Properties | None:
        association = self._find(state)
        if association is None:
            return None
        return {
            "region": self.region(state),
            "routeTableId": association["RouteTableId"],
            "subnetId": association["SubnetId"],
        }

    def delete(self, state: Properties) -> None:
        association = self._find(state)
        if association:
            self.client(state).disassociate_route_table(AssociationId=association["RouteTableAssociationId"])

    def _find(self, state: Properties) -> dict[str, Any] | None:
        """Return the subnet's explicit association. Its id changes with the table; Pulumi's id for it cannot."""
        subnet = state["subnetId"]
        tables = self.client(state).describe_route_tables(
            Filters=[{"Name": "association.subnet-id", "Values": [subnet]}]
        )["RouteTables"]
        associations = [association for table in tables for association in table["Associations"]]
        return next((found for found in associations if found.get("SubnetId") == subnet), None)


RESOURCES = (RouteTable, Route, RouteTableAssociation)
