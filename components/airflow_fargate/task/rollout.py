"""How far the service's deployment is, asked of ECS itself: before the service is registered, and after the wait.

With boto3 and the configuration of the default `aws` provider, since no function of the provider tells the state of a
deployment. When that may not ask, the provider's word has to do.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import botocore.exceptions
import pulumi
from botocore.config import Config

from ..engine import is_mocked
from ..session import aws_endpoint, aws_session

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

WAIT_MINUTES = 40
"""How long a deployment may take: as long as the provider waits for it."""

_POLL_SECONDS = 5.0
_CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True)
class Rollout:
    """The deployment that a service is at, in the words of ECS."""

    deployment_id: str
    state: str
    """`IN_PROGRESS`, `COMPLETED` (its tasks are healthy) or `FAILED`; `MISSING` without a service."""
    reason: str
    task_definition_arn: str


async def current_rollout(cluster_arn: str) -> Rollout | None:
    """Return the primary deployment of the cluster's one service; None if ECS cannot be asked."""
    if is_mocked():
        return None
    try:
        return await asyncio.to_thread(ask, cluster_arn)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        pulumi.log.debug(f"how far the deployment is could not be asked: {error}")
        return None


async def finished_rollout(cluster_arn: str) -> Rollout | None:
    """Wait until the deployment is over, for as long as one may take, and return it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_MINUTES * 60
    while True:
        rollout = await current_rollout(cluster_arn)
        if rollout is None or rollout.state != "IN_PROGRESS" or loop.time() > deadline:
            return rollout
        await asyncio.sleep(_POLL_SECONDS)


def new_deployment_after_a_failed_one(cluster_arn: pulumi.Output[str]) -> pulumi.Output[dict[str, str] | None]:
    """Return triggers for the service that make it deploy once more if ECS has given its deployment up.

    ECS starts nothing for a deployment that its circuit breaker has stopped, and the provider sends no update when
    nothing has changed. What the triggers once were stays with the service: without a failed deployment there is no
    difference to them.
    """

    async def triggers(arn: str) -> dict[str, str] | None:
        rollout = await current_rollout(arn)
        return {"failed_deployment": rollout.deployment_id} if rollout and rollout.state == "FAILED" else None

    return cluster_arn.apply(triggers)


def ask(cluster_arn: str) -> Rollout:
    """Ask ECS for the primary deployment of the cluster's one service."""
    read = pulumi.Config("aws").get
    ecs: ECSClient = aws_session(read).client(
        "ecs",
        region_name=cluster_arn.split(":")[3],
        endpoint_url=aws_endpoint(read, "ecs"),
        config=_CLIENT_CONFIG,
    )
    arns = ecs.list_services(cluster=cluster_arn)["serviceArns"]
    services = ecs.describe_services(cluster=cluster_arn, services=arns)["services"] if arns else []
    for service in services:
        for deployment in service.get("deployments", []):
            if service.get("status") == "ACTIVE" and deployment.get("status") == "PRIMARY":
                return Rollout(
                    deployment.get("id", ""),
                    deployment.get("rolloutState", ""),
                    deployment.get("rolloutStateReason", ""),
                    deployment.get("taskDefinition", ""),
                )
    return Rollout("", "MISSING", "", "")
