"""Two Airflows side by side in one VPC. Here the VPC is made first; `vpc_id` and `subnet_ids` take any that exists."""

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx
from airflow_fargate import AirflowFargate

allowed_cidrs = pulumi.Config().require_object("allowedCidrs")
# Without the filter a Local Zone that the account has opted in to may be among the first.
zones = aws.get_availability_zones(filters=[{"name": "zone-type", "values": ["availability-zone"]}])
vpc = awsx.ec2.Vpc(
    "shared",
    availability_zone_names=zones.names[:2],
    enable_dns_hostnames=True,
    nat_gateways={"strategy": awsx.ec2.NatGatewayStrategy.NONE},
    subnet_specs=[{"type": awsx.ec2.SubnetType.PUBLIC}],
    subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
)
for team in ("finance", "research"):
    airflow = AirflowFargate(
        team,
        {
            "vpc_id": vpc.vpc_id,
            "subnet_ids": vpc.public_subnet_ids,
            "allowed_cidrs": allowed_cidrs,
            "tags": {"team": team},
        },
    )
    pulumi.export(f"{team}_url", airflow.url)
    pulumi.export(f"{team}_password", airflow.admin_password)
