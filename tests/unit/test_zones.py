"""The zones of the network: those that Fargate has, told by their ids, which mean the same in every account."""

from collections.abc import Iterable
from typing import Any, cast

import pulumi
import pytest
from airflow_fargate.zones import choose_zones, without_fargate
from pulumi.runtime.mocks import MockCallArgs

from .conftest import Deploy, Recorder

ELSEWHERE = {
    "us-east-1-bos-1a": ("use1-bos1-az1", "name one that lies in an availability zone"),
    "us-east-1-wl1-bos-wlz-1": ("use1-wl1-bos-wlz1", "name one that lies in an availability zone"),
    "us-west-1c": ("usw1-az2", "name one that lies in usw1-az1 or usw1-az3"),
    "ap-northeast-1b": ("apne1-az3", "name one that lies in apne1-az1 or apne1-az2 or apne1-az4"),
    "cn-north-1d": ("cnn1-az4", "name one that lies in cnn1-az1 or cnn1-az2"),
}


@pytest.mark.parametrize(("zone_id", "way_out"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_fargate_is_not_in_every_zone(zone_id: str, way_out: str) -> None:
    assert (without_fargate(zone_id) or "").startswith(way_out)


@pytest.mark.parametrize(
    "zone_id", ["use1-az3", "usw1-az3", "apne1-az4", "cac1-az4", "cnn1-az2", "cnnw1-az3", "usgw1-az1"]
)
def test_where_no_exception_is_known_fargate_is_in_all_availability_zones(zone_id: str) -> None:
    assert without_fargate(zone_id) is None


@pytest.mark.parametrize(
    ("ids", "chosen"),
    [
        ({"a": "use1-az6", "b": "use1-az1", "c": "use1-az2"}, ["a", "b"]),
        ({"b": "use1-az1", "a": "use1-az6"}, ["a", "b"]),
        ({"a": "apne1-az4", "b": "apne1-az3", "c": "apne1-az1"}, ["a", "c"]),
        ({"a": "usw1-az2", "b": "usw1-az1", "c": "usw1-az3"}, ["b", "c"]),
        ({"a": "cac1-az4", "b": "cac1-az2", "d": "cac1-az1"}, ["b", "d"]),
        ({"a": "cnn1-az4", "b": "cnn1-az2", "c": "cnn1-az1"}, ["b", "c"]),
        ({"a": "usw1-az2", "b": "usw1-az1"}, ["b", "a"]),
        ({"a": "use1-az1"}, ["a"]),
    ],
    ids=["the first two", "by their names", "apne1-az3", "usw1-az2", "cac1-az4", "cnn1-az4", "one of two", "one"],
)
def test_the_first_two_zones_with_fargate_are_chosen_and_others_only_to_make_two(
    ids: dict[str, str], chosen: list[str]
) -> None:
    assert choose_zones(ids) == chosen


class Zones(Recorder):
    """An account that sees these zones; without `ids`, nobody knows theirs."""

    def __init__(self, names: Iterable[str], ids: Iterable[str] | None = None) -> None:
        super().__init__()
        self._answer = {"names": list(names), **({"zoneIds": list(ids)} if ids else {})}

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        answer = super().call(args)
        if args.token != "aws:index/getAvailabilityZones:getAvailabilityZones":
            return answer
        return self._answer


def test_the_vpc_is_made_in_the_chosen_zones_of_all_availability_zones(deploy: Deploy) -> None:
    zones = {"us-west-1a": "usw1-az2", "us-west-1b": "usw1-az1", "us-west-1c": "usw1-az3"}

    deployment = deploy(recorder=Zones(zones, zones.values()))

    [asked] = [call for call in deployment.recorder.calls if "getAvailabilityZones" in call.token]
    assert asked.args == {"filters": [{"name": "zone-type", "values": ["availability-zone"]}], "state": "available"}
    assert deployment.inputs("awsx:ec2:Vpc")["availabilityZoneNames"] == ["us-west-1b", "us-west-1c"]
    assert "numberOfAvailabilityZones" not in deployment.inputs("awsx:ec2:Vpc")


@pytest.mark.parametrize(
    "zones",
    [Zones([]), Zones(["us-west-1a", "us-west-1b"]), Zones(["us-west-1a"], ["usw1-az1"])],
    ids=["no answer", "no ids", "one zone"],
)
def test_without_two_zones_to_choose_from_the_vpc_decides(deploy: Deploy, zones: Zones) -> None:
    deployment = deploy(recorder=zones)

    assert deployment.inputs("awsx:ec2:Vpc")["numberOfAvailabilityZones"] == 2
    assert "availabilityZoneNames" not in deployment.inputs("awsx:ec2:Vpc")


def test_no_zone_is_looked_for_where_the_subnets_are_given(deploy: Deploy) -> None:
    deployment = deploy(vpc_id="vpc-0123456789abcdef0", subnet_ids=["subnet-0123456789abcdef0"])

    assert [call for call in deployment.recorder.calls if "getAvailabilityZones" in call.token] == []


def test_a_zone_without_fargate_is_chosen_with_a_warning(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)

    deploy(recorder=Zones(["us-west-1a", "us-west-1b"], ["usw1-az2", "usw1-az1"]))

    [warning] = warnings
    assert warning.startswith("Fargate is not in us-west-1a (usw1-az2), and this account has not 2 zones with it: ")
    assert "vpc_id and subnet_ids" in warning


@pytest.mark.parametrize(
    ("typ", "ignored"),
    [
        ("aws:ec2/subnet:Subnet", ["tags", "availabilityZone"]),
        ("aws:ec2/routeTable:RouteTable", None),
    ],
)
def test_a_subnet_stays_in_the_zone_that_it_was_made_in(deploy: Deploy, typ: str, ignored: list[str] | None) -> None:
    [vpc] = [each for each in deploy().recorder.resources if each.typ == "awsx:ec2:Vpc"]
    [transform] = vpc.transforms
    opts = pulumi.ResourceOptions(ignore_changes=["tags"], protect=True)
    subnet = pulumi.ResourceTransformArgs(True, typ, "airflow-vpc-public-1", {"cidrBlock": "10.0.0.0/17"}, opts)

    result = cast(pulumi.ResourceTransformResult | None, transform(subnet))

    assert (result and result.opts.ignore_changes) == ignored
    assert result is None or (result.opts.protect, result.props) == (True, subnet.props)
