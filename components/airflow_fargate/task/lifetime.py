"""The security group that is there as long as a task is: what the task needs goes after it."""

import pulumi
import pulumi_aws as aws

from ..firewall import Firewall
from ..identity import Roles
from ..network import Network
from ..part import Part
from ..scope import Scope
from .cluster import Cluster


def create_lifetime_group(
    scope: Scope, network: Network, cluster: Cluster, part: Part, firewall: Firewall, roles: Roles
) -> aws.ec2.SecurityGroup:
    """Create a security group without rules, whose deletion waits for the end of every task that is in it.

    Until then, everything that a task needs stays. ECS calls a service deleted when its last task has begun to stop,
    and what that saves and logs in the two minutes that it has takes rules, policies and routes. EC2 deletes no group
    of an interface that there is, and the provider tries again; a task's interface goes when its containers have ended.
    """
    return aws.ec2.SecurityGroup(
        f"{scope.name}-lifetime-security-group",
        vpc_id=network.vpc_id,
        description="Airflow: no rules; what a task needs stays as long as one is in this group",
        tags=scope.tags,
        opts=scope.options(
            pulumi.ResourceOptions(
                depends_on=[*part.waits_for, *firewall.rules, *roles.policies, cluster.capacity_providers],
                # A task that Airflow has started ends itself when it has not reached the API server for some minutes.
                custom_timeouts=pulumi.CustomTimeouts(delete="20m"),
            )
        ),
    )
