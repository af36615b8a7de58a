"""The cluster that the service runs in, and the kinds of capacity that it has."""

import asyncio
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from ..scope import Scope

# AWS: what PutClusterCapacityProviders says in an account where ECS has never run.
_NO_ROLE = "service linked role"
_TRIES = 30
_SECONDS_BETWEEN_TRIES = 3


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
                hooks=pulumi.ResourceHookBinding(
                    on_error=[pulumi.ErrorHook(f"{scope.name}-capacity-providers-failed", await_linked_role)]
                )
            )
        ),
    )
    return Cluster(cluster=cluster, capacity_providers=capacity_providers)


async def await_linked_role(failure: pulumi.ErrorHookArgs) -> bool:
    """Have a call tried again while ECS has no role in the account yet.

    ECS makes it with the first cluster of an account, and IAM takes a while to show it; the provider waits for it when
    it creates a cluster or a service, and not when it associates capacity. A deployer who may not create the role is
    told so after a minute and a half.
    """
    if _NO_ROLE not in failure.errors[0]:
        return False
    if len(failure.errors) < _TRIES:
        await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        return True
    pulumi.log.error(
        "ECS has no role in this account (AWSServiceRoleForECS), and creates it with the first cluster only if the "
        "caller may: iam:CreateServiceLinkedRole for ecs.amazonaws.com. Somebody who may creates it once, with: "
        "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com; then run `pulumi up` again."
    )
    return False
