"""The repository's own program with an existing network: what does not fit is refused before anything is created."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from local.cloud import Cloud
from local.testing.faults import Faults
from local.testing.program import copy_program
from local.testing.workspace import Workspace


class Network(NamedTuple):
    """A VPC and its subnets, by what is the matter with them."""

    vpc: str
    public: str
    full: str
    private: str
    elsewhere: str
    boston: str
    behind_a_device: str


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Network:
    ec2 = cloud.client("ec2")

    def create_vpc() -> str:
        return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def create_subnet(vpc: str, cidr: str, *, public: bool = False, **place: str) -> str:
        subnet: str = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, **place)["Subnet"]["SubnetId"]
        if public:
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return subnet

    def create_subnet_behind_a_device(vpc: str, cidr: str) -> str:
        subnet = create_subnet(vpc, cidr)
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        through = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=through, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=interface)
        ec2.associate_route_table(RouteTableId=through, SubnetId=subnet)
        return subnet

    vpc = create_vpc()
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    full = create_subnet(vpc, "10.0.1.0/28", public=True)
    while ec2.describe_subnets(SubnetIds=[full])["Subnets"][0]["AvailableIpAddressCount"]:
        ec2.create_network_interface(SubnetId=full)
    return Network(
        vpc=vpc,
        public=create_subnet(vpc, "10.0.0.0/24", public=True),
        full=full,
        private=create_subnet(vpc, "10.0.2.0/24"),
        elsewhere=create_subnet(create_vpc(), "10.0.3.0/24"),
        boston=create_subnet(vpc, "10.0.4.0/24", public=True, AvailabilityZone="us-east-1-bos-1a"),
        behind_a_device=create_subnet_behind_a_device(vpc, "10.0.5.0/24"),
    )


@pytest.fixture
def program(cloud: Cloud, tmp_path: Path) -> Callable[..., Workspace]:
    """Return a stack of the repository's own program."""

    def new(**config: Any) -> Workspace:
        copy_program(tmp_path)
        given = {key if ":" in key else f"airflow-fargate:{key}": value for key, value in config.items()}
        return Workspace.of(cloud, tmp_path, {"airflow-fargate:allowedCidrs": ["127.0.0.0/8"], **given})

    return new


@pytest.mark.parametrize(
    ("subnet", "says"),
    [
        (
            "private",
            "has {subnet}, whose route table {table} has no working route for 0.0.0.0/0",
        ),
        ("elsewhere", "has {subnet}, which belongs to {vpc}, but vpcId is {own_vpc}; name the VPC that"),
        ("full", "has no subnet with a free address, which the task needs ({subnet})"),
        (
            "boston",
            "has {subnet}, which lies in us-east-1-bos-1a (use1-bos1-az1); name one that lies in an availability",
        ),
    ],
    ids=["route missing", "subnet of another VPC", "no free address", "Local Zone"],
)
def test_a_subnet_that_the_task_could_not_work_in_ends_the_preview(
    cloud: Cloud, network: Network, program: Callable[..., Workspace], subnet: str, says: str
) -> None:
    subnet_id: str = getattr(network, subnet)
    ec2 = cloud.client("ec2")
    [vpc] = {each["VpcId"] for each in ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]}
    main = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    [table] = ec2.describe_route_tables(Filters=main)["RouteTables"]

    text = program(vpcId=network.vpc, subnetIds=[subnet_id]).preview(fails=True)

    refusal = says.format(subnet=subnet_id, table=table["RouteTableId"], vpc=vpc, own_vpc=network.vpc)
    assert "The stack's configuration was refused, nothing was changed:" in text
    assert f"subnetIds: {refusal}" in text
    assert "Traceback" not in text


def test_nor_does_up_create_anything(network: Network, program: Callable[..., Workspace]) -> None:
    workspace = program(vpcId=network.vpc, subnetIds=[network.private])

    text = workspace.up(fails=True)

    assert "The stack's configuration was refused, nothing was changed:" in text
    assert {each["type"] for each in workspace.export().get("resources", [])} <= {"pulumi:pulumi:Stack"}


def test_a_region_that_aws_does_not_have_ends_the_preview(program: Callable[..., Workspace]) -> None:
    text = program(**{"aws:region": "eu-nowhere-1"}).preview(fails=True)

    assert "aws:region: is eu-nowhere-1, which AWS does not have; choose one such as us-east-1" in text
    assert "Traceback" not in text


def test_a_caller_who_may_not_look_is_warned_and_goes_on(
    cloud: Cloud, network: Network, program: Callable[..., Workspace]
) -> None:
    workspace = program(vpcId=network.vpc, subnetIds=[network.private])

    faults = Faults(cloud.emulator.endpoint)
    faults.refuse_next(2)
    try:
        text = workspace.preview()
    finally:
        faults.forget()

    for question in ("Whether there is a region", "Whether subnetIds are subnets of vpcId with free addresses"):
        assert f"warning: {question}" in text
    assert "was not checked: An error occurred (UnauthorizedOperation) when calling the DescribeSubnets" in text
    assert "AirflowFargate airflow create" in " ".join(text.split())


def test_a_subnet_behind_a_device_passes_with_a_warning(network: Network, program: Callable[..., Workspace]) -> None:
    text = program(vpcId=network.vpc, subnetIds=[network.behind_a_device]).preview()

    assert f"warning: subnetIds: whether {network.behind_a_device} has a route to an internet gateway was not" in text
    assert "AirflowFargate airflow create" in " ".join(text.split())


def test_a_public_subnet_passes_without_a_word(network: Network, program: Callable[..., Workspace]) -> None:
    text = program(vpcId=network.vpc, subnetIds=[network.public]).preview()

    assert "warning" not in text
    assert "AirflowFargate airflow create" in " ".join(text.split())
