"""`awsx:ec2:Vpc` as the real component builds it, for the inputs that this project uses.

Read from pulumi/pulumi-awsx, awsx/ec2/vpc.ts: names, parents, tags and order of the children are the same. They are
registered by their tokens: importing pulumi_aws would take longer than everything else that this process does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Self, cast

import pulumi

from local.providers import schema
from local.providers.awsx.subnets import TYPES, SubnetSpec, plan
from local.providers.errors import ProviderError
from local.providers.sdk import declaration

TOKEN = "awsx:ec2:Vpc"  # noqa: S105 a type token
DEFAULT_CIDR_BLOCK = "10.0.0.0/16"
DEFAULT_ZONES = 3
AWS_VERSION = metadata.version("pulumi-aws")
"""The provider of this version makes the children, as that of the SDK would."""

IMPLEMENTED = (
    "availabilityZoneNames",
    "cidrBlock",
    "enableDnsHostnames",
    "enableDnsSupport",
    "natGateways",
    "numberOfAvailabilityZones",
    "subnetSpecs",
    "subnetStrategy",
    "tags",
)


def _refuse(path: str, reason: str) -> pulumi.InputPropertiesError:
    return pulumi.InputPropertiesError(
        f"{TOKEN}: the local stand-in of awsx cannot build this VPC: {path}: {reason}",
        [{"property_path": path, "reason": reason}],
    )


@dataclass(frozen=True)
class VpcArgs:
    """Checked inputs."""

    cidr_block: str
    zones: list[str] | int
    """Names of availability zones, or how many."""
    specs: list[SubnetSpec]
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    vpc: Mapping[str, Any]
    """Inputs that the VPC itself takes as they are."""

    @classmethod
    def parse(cls, inputs: Mapping[str, Any]) -> Self:
        """Raise pulumi.InputPropertiesError for whatever is wrong, or not implemented here."""
        for name, value in inputs.items():
            # Only what the real schema calls plain decides about resources, and so must be known here.
            if isinstance(value, pulumi.Output) and name not in ("tags", "enableDnsHostnames", "enableDnsSupport"):
                raise _refuse(name, "must be a plain value, not an output")
        known = {name: value for name, value in inputs.items() if not isinstance(value, pulumi.Output)}
        for violation in schema.violations(declaration("pulumi_awsx.ec2:Vpc").inputs, _without_outputs(known)):
            raise _refuse(violation.path, violation.reason)
        _refuse_others("", inputs, IMPLEMENTED)
        _refuse_others("natGateways.", inputs.get("natGateways") or {}, ("strategy",))
        subnet_specs = cast("list[dict[str, Any]]", inputs.get("subnetSpecs") or [])
        for entry in subnet_specs:
            _refuse_others("subnetSpecs.", entry, ("type", "name", "cidrMask", "tags"))
        if inputs.get("subnetStrategy") != "Auto":
            raise _refuse("subnetStrategy", f'must be "Auto", got {inputs.get("subnetStrategy")!r}')
        if (inputs.get("natGateways") or {}).get("strategy") != "None":
            raise _refuse("natGateways.strategy", 'must be "None": NAT gateways are not implemented')
        specs = [_spec(index, entry) for index, entry in enumerate(subnet_specs)]
        if not specs:
            raise _refuse("subnetSpecs", "must be given")
        names, count = inputs.get("availabilityZoneNames"), inputs.get("numberOfAvailabilityZones")
        if names and count:
            raise _refuse(
                "availabilityZoneNames",
                "Only one of [availabilityZoneNames] and [numberOfAvailabilityZones] can be specified",
            )
        return cls(
            cidr_block=inputs.get("cidrBlock") or DEFAULT_CIDR_BLOCK,
            zones=names or int(count or DEFAULT_ZONES),
            specs=specs,
            tags=inputs.get("tags") or {},
            vpc={
                "enableDnsHostnames": inputs.get("enableDnsHostnames"),
                "enableDnsSupport": inputs.get("enableDnsSupport"),
            },
        )


def _refuse_others(prefix: str, given: Iterable[str], implemented: Sequence[str]) -> None:
    for name in given:
        if name not in implemented:
            raise _refuse(f"{prefix}{name}", f"not implemented; it has {', '.join(implemented)}")


def _without_outputs(value: Any) -> Any:
    """Return what the schema can check: secrets and other outputs within maps and lists are left out."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _without_outputs(item) for key, item in items if not isinstance(item, pulumi.Output)}
    if isinstance(value, list):
        return [_without_outputs(item) for item in cast("list[Any]", value)]
    return value


def _spec(index: int, entry: Mapping[str, Any]) -> SubnetSpec:
    if entry["type"] not in TYPES:
        raise _refuse(f"subnetSpecs[{index}].type", f"must be one of {', '.join(TYPES)}; got {entry['type']!r}")
    mask = entry.get("cidrMask")
    return SubnetSpec(entry["type"], entry.get("name"), int(mask) if mask else None, entry.get("tags") or {})


class Vpc(pulumi.ComponentResource):
    """The component; `outputs` has what the real one returns, by the names on the wire."""

    def __init__(self, name: str, args: VpcArgs, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(TOKEN, name, None, opts)
        zones = args.zones if isinstance(args.zones, list) else self._first_zones(args.zones)
        try:
            planned = plan(name, args.cidr_block, zones, args.specs)
        except ValueError as error:
            raise _refuse("cidrBlock", str(error)) from None
        shared_tags = pulumi.Output.from_input(args.tags).apply(lambda tags: {"Name": name, **tags})

        vpc = _register("Vpc", name, {"cidrBlock": args.cidr_block, "tags": shared_tags, **args.vpc}, self)
        gateway = _register("InternetGateway", name, {"vpcId": vpc.id, "tags": shared_tags}, vpc)
        subnets: list[tuple[SubnetSpec, pulumi.CustomResource]] = []
        tables: list[pulumi.CustomResource] = []
        associations: list[pulumi.CustomResource] = []
        routes: list[pulumi.CustomResource] = []
        for part in planned:
            own = {"Name": part.name, "SubnetType": part.spec.type}
            public = part.spec.type == "Public"
            subnet = _register(
                "Subnet",
                part.name,
                {
                    "vpcId": vpc.id,
                    "availabilityZone": part.zone,
                    "mapPublicIpOnLaunch": public,
                    "cidrBlock": part.cidr_block,
                    "assignIpv6AddressOnCreation": False,
                    "tags": _merged(shared_tags, {**part.spec.tags, **own}),
                },
                vpc,
            )
            subnets.append((part.spec, subnet))
            table = _register("RouteTable", part.name, {"vpcId": vpc.id, "tags": _merged(shared_tags, own)}, subnet)
            tables.append(table)
            association = {"routeTableId": table.id, "subnetId": subnet.id}
            associations.append(_register("RouteTableAssociation", part.name, association, table))
            if public:
                route = {"routeTableId": table.id, "gatewayId": gateway.id, "destinationCidrBlock": "0.0.0.0/0"}
                routes.append(_register("Route", part.name, route, table))

        self.outputs: dict[str, Any] = {
            "eips": [],
            "internetGateway": gateway,
            "natGateways": [],
            "routeTableAssociations": associations,
            "routeTables": tables,
            "routes": routes,
            "subnetLayout": [_resolved(spec) for spec in args.specs],
            "subnets": [subnet for _, subnet in subnets],
            "vpc": vpc,
            "vpcEndpoints": [],
            "vpcId": vpc.id,
        }
        for kind in TYPES:
            of_kind = [subnet for spec, subnet in subnets if spec.type == kind]
            self.outputs[f"{kind.lower()}Subnets"] = of_kind
            self.outputs[f"{kind.lower()}SubnetIds"] = [subnet.id for subnet in of_kind]
        self.register_outputs(self.outputs)

    def _first_zones(self, count: int) -> list[str]:
        token = "aws:index/getAvailabilityZones:getAvailabilityZones"  # noqa: S105 a function's
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


def _merged(
    tags: pulumi.Output[dict[str, pulumi.Input[str]]], more: Mapping[str, str]
) -> pulumi.Output[Mapping[str, pulumi.Input[str]]]:
    return tags.apply(lambda shared: {**shared, **more})


def _resolved(spec: SubnetSpec) -> dict[str, Any]:
    resolved = {"type": spec.type, "name": spec.name, "cidrMask": spec.cidr_mask}
    return {key: value for key, value in resolved.items() if value is not None}
