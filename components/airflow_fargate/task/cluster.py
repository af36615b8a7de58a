"""The cluster that the service runs in, and the kinds of capacity that it has."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from ..linked_role import ECS
from ..scope import Scope


@dataclass(frozen=True)
class Cluster:
    """The cluster, and the capacity that must be associated with it while a service runs."""

    cluster: aws.ecs.Cluster
    capacity_providers: aws.ecs.ClusterCapacityProviders


def create_cluster(scope: Scope) -> Cluster:
    """Create a separate cluster for the one service, with both kinds of capacity that Fargate has.

    The service names one of them rather than a launch type, since ECS turns a service from the one to the other, but
    not from a launch type to Spot. Both are there whatever `spot` says: they change before the service does, and ECS
    refuses to take one away that a service still uses, so that Spot could be switched on and never off again.
    """
    cluster = aws.ecs.Cluster(f"{scope.name}-cluster", tags=scope.tags, opts=scope.opts)
    capacity_providers = aws.ecs.ClusterCapacityProviders(
        f"{scope.name}-capacity-providers",
        cluster_name=cluster.name,
        capacity_providers=["FARGATE", "FARGATE_SPOT"],
        opts=scope.options(
            pulumi.ResourceOptions(
                hooks=pulumi.ResourceHookBinding(on_error=[ECS.awaited(scope, "capacity-providers-awaits-role")])
            )
        ),
    )
    return Cluster(cluster=cluster, capacity_providers=capacity_providers)
