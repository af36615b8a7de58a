"""Airflow in a region of its own, by an explicit provider; `transforms` add a tag to everything that has tags."""

from typing import Any

import pulumi
import pulumi_aws as aws
from airflow_fargate import AirflowFargate

TAGGED = ("LogGroup", "Vpc", "Subnet", "SecurityGroup", "Cluster", "Service", "TaskDefinition", "Role", "Parameter")


def tag(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Add a tag to every resource of these types, whichever part of the component makes it."""
    package, _, name = args.type_.rpartition(":")
    if not package.startswith("aws:") or name not in TAGGED:
        return None
    given: pulumi.Input[Any] = args.props.get("tags")
    tags = pulumi.Output.from_input(given).apply(with_cost_center)
    return pulumi.ResourceTransformResult({**args.props, "tags": tags}, args.opts)


def with_cost_center(tags: dict[str, str] | None) -> dict[str, str]:
    return {**(tags or {}), "cost-center": "4711"}


config = pulumi.Config()
frankfurt = aws.Provider(
    "frankfurt",
    region="eu-central-1",
    # What only the local cloud needs: on AWS, credentials come from the environment.
    **config.get_object("provider", {}),
)
airflow = AirflowFargate(
    "airflow",
    {"allowed_cidrs": config.require_object("allowedCidrs")},
    pulumi.ResourceOptions(providers=[frankfurt], transforms=[tag]),
)
pulumi.export("url", airflow.url)
pulumi.export("cluster_arn", airflow.cluster_arn)
