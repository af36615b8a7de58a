"""How tasks of Airflow that run in another container find the API server: by a name of the VPC's own."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from ..cost import a_month_of
from ..part import Part
from ..scope import Scope


@dataclass(frozen=True)
class Discovery:
    """The private name at which the API server is found, whichever task it is in."""

    host: pulumi.Output[str]
    registry_arn: pulumi.Output[str]
    part: Part


def create_discovery(scope: Scope, vpc_id: pulumi.Input[str]) -> Discovery:
    """Create a zone of the VPC's own in which ECS keeps the address of the healthy task."""
    namespace = aws.servicediscovery.PrivateDnsNamespace(
        f"{scope.name}-namespace",
        description="Airflow: where its tasks find it",
        vpc=vpc_id,
        tags=scope.tags,
        opts=scope.opts,
    )
    service = aws.servicediscovery.Service(
        f"{scope.name}-api",
        name="api",
        dns_config={
            "namespace_id": namespace.id,
            "dns_records": [{"ttl": 10, "type": "A"}],
            "routing_policy": "MULTIVALUE",
        },
        # Whether a task is healthy is for ECS to say.
        health_check_custom_config={"failure_threshold": 1},
        # What is registered in the end goes with it; the provider would not wait (terraform-provider-aws#4853).
        force_destroy=True,
        tags=scope.tags,
        opts=scope.opts,
    )
    zone = Part(monthly_cost=a_month_of("private-hosted-zone"))
    return Discovery(pulumi.Output.concat("api.", namespace.name), service.arn, zone)
