"""The broker of CeleryExecutor: a Valkey of ElastiCache, through which the scheduler hands tasks to workers."""

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from ..cost import a_month_of
from ..linked_role import ELASTICACHE
from ..network import Network
from ..part import Part, Reach
from ..scope import Scope
from ..tcp import SYSTEM_CONTROLS

BROKER_VARIABLE = "AIRFLOW__CELERY__BROKER_URL"

_NODE_TYPE = "cache.t4g.micro"
_PORT = 6379


def create_broker(scope: Scope, network: Network) -> Part:
    """Create a node of Valkey that only the scheduler and the workers reach, by TLS and with a token.

    Its name begins with `rediss`, for which Celery verifies the certificate, which is one of Amazon's public ones. What
    is queued is lost with the node: Airflow queues it again.
    """
    security_group = aws.ec2.SecurityGroup(
        f"{scope.name}-broker-security-group",
        vpc_id=network.vpc_id,
        description="Airflow: its broker, for scheduler and workers alone",
        tags=scope.tags,
        opts=scope.opts,
    )
    subnet_group = aws.elasticache.SubnetGroup(
        f"{scope.name}-broker-subnet-group",
        description="Airflow: where its broker is",
        subnet_ids=network.subnet_ids,
        tags=scope.tags,
        # ElastiCache takes away no subnet that a node is in, and moves no group to another VPC: another broker does.
        opts=scope.options(
            pulumi.ResourceOptions(
                replace_on_changes=["subnetIds"],
                hooks=pulumi.ResourceHookBinding(
                    on_error=[ELASTICACHE.awaited(scope, "broker-subnet-group-awaits-role")]
                ),
            )
        ),
    )
    # Letters and digits alone, so that it stands in a URL as it is.
    token = random.RandomPassword(f"{scope.name}-broker-token", length=64, special=False, opts=scope.opts)
    broker = aws.elasticache.ReplicationGroup(
        f"{scope.name}-broker",
        description="Airflow: the queue between scheduler and workers",
        engine="valkey",
        engine_version="8.0",
        node_type=_NODE_TYPE,
        num_cache_clusters=1,
        port=_PORT,
        subnet_group_name=subnet_group.name,
        security_group_ids=[security_group.id],
        transit_encryption_enabled=True,
        at_rest_encryption_enabled=True,
        auth_token=token.result,
        auto_minor_version_upgrade=True,
        apply_immediately=True,
        tags=scope.tags,
        # AWS upgrades it by itself, and a version before that would mean another broker.
        opts=scope.options(
            pulumi.ResourceOptions(
                ignore_changes=["engineVersion"],
                hooks=pulumi.ResourceHookBinding(on_error=[ELASTICACHE.awaited(scope, "broker-awaits-role")]),
            )
        ),
    )
    url = pulumi.Output.concat(
        "rediss://:", token.result, "@", broker.primary_endpoint_address, f":{_PORT}/0?ssl_cert_reqs=required"
    )
    return Part(
        secrets={BROKER_VARIABLE: url},
        waits_for=(broker,),
        reach=(Reach("broker", "tcp", _PORT, security_group.id),),
        system_controls=SYSTEM_CONTROLS,
        monthly_cost=a_month_of(_NODE_TYPE),
    )
