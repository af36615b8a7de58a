"""The questions that the program asks AWS before it creates anything: one call each, refused by key, or a warning."""

import json
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, cast

import boto3
import botocore.exceptions
import pulumi
import pytest
from airflow_fargate import AirflowFargateArgs
from botocore.stub import Stubber
from pulumi.runtime.config import set_all_config

from preflight import preflight

VPC = "vpc-0123456789abcdef0"
FIRST = "subnet-0aaaaaaaaaaaaaaaa"
SECOND = "subnet-0bbbbbbbbbbbbbbbb"
EXISTING = AirflowFargateArgs(vpc_id=VPC, subnet_ids=[FIRST, SECOND])

ENABLED = {"RegionName": "eu-west-1", "OptInStatus": "opt-in-not-required"}
TO_INTERNET = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-0123456789abcdef0", "State": "active"}
MAIN_TABLE = {"RouteTableId": "rtb-main", "Associations": [{"Main": True}], "Routes": []}


def subnet(subnet_id: str, **details: Any) -> dict[str, Any]:
    return {
        "SubnetId": subnet_id,
        "VpcId": VPC,
        "AvailabilityZone": "eu-west-1a",
        "AvailabilityZoneId": "euw1-az1",
        "AvailableIpAddressCount": 250,
        **details,
    }


def table(*subnet_ids: str, **route: str) -> dict[str, Any]:
    associations = [{"SubnetId": subnet_id, "Main": False} for subnet_id in subnet_ids]
    return {"RouteTableId": "rtb-own", "Associations": associations, "Routes": [{**TO_INTERNET, **route}]}


def routed(subnet_id: str, *routes: dict[str, str]) -> dict[str, Any]:
    return {**table(subnet_id), "Routes": [{"State": "active", **route} for route in routes]}


ANYWHERE = {"DestinationCidrBlock": "0.0.0.0/0"}
HALVES = ("0.0.0.0/1", "128.0.0.0/1")
GATEWAY = {"GatewayId": "igw-0123456789abcdef0"}


ASKED: Mapping[str, dict[str, Any]] = {
    "describe_subnets": {"Filters": [{"Name": "subnet-id", "Values": [FIRST, SECOND]}]},
    "describe_route_tables": {"Filters": [{"Name": "vpc-id", "Values": [VPC]}]},
}
"""The questions about `EXISTING`: all of it, and nothing of others."""


class Ec2:
    """boto3's own client, which checks what it is asked against AWS's model; the answers are prepared."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.stubber = Stubber(client)
        self.asked: list[Mapping[str, Any]] = []

    def answers(
        self,
        regions: list[dict[str, str]] | None = None,
        subnets: list[dict[str, Any]] | None = None,
        tables: list[dict[str, Any]] | None = None,
    ) -> None:
        region = pulumi.Config("aws").require("region")
        self.stubber.add_response(
            "describe_regions",
            {"Regions": [ENABLED] if regions is None else regions},
            {"AllRegions": True, "Filters": [{"Name": "region-name", "Values": [region]}]},
        )
        if subnets is not None:
            self.stubber.add_response("describe_subnets", {"Subnets": subnets}, ASKED["describe_subnets"])
        if tables is not None:
            self.stubber.add_response("describe_route_tables", {"RouteTables": tables}, ASKED["describe_route_tables"])

    def answers_in_pages(self, subnets: list[dict[str, Any]], tables: list[dict[str, Any]]) -> None:
        """Give each subnet and each table on a page of its own."""
        self.answers()
        for action, kind, found in (
            ("describe_subnets", "Subnets", subnets),
            ("describe_route_tables", "RouteTables", tables),
        ):
            for number, each in enumerate(found, 1):
                more = {"NextToken": f"page-{number}"} if number < len(found) else {}
                follows = {"NextToken": f"page-{number - 1}"} if number > 1 else {}
                self.stubber.add_response(action, {kind: [each], **more}, {**ASKED[action], **follows})


@pytest.fixture(scope="module")
def client() -> Any:
    """Read AWS's model once."""
    return cast(Any, boto3.Session("test", "test")).client("ec2", region_name="eu-west-1")


@pytest.fixture
def ec2(client: Any, monkeypatch: pytest.MonkeyPatch) -> Generator[Ec2]:
    """Every prepared answer must have been asked for."""
    pulumi.runtime.set_config("aws:region", "eu-west-1")
    ec2 = Ec2(client)

    def client_of(_session: boto3.Session, service: str, **options: Any) -> Any:
        ec2.asked.append({"service": service, **options})
        return ec2.client

    monkeypatch.setattr(boto3.Session, "client", client_of)
    with ec2.stubber:
        yield ec2
        ec2.stubber.assert_no_pending_responses()


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    return warnings


def test_without_existing_subnets_only_the_region_is_asked_for_where_every_account_is(
    ec2: Ec2, warnings: list[str]
) -> None:
    ec2.answers()

    preflight(AirflowFargateArgs())

    assert [call["region_name"] for call in ec2.asked] == ["us-east-1"]
    assert warnings == []


@pytest.mark.parametrize(
    ("region", "asked"),
    [
        ("eu-west-1", "us-east-1"),
        ("cn-northwest-1", "cn-north-1"),
        ("us-gov-east-1", "us-gov-west-1"),
        ("us-iso-west-1", "us-iso-west-1"),
        ("eu-nowhere-1", "us-east-1"),
    ],
)
def test_whether_there_is_a_region_is_asked_in_one_of_its_partition_that_every_account_has(
    ec2: Ec2, region: str, asked: str
) -> None:
    pulumi.runtime.set_config("aws:region", region)
    ec2.answers([{"RegionName": region, "OptInStatus": "opted-in"}])

    preflight(AirflowFargateArgs())

    assert [call["region_name"] for call in ec2.asked] == [asked]


def test_ec2_is_asked_where_the_provider_reaches_it(ec2: Ec2) -> None:
    pulumi.runtime.set_config("aws:endpoints", json.dumps([{"ec2": "http://127.0.0.1:4566"}]))
    ec2.answers()

    preflight(AirflowFargateArgs())

    [asked] = ec2.asked
    assert asked["service"] == "ec2"
    assert asked["endpoint_url"] == "http://127.0.0.1:4566"
    assert asked["config"].retries == {"total_max_attempts": 2}, "an AWS that does not answer holds nobody up"


def test_public_subnets_of_the_vpc_pass_with_one_call_each(ec2: Ec2, warnings: list[str]) -> None:
    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND)], tables=[MAIN_TABLE, table(FIRST, SECOND)])

    preflight(EXISTING)

    assert warnings == []


def test_a_subnet_without_a_route_table_of_its_own_has_the_main_one(ec2: Ec2, warnings: list[str]) -> None:
    main = {**MAIN_TABLE, "Routes": [TO_INTERNET]}
    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND)], tables=[table(FIRST), main])

    preflight(EXISTING)

    assert warnings == []


@pytest.mark.parametrize("elsewhere", ["AwsEcsExecutor", "CeleryExecutor"])
@pytest.mark.parametrize(
    ("support", "hostnames", "options"),
    [
        (True, True, []),
        (False, True, ["--enable-dns-support"]),
        (True, False, ["--enable-dns-hostnames"]),
        (False, False, ["--enable-dns-support", "--enable-dns-hostnames"]),
    ],
)
def test_where_tasks_are_to_find_airflow_by_name_the_vpc_answers_for_names(
    ec2: Ec2, support: bool, hostnames: bool, options: list[str], elsewhere: str
) -> None:
    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND)], tables=[MAIN_TABLE, table(FIRST, SECOND)])
    for attribute, key, value in (
        ("enableDnsSupport", "EnableDnsSupport", support),
        ("enableDnsHostnames", "EnableDnsHostnames", hostnames),
    ):
        answer = {"VpcId": VPC, key: {"Value": value}}
        ec2.stubber.add_response("describe_vpc_attribute", answer, {"VpcId": VPC, "Attribute": attribute})

    said = ""
    try:
        preflight({**EXISTING, "executors": ["LocalExecutor", elsewhere]})
    except pulumi.RunError as refused:
        said = str(refused)

    lines = said.splitlines()[1:]
    assert [line.split()[-1] for line in lines] == options
    assert [line for line in lines if not line.startswith(f"  vpcId: is {VPC}, where tasks in other containers")] == []


class Refused(NamedTuple):
    """AWS's answers, and what is said of them."""

    subnets: list[dict[str, Any]]
    tables: list[dict[str, Any]]
    says: tuple[str, ...]


NO_ROUTE = f"subnetIds: has {FIRST}, whose route table rtb-own has no working route for 0.0.0.0/0"
BOTH = table(FIRST, SECOND)

REFUSED = {
    "subnet that does not exist": Refused(
        [subnet(SECOND)], [BOTH], (f"subnetIds: has {FIRST}, which is not in eu-west-1",)
    ),
    "subnet of another VPC": Refused(
        [subnet(FIRST, VpcId="vpc-0fff"), subnet(SECOND)],
        [BOTH],
        (f"subnetIds: has {FIRST}, which belongs to vpc-0fff, but vpcId is {VPC}",),
    ),
    "Local Zone": Refused(
        [subnet(FIRST, AvailabilityZone="us-west-2-lax-1a", AvailabilityZoneId="usw2-lax1-az1"), subnet(SECOND)],
        [BOTH],
        (f"subnetIds: has {FIRST}, which lies in us-west-2-lax-1a (usw2-lax1-az1); name one that lies",),
    ),
    "no free address": Refused(
        [subnet(FIRST, AvailableIpAddressCount=0), subnet(SECOND, AvailableIpAddressCount=0)],
        [BOTH],
        (f"subnetIds: has no subnet with a free address, which the task needs ({FIRST}, {SECOND})",),
    ),
    "NAT gateway": Refused(
        [subnet(FIRST), subnet(SECOND)],
        [table(FIRST, GatewayId="nat-0123456789abcdef0"), table(SECOND)],
        (NO_ROUTE,),
    ),
    "gateway that is gone": Refused(
        [subnet(FIRST), subnet(SECOND)], [table(FIRST, State="blackhole"), table(SECOND)], (NO_ROUTE,)
    ),
    "transit gateway": Refused(
        [subnet(FIRST), subnet(SECOND)],
        [routed(FIRST, {**ANYWHERE, "TransitGatewayId": "tgw-0aaa"}), BOTH],
        (NO_ROUTE,),
    ),
    "a device for some addresses and AWS's own endpoint for S3": Refused(
        [subnet(FIRST), subnet(SECOND)],
        [
            routed(
                FIRST,
                {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"},
                {"DestinationCidrBlock": "10.8.0.0/16", "NetworkInterfaceId": "eni-0aaa"},
                {"DestinationPrefixListId": "pl-63a5400a", "GatewayId": "vpce-0aaa"},
            ),
            BOTH,
        ],
        (NO_ROUTE,),
    ),
    "zone without Fargate": Refused(
        [subnet(FIRST, AvailabilityZone="us-west-1a", AvailabilityZoneId="usw1-az2"), subnet(SECOND)],
        [BOTH],
        (f"subnetIds: has {FIRST}, which lies in us-west-1a (usw1-az2); name one that lies in usw1-az1 or usw1-az3",),
    ),
    "main table without a route": Refused(
        [subnet(FIRST), subnet(SECOND)],
        [MAIN_TABLE, table(SECOND)],
        (f"subnetIds: has {FIRST}, whose route table rtb-main has no working route",),
    ),
    "no route behind a subnet that has one": Refused(
        [subnet(SECOND), subnet(FIRST)], [table(SECOND), MAIN_TABLE], (f"has {FIRST}, whose route table rtb-main",)
    ),
    "no route behind a subnet whose table is not seen": Refused(
        [subnet(SECOND), subnet(FIRST)], [routed(FIRST)], (NO_ROUTE,)
    ),
    "two reasons": Refused(
        [subnet(FIRST, VpcId="vpc-0fff"), subnet(SECOND)],
        [MAIN_TABLE],
        (f"has {FIRST}, which belongs to vpc-0fff", f"has {SECOND}, whose route table rtb-main has no working route"),
    ),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_subnets_that_the_task_could_not_work_in_are_refused(ec2: Ec2, refused: Refused) -> None:
    ec2.answers(subnets=refused.subnets, tables=refused.tables)

    with pytest.raises(pulumi.RunError) as failed:
        preflight(EXISTING)

    message, *lines = str(failed.value).splitlines()
    assert message == "The stack's configuration was refused, nothing was changed:"
    assert len(lines) == len(refused.says)
    for line, says in zip(lines, refused.says, strict=True):
        assert says in line


@pytest.mark.parametrize("args", [AirflowFargateArgs(database="postgres"), AirflowFargateArgs(keep_postgres=True)])
def test_an_instance_of_rds_asks_for_subnets_in_two_zones(ec2: Ec2, args: AirflowFargateArgs) -> None:
    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND)], tables=[table(FIRST, SECOND)])
    with pytest.raises(pulumi.RunError, match=r"subnetIds: has subnets in eu-west-1a alone, and RDS asks for two"):
        preflight({**EXISTING, **args})

    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND, AvailabilityZone="eu-west-1b")], tables=[table(FIRST, SECOND)])
    preflight({**EXISTING, **args})


def test_one_full_subnet_among_others_is_a_warning(ec2: Ec2, warnings: list[str]) -> None:
    ec2.answers(subnets=[subnet(FIRST, AvailableIpAddressCount=0), subnet(SECOND)], tables=[BOTH])

    preflight(EXISTING)

    assert warnings == [f"subnetIds: {FIRST} has no free address; a task that ECS places there cannot start."]


@pytest.mark.parametrize(
    "routes",
    [
        pytest.param([{"DestinationCidrBlock": half, **GATEWAY} for half in HALVES], id="two halves"),
        pytest.param(
            [{**ANYWHERE, **GATEWAY}, {"DestinationCidrBlock": "10.0.0.0/8", "TransitGatewayId": "tgw-0aaa"}],
            id="other networks elsewhere",
        ),
    ],
)
def test_every_spelling_of_a_route_to_the_gateway_passes_without_a_word(
    ec2: Ec2, warnings: list[str], routes: list[dict[str, str]]
) -> None:
    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND)], tables=[routed(FIRST, *routes), table(SECOND)])

    preflight(EXISTING)

    assert warnings == []


@pytest.mark.parametrize(
    "routes",
    [
        pytest.param([{**ANYWHERE, "GatewayId": "vpce-0123456789abcdef0"}], id="endpoint of a firewall"),
        pytest.param([{**ANYWHERE, "NetworkInterfaceId": "eni-0aaa"}], id="interface"),
        pytest.param([{**ANYWHERE, "NetworkInterfaceId": "eni-0aaa", "InstanceId": "i-0aaa"}], id="instance"),
        pytest.param(
            [
                {"DestinationCidrBlock": HALVES[0], "GatewayId": "vpce-0123456789abcdef0"},
                {"DestinationCidrBlock": HALVES[1], **GATEWAY},
            ],
            id="half to a firewall, half to the gateway",
        ),
        pytest.param(
            [
                {**ANYWHERE, "NatGatewayId": "nat-0123456789abcdef0"},
                {"DestinationCidrBlock": "203.0.113.0/24", **GATEWAY},
            ],
            id="the company's own addresses to the gateway",
        ),
        pytest.param([{"DestinationPrefixListId": "pl-0123456789abcdef0", **GATEWAY}], id="list of prefixes"),
    ],
)
def test_a_way_that_may_lead_to_the_internet_is_a_warning(
    ec2: Ec2, warnings: list[str], routes: list[dict[str, str]]
) -> None:
    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND)], tables=[routed(FIRST, *routes), table(SECOND)])

    preflight(EXISTING)

    [warning] = warnings
    assert warning.startswith(f"subnetIds: whether {FIRST} has a route to an internet gateway was not checked: ")
    assert "route table rtb-own is in parts, or leads through a device" in warning


def test_a_route_table_that_another_account_keeps_to_itself_is_a_warning(ec2: Ec2, warnings: list[str]) -> None:
    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND)], tables=[table(SECOND)])

    preflight(EXISTING)

    [warning] = warnings
    assert warning.startswith(f"subnetIds: whether {FIRST} has a route to an internet gateway was not checked: this ")


def test_every_page_of_an_answer_is_read(ec2: Ec2, warnings: list[str]) -> None:
    ec2.answers_in_pages([subnet(FIRST), subnet(SECOND)], [MAIN_TABLE, table(FIRST), table(SECOND)])

    preflight(EXISTING)

    assert warnings == []


@pytest.mark.parametrize(
    ("region", "regions", "says"),
    [
        ("eu-nowhere-1", [], "aws:region: is eu-nowhere-1, which AWS does not have"),
        ("frankfurt", [ENABLED], "aws:region: is frankfurt, which AWS does not have"),
        (
            "ap-east-1",
            [{"RegionName": "ap-east-1", "OptInStatus": "not-opted-in"}],
            "aws:region: is ap-east-1, which is not enabled for this account; choose another, or run: aws ",
        ),
    ],
)
def test_a_region_that_is_not_there_is_refused_before_anything_is_asked_there(
    ec2: Ec2, region: str, regions: list[dict[str, str]], says: str
) -> None:
    pulumi.runtime.set_config("aws:region", region)
    ec2.answers(regions)

    with pytest.raises(pulumi.RunError) as failed:
        preflight(EXISTING)

    assert says in str(failed.value)
    assert [call["region_name"] for call in ec2.asked] == ["us-east-1"]


def test_the_region_of_the_environment_is_asked_for_like_one_of_the_configuration(
    ec2: Ec2, monkeypatch: pytest.MonkeyPatch
) -> None:
    ec2.answers(subnets=[subnet(FIRST), subnet(SECOND)], tables=[BOTH])
    set_all_config({})
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    preflight(EXISTING)

    assert [call["region_name"] for call in ec2.asked] == ["us-east-1", "eu-west-1"]


def test_of_subnets_of_other_vpcs_no_route_is_asked_for(ec2: Ec2, warnings: list[str]) -> None:
    ec2.answers(subnets=[subnet(FIRST, VpcId="vpc-0fff"), subnet(SECOND, VpcId="vpc-0fff")])

    with pytest.raises(pulumi.RunError, match=f"has {SECOND}, which belongs to vpc-0fff"):
        preflight(EXISTING)

    assert warnings == []


def test_no_region_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

    with pytest.raises(pulumi.RunError) as failed:
        preflight(AirflowFargateArgs())

    assert "aws:region: is not set; run: pulumi config set aws:region us-east-1" in str(failed.value)


def test_what_the_caller_may_not_look_at_is_a_warning_that_says_what_stays_open(ec2: Ec2, warnings: list[str]) -> None:
    ec2.stubber.add_client_error("describe_regions", "UnauthorizedOperation", "You are not authorized.")
    ec2.stubber.add_response("describe_subnets", {"Subnets": [subnet(FIRST), subnet(SECOND)]})
    ec2.stubber.add_client_error("describe_route_tables", "UnauthorizedOperation", "You are not authorized.")

    preflight(EXISTING)

    region, routes = warnings
    assert region.startswith("Whether there is a region eu-west-1, and whether it is enabled, was not checked: ")
    assert "(UnauthorizedOperation) when calling the DescribeRegions operation" in region
    assert routes.startswith("Whether subnetIds have a route to an internet gateway was not checked: ")


def test_an_aws_that_does_not_answer_is_a_warning(
    ec2: Ec2, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(**_: Any) -> None:
        raise botocore.exceptions.EndpointConnectionError(endpoint_url="https://ec2.us-east-1.amazonaws.com")

    monkeypatch.setattr(ec2.client, "describe_regions", silent)

    preflight(AirflowFargateArgs())

    [warning] = warnings
    assert warning.endswith(
        'was not checked: Could not connect to the endpoint URL: "https://ec2.us-east-1.amazonaws.com"'
    )


def test_subnets_that_may_not_be_looked_at_are_asked_for_no_further(ec2: Ec2, warnings: list[str]) -> None:
    ec2.answers()
    ec2.stubber.add_client_error("describe_subnets", "UnauthorizedOperation", "You are not authorized.")

    preflight(EXISTING)

    assert len(warnings) == 1
    assert warnings[0].startswith("Whether subnetIds are subnets of vpcId with free addresses was not checked: ")


def test_credentials_of_the_provider_alone_are_a_warning(ec2: Ec2, warnings: list[str]) -> None:
    pulumi.runtime.set_config("aws:sharedConfigFiles", json.dumps(["one", "another"]))

    preflight(EXISTING)

    [warning] = warnings
    assert warning.startswith(
        "Region, VPC and subnets were not checked: the provider alone follows aws:sharedConfigFiles"
    )
    assert ec2.asked == []
