"""The resources of a release, as far as they must stay: `make release-record` writes them, at a release.

It covers the logical name, type and parent of every resource (another URN is another resource), the inputs that the
AWS, awsx and random providers cannot change in place, and the schema. It does not cover what AWS itself makes of an
update, and leaves the task definition's inputs out: every change of one is a new revision by design.
"""

import asyncio
import json
from typing import Any, cast

from airflow_fargate import AirflowFargate, AirflowFargateArgs
from airflow_fargate.testing import Mocks, registered

from local.providers.aws.provider import AwsStandIn
from local.providers.random.provider import RandomStandIn
from release.paths import SCHEMA

SETUPS: dict[str, dict[str, Any]] = {
    "nothing given": {},
    "much given": {
        "allowed_cidrs": ["203.0.113.7/32"],
        "egress_ports": [5432],
        "environment": {"NAME": "value"},
        "ephemeral_storage_gib": 30,
        "secrets": {"TOKEN": "a token"},
        "spot": True,
        "tags": {"team": "data"},
    },
    "an existing VPC": {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]},
    "the guide's image": {"image": "puckel/docker-airflow:1.10.9", "cpu": 256, "memory": 512},
}

_STAND_INS = {**AwsStandIn({}).resources, **RandomStandIn().resources}
_FREE_IN_VPC = {"tags"}
# Each subnet stays in its zone, whatever names are chosen now; their number decides the address ranges.
_ZONES, _NUMBER_OF_ZONES = "availabilityZoneNames", "numberOfAvailabilityZones"

# Stacks of releases that did not give it have it all the same: to give it changes nothing.
_CHOSEN_BY_AWS: dict[str, dict[str, Any]] = {"aws:ecs/service:Service": {"deploymentController": {"type": "ECS"}}}

_LOOP = asyncio.new_event_loop()
"""For the main thread, which has none after an `asyncio.run`, while the SDK expects one.

It stays open: loops that the SDK's mocks make in its threads, and never close, end with it.
"""


def record() -> dict[str, Any]:
    """Return what the present code registers."""
    asyncio.set_event_loop(_LOOP)
    return {
        "schema": json.loads(SCHEMA.read_text()),
        "resources": {name: _resources(args) for name, args in SETUPS.items()},
    }


def _resources(args: dict[str, Any]) -> dict[str, Any]:
    mocks = Mocks()
    resources = registered(lambda: AirflowFargate("airflow", cast(AirflowFargateArgs, args)), mocks)
    inputs = {(each.typ, each.name): cast(dict[str, Any], each.inputs) for each in mocks.resources}
    return {
        f"{each.parent.split('::')[2].rpartition('$')[2]}${each.type}::{each.name}": _fixed(
            each.type, inputs[each.type, each.name]
        )
        for each in resources
    }


def _fixed(typ: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs that cannot change in place."""
    if typ == "aws:ecs/taskDefinition:TaskDefinition":
        return {}
    if typ == "awsx:ec2:Vpc":
        number = {_NUMBER_OF_ZONES: len(inputs[_ZONES])} if _ZONES in inputs else {}
        return {name: value for name, value in inputs.items() if name not in {*_FREE_IN_VPC, _ZONES}} | number
    if typ not in _STAND_INS:  # the component itself
        return {}
    declared, chosen = _STAND_INS[typ].inputs, _CHOSEN_BY_AWS.get(typ, {})
    return {name: value for name, value in inputs.items() if declared[name].replaces and chosen.get(name) != value}
