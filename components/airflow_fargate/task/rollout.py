"""How far the service's deployment is, asked of ECS itself: before the service is registered, and after the wait.

With boto3 and the configuration of the default `aws` provider, since no function of the provider tells the state of a
deployment. When that may not ask, the provider's word has to do.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict, TypeVar

import botocore.exceptions
import pulumi
from botocore.config import Config

from ..engine import is_mocked
from ..session import program_clients
from .running import network_interfaces_of, newest_task, services_of

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

T = TypeVar("T")

WAIT_MINUTES = 40
"""How long a deployment may take: as long as the provider waits for it."""

POLL_SECONDS = 5.0

_NEVER = datetime.min.replace(tzinfo=UTC)
_CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


class ServiceChanges(TypedDict, total=False):
    """What an update of a service may change, in the words of ECS."""

    taskDefinition: str
    desiredCount: int


@dataclass(frozen=True)
class Rollout:
    """The deployment that a service is at, in the words of ECS."""

    state: str
    """`IN_PROGRESS`, `COMPLETED` (its tasks are healthy) or `FAILED`; `MISSING` without a service."""
    reason: str
    task_definition_arn: str
    said_at: datetime = _NEVER
    """When ECS last said something of the service, which it does whenever it starts or stops a task, or gives up."""
    desired_count: int | None = None
    """How many tasks there shall be, whoever has said so last."""


async def current_rollout(cluster_arn: str) -> Rollout | None:
    """Return the primary deployment of the cluster's one service; None if ECS cannot be asked."""
    return await _answer(ask, cluster_arn)


async def finished_rollout(cluster_arn: str) -> Rollout | None:
    """Wait until the deployment is over, for as long as one may take, and return it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_MINUTES * 60
    while True:
        rollout = await current_rollout(cluster_arn)
        if rollout is None or rollout.state != "IN_PROGRESS" or loop.time() > deadline:
            return rollout
        await asyncio.sleep(POLL_SECONDS)


async def interface_of_task(cluster_arn: str, service: str) -> str | None:
    """Return the network interface of the task that a service runs; None without one, or if ECS cannot be asked.

    The task before it may still be stopping, with an interface of its own: to ECS the deployment is over by then.
    """

    def interface(cluster_arn: str) -> str | None:
        task = newest_task(_ecs(cluster_arn), cluster=cluster_arn, service=service)
        return next(iter(network_interfaces_of(task)), None) if task else None

    return await _answer(interface, cluster_arn)


def another_deployment(
    cluster_arn: pulumi.Output[str], task_definition_arn: pulumi.Output[str]
) -> pulumi.Output[dict[str, str] | None]:
    """Return triggers for the service that make it deploy once more what ECS has given up, or has rolled back.

    ECS starts nothing for a deployment that its circuit breaker has stopped, and the provider sends no update when
    nothing has changed. What the triggers once were stays with the service: with nothing given up there is no
    difference to them. A cluster or a task definition that is yet to be made is another deployment by itself.
    """

    async def triggers() -> dict[str, str] | None:
        cluster, wanted = await cluster_arn.future(), await task_definition_arn.future()
        rollout = await current_rollout(cluster) if cluster and wanted else None
        if rollout and wanted and await _was_given_up(rollout, wanted):
            return {"failed_at": rollout.said_at.isoformat()}
        return None

    return pulumi.Output.from_input(triggers())


async def _was_given_up(rollout: Rollout, wanted: str) -> bool:
    if rollout.state == "FAILED":
        return True
    if rollout.task_definition_arn in ("", wanted):
        return False
    # One that was registered after all that the service has done was never tried: the provider is about to send it.
    registered = await _answer(registered_at, wanted)
    return registered is not None and registered < rollout.said_at


def deploy_what_the_state_has(update: pulumi.ResourceHookArgs, *, is_scaled: bool) -> None:
    """Ask ECS for the task definition and the number of tasks that the provider takes for those of the service.

    The provider sends either only when it differs from the state. After a rollback the state has what was asked for,
    and every update would deploy what ECS has rolled back to; of a service that was scaled, it has the count that there
    was in the beginning.

    :param is_scaled: Whether the number of tasks is not the program's to say.
    """
    inputs, state = update.new_inputs or {}, update.old_outputs or {}
    cluster_arn = str(inputs.get("cluster"))
    wanted, count = inputs.get("taskDefinition"), None if is_scaled else inputs.get("desiredCount")
    try:
        rollout = ask(cluster_arn)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        return
    changes: ServiceChanges = {}
    if wanted and state.get("taskDefinition") == wanted and rollout.task_definition_arn not in ("", wanted):
        changes["taskDefinition"] = wanted
    if count is not None and state.get("desiredCount") == count and rollout.desired_count not in (None, count):
        changes["desiredCount"] = int(count)
    if changes:
        _ecs(cluster_arn).update_service(cluster=cluster_arn, service=update.id, **changes)


async def _answer(ask: Callable[[str], T], arn: str) -> T | None:
    if is_mocked():
        return None
    try:
        return await asyncio.to_thread(ask, arn)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        pulumi.log.debug(f"how far the deployment is could not be asked: {error}")
        return None


def ask(cluster_arn: str) -> Rollout:
    """Ask ECS for the primary deployment of the cluster's one service."""
    for service in services_of(_ecs(cluster_arn), cluster_arn):
        said_at = [event["createdAt"] for event in service.get("events", []) if "createdAt" in event]
        for deployment in service.get("deployments", []):
            if service.get("status") == "ACTIVE" and deployment.get("status") == "PRIMARY":
                return Rollout(
                    deployment.get("rolloutState", ""),
                    deployment.get("rolloutStateReason", ""),
                    deployment.get("taskDefinition", ""),
                    max(said_at, default=_NEVER),
                    service.get("desiredCount"),
                )
    return Rollout("MISSING", "", "")


def registered_at(task_definition_arn: str) -> datetime | None:
    """Ask ECS when a task definition was registered."""
    described = _ecs(task_definition_arn).describe_task_definition(taskDefinition=task_definition_arn)
    # Emulators of ECS may not have it.
    return described["taskDefinition"].get("registeredAt")


def _ecs(arn: str) -> "ECSClient":
    """Return a client for the region of `arn`."""
    return program_clients(arn, config=_CLIENT_CONFIG)("ecs")
