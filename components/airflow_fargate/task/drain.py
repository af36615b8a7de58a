"""Draining: before an update takes the task away, its DAGs are paused, and what runs is waited for.

The program does it, over Airflow's REST API, between the moment when all else is updated and the update of the service.
ECS itself gives a container at most two minutes to end (`stopTimeout`), and a task no way to ask for more.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import pulumi

from ..engine import is_mocked
from ..errors import Refusal, checked_late
from ..firewall import FirewallSettings
from ..identity import Location
from ..session import program_clients
from ..settings import CapabilitySettings
from .progress import show_beside
from .rest import AirflowApi, NoAnswerError
from .running import RunningAirflow, running_airflow

POLL_SECONDS = 5.0

_RETURN_SECONDS = 180.0
"""How long Airflow may take to be back, after ECS has undone an update that failed."""

_MAX_MINUTES = 24 * 60  # as long as Airflow's token is good for (`api_auth.jwt_expiration_time`)

_NO_NEW_TASK = frozenset({"tags", "tagsAll", "__defaults"})
"""The inputs of a service whose change starts no other task."""

Show = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class DrainSettings(CapabilitySettings):
    """How long an update waits for running tasks."""

    drain_minutes: int = 0


class Drain:
    """The hooks of one service that drain its task before an update, and let the DAGs go on afterwards."""

    def __init__(self, name: str, minutes: int) -> None:
        """Make the hooks of a service, none for 0 minutes.

        :param name: What their names begin with.
        """
        self._minutes = minutes
        self._paused: Sequence[str] = ()
        self.hooks = pulumi.ResourceHookBinding()
        if minutes:
            self.hooks = pulumi.ResourceHookBinding(
                before_update=[pulumi.ResourceHook(f"{name}-drains", self._drain)],
                after_update=[pulumi.ResourceHook(f"{name}-goes-on", self._go_on)],
                on_error=[pulumi.ErrorHook(f"{name}-goes-on-as-before", self._go_on_as_before)],
            )

    async def _drain(self, args: pulumi.ResourceHookArgs) -> None:
        inputs = args.new_inputs or {}
        if not starts_another_task(args.old_inputs or {}, inputs):
            return
        loop, urn = asyncio.get_running_loop(), args.urn

        def show(text: str) -> None:
            loop.call_soon_threadsafe(show_beside, text, urn)

        self._paused = await asyncio.to_thread(_drain_service, inputs, self._minutes * 60, show)

    async def _go_on(self, args: pulumi.ResourceHookArgs) -> None:
        await self._let_go_on(args.new_inputs or {})

    async def _go_on_as_before(self, args: pulumi.ErrorHookArgs) -> bool:
        await self._let_go_on(args.new_inputs or {})
        return False

    async def _let_go_on(self, inputs: Mapping[str, Any]) -> None:
        paused, self._paused = self._paused, ()
        if not paused:
            return
        try:
            await asyncio.to_thread(_let_service_go_on, inputs)
        except (NoAnswerError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            pulumi.log.warn(
                f"These DAGs were paused for the update, and may still be: {', '.join(paused)} ({error}). "
                "Unpause them in the web interface if they are; a new database has never had them."
            )


def refuse_drain(settings: DrainSettings, firewall: FirewallSettings) -> Iterator[Refusal]:
    """Refuse a time that is none, and draining an Airflow that nobody may ask."""
    minutes = settings.drain_minutes
    if not 0 <= minutes <= _MAX_MINUTES:
        yield Refusal("drain_minutes", f"is {minutes}; use 0 (no draining) to {_MAX_MINUTES}, a day")
    elif minutes and not firewall.allowed_cidrs:
        yield Refusal(
            "drain_minutes",
            f"is {minutes}, but allowed_cidrs admits nobody, and whoever runs `pulumi up` has to reach Airflow's REST "
            "API to see what runs; name the address there, or leave drain_minutes out",
        )


def drained_with_own_credentials(name: str, location: pulumi.Output[Location]) -> pulumi.Output[Location]:
    """Return where a component is, which may not be another account than the one that the hooks ask AWS in.

    They have the program's own credentials and `aws:` configuration: what an explicit provider has are outputs, which
    hooks cannot wait for.
    """
    if is_mocked():
        return location
    own = location.apply(lambda known: asyncio.to_thread(_own_account, known))
    return checked_late(name, pulumi.Output.all(location, own), lambda both: _refuse_other_account(*both)).apply(
        lambda both: both[0]
    )


def _own_account(location: Location) -> str | None:
    try:
        sts = program_clients(f"arn:{location.partition}:sts:{location.region}:{location.account}:")("sts")
        return sts.get_caller_identity()["Account"]
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        pulumi.log.warn(
            f"Whether updates can be drained was not checked: {error}. With drain_minutes, the program needs "
            "credentials of its own for the account of the explicit provider."
        )
        return None


def _refuse_other_account(location: Location, own: str | None) -> Iterator[Refusal]:
    if own not in (None, location.account):
        yield Refusal(
            "drain_minutes",
            f"is given, but the explicit provider is of the account {location.account}, and the program's own "
            f"credentials, with which AWS is asked for the task to drain, of {own}; give the program credentials of "
            "that account, or a role in it (aws:assumeRoles), or leave drain_minutes out",
        )


def starts_another_task(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the update of a service from these inputs to those takes its task away."""
    return any(old.get(key) != new.get(key) for key in (old.keys() | new.keys()) - _NO_NEW_TASK)


def drain(airflow: AirflowApi, seconds: float, show: Show, every: float = POLL_SECONDS) -> tuple[list[str], list[str]]:
    """Pause all DAGs and wait until no task runs, or so many seconds.

    Returns the DAGs that it has paused, and the tasks that still run. If Airflow stops to answer, the DAGs go on.
    """
    deadline = time.monotonic() + seconds
    paused = sorted({*airflow.marked(), *airflow.active_dags()})
    try:
        airflow.mark(paused)
        for dag_id in paused:
            airflow.set_paused(dag_id, paused=True)
        while (at_work := airflow.at_work()) and (left := deadline - time.monotonic()) > 0:
            show(f"draining: {_count(at_work)} at work ({_some(at_work)}), waiting for {_minutes(left)} at most")
            time.sleep(min(every, left))
    except NoAnswerError:
        let_go_on(airflow)
        raise
    return paused, at_work


def let_go_on(airflow: AirflowApi) -> None:
    """Unpause the DAGs that were paused for an update, if this is the database that they were paused in."""
    for dag_id in airflow.marked():
        airflow.set_paused(dag_id, paused=False)
    airflow.unmark()


def _drain_service(inputs: Mapping[str, Any], seconds: float, show: Show) -> Sequence[str]:
    try:
        found = _find(inputs)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise pulumi.RunError(_not_drained(f"AWS could not be asked where it is: {error}")) from error
    if found is None:
        show("no task runs, so nothing is drained")
        return ()
    if not found.is_healthy:
        pulumi.log.warn("The task is not healthy: the update replaces it, and does not wait for tasks of Airflow.")
        return ()
    try:
        paused, at_work = drain(AirflowApi(found), seconds, show)
    except NoAnswerError as error:
        raise pulumi.RunError(_not_drained(f"{found.url} did not answer as it should: {error}")) from error
    if at_work:
        pulumi.log.warn(
            f"After {_minutes(seconds)} (drain_minutes) {_count(at_work)} still at work ({_some(at_work)}). "
            "The update goes on, and ends them."
        )
    else:
        show("drained: no task of Airflow is at work")
    return paused


def _let_service_go_on(inputs: Mapping[str, Any]) -> None:
    deadline = time.monotonic() + _RETURN_SECONDS
    while (found := _find(inputs)) is None or not found.is_healthy:
        if time.monotonic() > deadline:
            raise NoAnswerError("no task is healthy")
        time.sleep(POLL_SECONDS)
    let_go_on(AirflowApi(found))


def _find(inputs: Mapping[str, Any]) -> RunningAirflow | None:
    cluster_arn = str(inputs["cluster"])
    client = program_clients(cluster_arn)
    return running_airflow(
        client("ecs"),
        client("ec2"),
        client("ssm"),
        cluster=cluster_arn,
        service=str(inputs["name"]),
    )


def _not_drained(why: str) -> str:
    return (
        f"Airflow could not be drained, and its task was left as it is: {why}. Whoever runs `pulumi up` has to reach "
        "the web interface (allowed_cidrs). To go on without waiting for running tasks, set drain_minutes to 0."
    )


def _count(tasks: Sequence[str]) -> str:
    return f"{len(tasks)} task{'s' if len(tasks) > 1 else ''} of Airflow"


def _some(tasks: Sequence[str]) -> str:
    names = sorted(set(tasks))
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
