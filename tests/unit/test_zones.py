"""The zones of the network: those that Fargate has, told by their ids, which mean the same in every account."""

from collections.abc import Iterable
from typing import Any, cast

import grpc
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


class RefusedError(grpc.RpcError):
    """What the engine answers when the provider has failed."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "not authorized to perform: ec2:DescribeSubnets"


class Subnets(Recorder):
    """An account whose subnets lie in these zones, each by its name and id; of the others AWS says nothing."""

    def __init__(self, zones: dict[str, tuple[str, str]]) -> None:
        super().__init__()
        self._zones = zones

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        answer = super().call(args)
        if args.token != "aws:ec2/getSubnet:getSubnet":
            return answer
        asked = cast(dict[str, str], args.args)
        if asked["id"] == LOST:
            raise RefusedError
        name, zone_id = self._zones.get(asked["id"], ("", ""))
        return {"availabilityZone": name, "availabilityZoneId": zone_id} if name else {}


FIT, UNFIT, UNTOLD, LOST = (f"subnet-0123456789abcde{number:02x}" for number in range(4))
ZONES_OF_SUBNETS = {FIT: ("us-west-1b", "usw1-az3"), UNFIT: ("us-west-1c", "usw1-az2")}


@pytest.mark.parametrize("late", [False, True], ids=["plain", "as outputs"])
def test_subnets_of_the_callers_in_zones_without_fargate_are_refused(deploy: Deploy, late: bool) -> None:
    recorder, subnet_ids = Subnets(ZONES_OF_SUBNETS), [FIT, UNFIT]

    with pytest.raises(pulumi.RunError) as refused:
        deploy(
            recorder=recorder,
            vpc_id="vpc-0123456789abcdef0",
            subnet_ids=pulumi.Output.from_input(subnet_ids) if late else subnet_ids,
        )

    assert (
        f"subnet_ids: has {UNFIT}, which lies in us-west-1c (usw1-az2); name one that lies in usw1-az1 or usw1-az3"
        in str(refused.value)
    )
    assert "aws:ecs/service:Service" not in [each.typ for each in recorder.resources]


def test_subnets_whose_zone_nobody_tells_are_taken(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mocks of a program's own answer nothing, and AWS need not let the caller look."""
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)

    deployment = deploy(
        recorder=Subnets(ZONES_OF_SUBNETS), vpc_id="vpc-0123456789abcdef0", subnet_ids=[FIT, UNTOLD, LOST]
    )

    assert deployment.outputs["subnet_ids"] == [FIT, UNTOLD, LOST]
    [warning] = warnings
    assert warning.startswith(f"Whether Fargate is in the zone of {LOST} was not checked: ")
    assert "not authorized to perform: ec2:DescribeSubnets" in warning


def test_more_subnets_than_ecs_takes_are_refused_when_they_are_known(deploy: Deploy) -> None:
    many = pulumi.Output.from_input([f"subnet-0123456789abcde{number:02x}" for number in range(17)])

    with pytest.raises(pulumi.RunError, match="subnet_ids: has 17 subnets; a service of ECS has 16 at most"):
        deploy(vpc_id="vpc-0123456789abcdef0", subnet_ids=many)


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
