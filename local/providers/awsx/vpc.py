"""`awsx:ec2:Vpc` as the real component builds it, for the inputs that this project uses.

Read from pulumi/pulumi-awsx, awsx/ec2/vpc.ts: names, parents, tags and order of the children are the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from local.providers import schema
from local.providers.awsx.subnets import TYPES, SubnetSpec, plan

TOKEN = "awsx:ec2:Vpc"  # noqa: S105 a type token
DEFAULT_CIDR_BLOCK = "10.0.0.0/16"
DEFAULT_ZONES = 3

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
    """Arguments that the VPC itself takes as they are."""

    @classmethod
    def parse(cls, inputs: Mapping[str, Any]) -> Self:
        """Raises pulumi.InputPropertiesError for whatever is wrong, or not implemented here."""
        for name, value in inputs.items():
            # Only what the real schema calls plain decides about resources, and so must be known here.
            if isinstance(value, pulumi.Output) and name not in ("tags", "enableDnsHostnames", "enableDnsSupport"):
                raise _refuse(name, "must be a plain value, not an output")
        known = {name: value for name, value in inputs.items() if not isinstance(value, pulumi.Output)}
        for violation in schema.violations(schema.inputs_of(awsx.ec2.Vpc), _without_outputs(known)):
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
                "enable_dns_hostnames": inputs.get("enableDnsHostnames"),
                "enable_dns_support": inputs.get("enableDnsSupport"),
            },
        )


def _refuse_others(prefix: str, given: Iterable[str], implemented: Sequence[str]) -> None:
    for name in given:
        if name not in implemented:
            raise _refuse(f"{prefix}{name}", f"not implemented; it has {', '.join(implemented)}")


def _without_outputs(value: Any) -> Any:
    """What the schema can check: secrets and other outputs within maps and lists are left out."""
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

        vpc = aws.ec2.Vpc(
            name,
            cidr_block=args.cidr_block,
            tags=shared_tags,
            **args.vpc,
            opts=pulumi.ResourceOptions(parent=self),
        )
        under_vpc = pulumi.ResourceOptions(parent=vpc, depends_on=[vpc])
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags=shared_tags, opts=under_vpc)
        subnets: list[tuple[SubnetSpec, aws.ec2.Subnet]] = []
        tables: list[aws.ec2.RouteTable] = []
        associations: list[aws.ec2.RouteTableAssociation] = []
        routes: list[aws.ec2.Route] = []
        for part in planned:
            own = {"Name": part.name, "SubnetType": part.spec.type}
            public = part.spec.type == "Public"
            subnet = aws.ec2.Subnet(
                part.name,
                vpc_id=vpc.id,
                availability_zone=part.zone,
                map_public_ip_on_launch=public,
                cidr_block=part.cidr_block,
                assign_ipv6_address_on_creation=False,
                tags=_merged(shared_tags, {**part.spec.tags, **own}),
                opts=under_vpc,
            )
            subnets.append((part.spec, subnet))
            table = aws.ec2.RouteTable(
                part.name,
                vpc_id=vpc.id,
                tags=_merged(shared_tags, own),
                opts=pulumi.ResourceOptions(parent=subnet, depends_on=[subnet]),
            )
            tables.append(table)
            under_table = pulumi.ResourceOptions(parent=table, depends_on=[table])
            associations.append(
                aws.ec2.RouteTableAssociation(part.name, route_table_id=table.id, subnet_id=subnet.id, opts=under_table)
            )
            if public:
                routes.append(
                    aws.ec2.Route(
                        part.name,
                        route_table_id=table.id,
                        gateway_id=gateway.id,
                        destination_cidr_block="0.0.0.0/0",
                        opts=under_table,
                    )
                )

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
        names = aws.get_availability_zones(opts=pulumi.InvokeOptions(parent=self)).names
        if len(names) < count:
            raise _refuse(
                "numberOfAvailabilityZones",
                f"the configured region does not have at least {count} Availability Zones: {', '.join(names)}",
            )
        return list(names[:count])


def _merged(
    tags: pulumi.Output[dict[str, pulumi.Input[str]]], more: Mapping[str, str]
) -> pulumi.Output[Mapping[str, pulumi.Input[str]]]:
    return tags.apply(lambda shared: {**shared, **more})


def _resolved(spec: SubnetSpec) -> dict[str, Any]:
    resolved = {"type": spec.type, "name": spec.name, "cidrMask": spec.cidr_mask}
    return {key: value for key, value in resolved.items() if value is not None}
