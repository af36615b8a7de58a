"""`awsx:ec2:Vpc` as the real component builds it, for the inputs that this project uses.

Read from pulumi/pulumi-awsx, awsx/ec2/vpc.ts: names, parents, tags and order of the children are the same. They are
registered by their tokens: importing pulumi_aws would take longer than everything else that this process does.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Self, cast

import pulumi

from local.providers import schema
from local.providers.awsx.subnets import plan
from local.providers.errors import ProviderError
from local.providers.schema import Violation
from local.providers.sdk import declaration

TOKEN = "awsx:ec2:Vpc"  # noqa: S105 - a type token
DEFAULT_CIDR_BLOCK = "10.0.0.0/16"
DEFAULT_ZONES = 3
AWS_VERSION = metadata.version("pulumi-aws")
"""The provider of this version makes the children, as that of the SDK would."""

PLAIN = (
    "availabilityZoneNames",
    "cidrBlock",
    "natGateways",
    "numberOfAvailabilityZones",
    "subnetSpecs",
    "subnetStrategy",
)
"""The implemented inputs that the real schema calls plain: they decide about resources, and cannot be outputs."""
PASSED_ON = ("enableDnsHostnames", "enableDnsSupport", "tags")
"""The ones that the children take as they are."""
DECIDED = {"subnetStrategy": "Auto", "subnetSpecs": [{"type": "Public"}], "natGateways": {"strategy": "None"}}
"""Choices that have to be made, each with the one that is implemented."""


def _refuse(path: str, reason: str) -> pulumi.InputPropertiesError:
    return pulumi.InputPropertiesError(
        f"{TOKEN}: the local stand-in of awsx cannot build this VPC: {path}: {reason}",
        [{"property_path": path, "reason": reason}],
    )


def _is_plain(inputs: Mapping[str, Any]) -> Iterator[Violation]:
    for name, value in inputs.items():
        if isinstance(value, pulumi.Output) and name not in PASSED_ON:
            yield Violation(name, "must be a plain value, not an output")


def _is_in_the_schema(inputs: Mapping[str, Any]) -> Iterator[Violation]:
    yield from schema.violations(declaration("pulumi_awsx.ec2:Vpc").inputs, _without_outputs(inputs))


def _is_implemented(inputs: Mapping[str, Any]) -> Iterator[Violation]:
    implemented = sorted((*PLAIN, *PASSED_ON))
    for name in inputs:
        if name not in implemented:
            yield Violation(name, f"not implemented; it has {', '.join(implemented)}")


def _is_decided(inputs: Mapping[str, Any]) -> Iterator[Violation]:
    for name, choice in DECIDED.items():
        if inputs.get(name) != choice:
            yield Violation(name, f"must be {choice}, got {inputs.get(name)}; nothing else is implemented")


def _has_one_choice_of_zones(inputs: Mapping[str, Any]) -> Iterator[Violation]:
    if inputs.get("availabilityZoneNames") and inputs.get("numberOfAvailabilityZones"):
        reason = "Only one of [availabilityZoneNames] and [numberOfAvailabilityZones] can be specified"
        yield Violation("availabilityZoneNames", reason)


RULES: tuple[Callable[[Mapping[str, Any]], Iterator[Violation]], ...] = (
    _is_plain,
    _is_in_the_schema,
    _is_implemented,
    _is_decided,
    _has_one_choice_of_zones,
)
"""In this order: each may rely on the ones before it."""


@dataclass(frozen=True)
class VpcArgs:
    """Checked inputs."""

    cidr_block: str
    zones: list[str] | int
    """Names of availability zones, or how many."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    vpc: Mapping[str, Any]
    """Inputs that the VPC itself takes as they are."""

    @classmethod
    def parse(cls, inputs: Mapping[str, Any]) -> Self:
        """Raise pulumi.InputPropertiesError for the first that is wrong, or not implemented here."""
        for rule in RULES:
            for violation in rule(inputs):
                raise _refuse(violation.path, violation.reason)
        return cls(
            cidr_block=inputs.get("cidrBlock") or DEFAULT_CIDR_BLOCK,
            zones=inputs.get("availabilityZoneNames") or int(inputs.get("numberOfAvailabilityZones") or DEFAULT_ZONES),
            tags=inputs.get("tags") or {},
            vpc={name: inputs.get(name) for name in PASSED_ON if name != "tags"},
        )


def _without_outputs(value: Any) -> Any:
    """Return what the schema can check: secrets and other outputs, at any depth, are left out."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: _without_outputs(item) for key, item in items if not isinstance(item, pulumi.Output)}
    if isinstance(value, list):
        return [_without_outputs(item) for item in cast("list[Any]", value)]
    return value


class Vpc(pulumi.ComponentResource):
    """The component; `outputs` has what the real one returns, by the names on the wire."""

    def __init__(self, name: str, args: VpcArgs, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(TOKEN, name, None, opts)
        zones = args.zones if isinstance(args.zones, list) else self._first_zones(args.zones)
        try:
            planned = plan(name, args.cidr_block, zones)
        except ValueError as error:
            raise _refuse("cidrBlock", str(error)) from None
        shared_tags = pulumi.Output.from_input(args.tags).apply(lambda tags: {"Name": name, **tags})

        vpc = _register("Vpc", name, {"cidrBlock": args.cidr_block, "tags": shared_tags, **args.vpc}, self)
        gateway = _register("InternetGateway", name, {"vpcId": vpc.id, "tags": shared_tags}, vpc)
        subnets: list[pulumi.CustomResource] = []
        tables: list[pulumi.CustomResource] = []
        associations: list[pulumi.CustomResource] = []
        routes: list[pulumi.CustomResource] = []
        for part in planned:
            tags = shared_tags.apply(lambda tags, name=part.name: {**tags, "Name": name, "SubnetType": "Public"})
            subnet = _register(
                "Subnet",
                part.name,
                {
                    "vpcId": vpc.id,
                    "availabilityZone": part.zone,
                    "mapPublicIpOnLaunch": True,
                    "cidrBlock": part.cidr_block,
                    "assignIpv6AddressOnCreation": False,
                    "tags": tags,
                },
                vpc,
            )
            table = _register("RouteTable", part.name, {"vpcId": vpc.id, "tags": tags}, subnet)
            association = {"routeTableId": table.id, "subnetId": subnet.id}
            route = {"routeTableId": table.id, "gatewayId": gateway.id, "destinationCidrBlock": "0.0.0.0/0"}
            subnets.append(subnet)
            tables.append(table)
            associations.append(_register("RouteTableAssociation", part.name, association, table))
            routes.append(_register("Route", part.name, route, table))

        self.outputs: dict[str, Any] = {
            "eips": [],
            "internetGateway": gateway,
            "isolatedSubnetIds": [],
            "isolatedSubnets": [],
            "natGateways": [],
            "privateSubnetIds": [],
            "privateSubnets": [],
            "publicSubnetIds": [subnet.id for subnet in subnets],
            "publicSubnets": subnets,
            "routeTableAssociations": associations,
            "routeTables": tables,
            "routes": routes,
            "subnetLayout": DECIDED["subnetSpecs"],
            "subnets": subnets,
            "vpc": vpc,
            "vpcEndpoints": [],
            "vpcId": vpc.id,
        }
        self.register_outputs(self.outputs)

    def _first_zones(self, count: int) -> list[str]:
        token = "aws:index/getAvailabilityZones:getAvailabilityZones"  # noqa: S105 - a function's
        opts = pulumi.InvokeOptions(parent=self, version=AWS_VERSION)
        try:
            names: list[str] = pulumi.runtime.invoke(token, {}, opts).value["names"]
        except Exception as failure:  # the SDK has no other type for it
            raise ProviderError(str(failure)) from failure
        if len(names) < count:
            raise _refuse(
                "numberOfAvailabilityZones",
                f"the configured region does not have at least {count} Availability Zones: {', '.join(names)}",
            )
        return names[:count]


def _register(kind: str, name: str, inputs: Mapping[str, Any], parent: pulumi.Resource) -> pulumi.CustomResource:
    """Return a child of type "aws:ec2/<kind>:<Kind>", which waits for its parent as in awsx."""
    depends_on = [parent] if isinstance(parent, pulumi.CustomResource) else None
    opts = pulumi.ResourceOptions(parent=parent, depends_on=depends_on, version=AWS_VERSION)
    return pulumi.CustomResource(f"aws:ec2/{kind[0].lower()}{kind[1:]}:{kind}", name, dict(inputs), opts)
