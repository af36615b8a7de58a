"""How far a service is, for `pulumi up` to show while it waits: the task, its health and what ECS said last.

The AWS provider waits for minutes without a word. Hooks around the service's creation and update ask ECS meanwhile,
with the configuration of the default `aws` provider, and are quiet when it cannot be asked.
"""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import botocore.exceptions
import pulumi
from botocore.config import Config

from ..session import program_clients
from .given_up import GivenUp, explain_long_wait
from .running import active_service, tasks_of

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

POLL_SECONDS = 5.0

# Nobody waits for these answers, and a late one is worth nothing.
_IMPATIENT = Config(connect_timeout=5, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


class Progress:
    """The hooks of one service, and what they show: it appears beside the resource, and only while it is waited for."""

    def __init__(self, name: str) -> None:
        """Make the hooks of a service, whose names begin with `name`."""
        self._ended = threading.Event()
        begin = pulumi.ResourceHook(f"{name}-begins", self._begin)
        end = pulumi.ResourceHook(f"{name}-ends", self._end)
        self.hooks = pulumi.ResourceHookBinding(
            before_create=[begin],
            before_update=[begin],
            after_create=[end],
            after_update=[end],
            on_error=[pulumi.ErrorHook(f"{name}-fails", self._fail)],
        )

    def _begin(self, args: pulumi.ResourceHookArgs) -> None:
        self._ended = threading.Event()
        # The SDK keeps what belongs to this program in the context, for logging too. A daemon: nothing waits for it.
        threading.Thread(
            target=contextvars.copy_context().run,
            args=(_follow_service, args.new_inputs or {}, args.urn, self._ended, asyncio.get_running_loop()),
            name=f"progress of {args.name}",
            daemon=True,
        ).start()

    def _end(self, _args: pulumi.ResourceHookArgs) -> None:
        self._ended.set()

    def _fail(self, _args: pulumi.ErrorHookArgs) -> bool:
        self._ended.set()
        return False


class _Beside:
    """All that `pulumi.log` needs of a resource: the URN, which a resource has only when it exists."""

    def __init__(self, urn: str) -> None:
        self.urn = pulumi.Output.from_input(urn)


def _follow_service(
    inputs: Mapping[str, Any], urn: str, ended: threading.Event, loop: asyncio.AbstractEventLoop
) -> None:
    cluster_arn, name = str(inputs.get("cluster")), str(inputs.get("name"))
    # The loop is closed, a RuntimeError, once the program has ended in some other way than by these hooks.
    with contextlib.suppress(botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, RuntimeError):
        ecs: ECSClient = program_clients(cluster_arn, config=_IMPATIENT)("ecs")
        given_up = GivenUp(active_service(ecs, cluster_arn, name))

        def ask() -> str | None:
            service = active_service(ecs, cluster_arn, name)
            if service and (reason := given_up.reason(service, time.monotonic())):
                loop.call_soon_threadsafe(pulumi.log.error, explain_long_wait(inputs, reason))
            if service is None:
                return None
            unstopped, stopped = (
                tasks_of(ecs, cluster_arn, serviceName=name, desiredStatus=status) for status in ("RUNNING", "STOPPED")
            )
            return summary(service, unstopped, stopped, datetime.now(UTC))

        follow(ask, lambda text: loop.call_soon_threadsafe(show_beside, text, urn), ended, POLL_SECONDS)


def show_beside(text: str, urn: str) -> None:
    """Show a line beside the resource, until the next one or the end. In the program's own thread alone."""
    pulumi.log.info(text, resource=cast(pulumi.Resource, _Beside(urn)), ephemeral=True)


def follow(ask: Callable[[], str | None], show: Callable[[str], object], ended: threading.Event, every: float) -> None:
    """Show what there is to say whenever it changes, until it is over or AWS refuses to answer.

    :param every: Seconds between two questions.
    """
    shown = None
    while not ended.wait(every):
        try:
            said = ask()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return
        if said and said != shown:
            shown = said
            show(said)


def summary(
    service: "ServiceTypeDef", unstopped: "Sequence[TaskTypeDef]", stopped: "Sequence[TaskTypeDef]", now: datetime
) -> str:
    """Return in a line how far the primary deployment is.

    :param unstopped: The service's tasks that shall run, of whatever deployment.
    :param stopped: Those that shall not.
    """
    primary = next((each for each in service.get("deployments", []) if each.get("status") == "PRIMARY"), None)
    if primary is None:
        return ""
    said = [_task_words(primary.get("id"), unstopped, stopped, now)]
    if failed := primary.get("failedTasks"):
        said.append(f"{failed} failed")
    if events := service.get("events"):
        name = service.get("serviceName")
        said.append(f"ECS: {events[0].get('message', '').removeprefix(f'(service {name}) ')}")
    return "; ".join(said)


def _task_words(
    deployment: str | None, unstopped: "Sequence[TaskTypeDef]", stopped: "Sequence[TaskTypeDef]", now: datetime
) -> str:
    if (task := _newest(deployment, unstopped)) is not None:
        status = task.get("lastStatus", "")
        if status != "RUNNING":
            return f"task {_id(task)} is {status}"
        minutes = int((now - task.get("startedAt", now)).total_seconds() // 60)
        since = f" for {minutes} min" if minutes else ""
        return f"task {_id(task)} is RUNNING{since}, its health {task.get('healthStatus')}"
    if (task := _newest(deployment, stopped)) is not None:
        return f"task {_id(task)} stopped: {task.get('stoppedReason')}"
    return "no task yet"


def _newest(deployment: str | None, tasks: "Sequence[TaskTypeDef]") -> "TaskTypeDef | None":
    ours = [task for task in tasks if task.get("startedBy") == deployment]
    return max(ours, key=lambda task: task["createdAt"], default=None)  # pyright: ignore[reportTypedDictNotRequiredAccess] - ECS always has it


def _id(task: "TaskTypeDef") -> str:
    return task.get("taskArn", "").rpartition("/")[2]
