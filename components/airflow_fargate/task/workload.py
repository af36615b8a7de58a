"""A workload: what one task definition and its service run, of which size, and how it is kept running."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..cost import INCLUDED_STORAGE_GIB, a_month_of_compute
from ..errors import Refusal
from ..executor.container.sizes import no_such_cpu, no_such_memory
from ..part import Part
from ..settings import CapabilitySettings
from .health import HealthCheck

ARCHITECTURES = ("X86_64", "ARM64")

MAX_STOP_TIMEOUT = 120
"""Seconds from SIGTERM to SIGKILL, the most that Fargate has."""


@dataclass(frozen=True, kw_only=True)
class TaskSettings(CapabilitySettings):
    """The task that Airflow runs in."""

    command: tuple[str, ...] | None = None
    image_entrypoint: tuple[str, ...] = ()
    cpu: int = 512
    memory: int = 2048
    cpu_architecture: str = "X86_64"
    ephemeral_storage_gib: int = INCLUDED_STORAGE_GIB
    spot: bool = False

    @property
    def own_command(self) -> bool:
        """Whether a command of the caller's replaces ours."""
        return self.command is not None

    @property
    def capacity_provider(self) -> str:
        """The capacity of Fargate that it runs on."""
        return "FARGATE_SPOT" if self.spot else "FARGATE"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One kind of task, and the service that keeps so many of it running, if one does."""

    suffix: str = ""
    """The part of its resources' names that follows the component's name."""
    entrypoint: tuple[str, ...]
    """What runs the command; nothing leaves that to the image."""
    command: tuple[str, ...]
    size: TaskSettings
    health_check: HealthCheck | None
    """None for one that ends when its work is done, and is not started again."""
    stop_timeout: int
    """Seconds from SIGTERM to SIGKILL."""
    port: int | None
    """The port that it listens on, if it does."""
    count: int = 1
    is_scaled: bool = False
    """Whether that is only what there is in the beginning."""
    tasks_may_overlap: bool = False
    """Whether an update may start the next task while the one before still runs."""
    drain_minutes: int = 0
    """How long an update waits until no task of Airflow runs any more."""
    enable_exec: bool = False


def compute_part(size: TaskSettings) -> Part:
    """Return what a task of this size costs."""
    return Part(
        monthly_cost=a_month_of_compute(
            size.cpu,
            size.memory,
            spot=size.spot,
            cpu_architecture=size.cpu_architecture,
            ephemeral_storage_gib=size.ephemeral_storage_gib,
        )
    )


def refuse_task(settings: TaskSettings, *, least_memory: int) -> Iterator[Refusal]:
    """Refuse what Fargate does not offer, and less than `least_memory` MiB, which Airflow needs."""
    if settings.command is not None and not settings.command:
        yield Refusal("command", "is an empty list; leave it out to have Airflow started")
    if not settings.own_command and settings.image_entrypoint:
        yield Refusal("image_entrypoint", "is given without command; our own runs behind whatever the image has")
    yield from refuse_size(settings.cpu, settings.memory, least=least_memory)
    if settings.cpu_architecture not in ARCHITECTURES:
        yield Refusal("cpu_architecture", f"is {settings.cpu_architecture!r}; use X86_64 or ARM64")
    if not 20 <= settings.ephemeral_storage_gib <= 200:
        yield Refusal("ephemeral_storage_gib", f"is {settings.ephemeral_storage_gib}; use 20 to 200 GiB")


def refuse_size(
    cpu: int, memory: int, *, least: int = 0, arguments: tuple[str, str] = ("cpu", "memory")
) -> Iterator[Refusal]:
    """Refuse a size that Fargate does not have, or that is less than `least` MiB; `arguments` are what names it."""
    of_cpu, of_memory = arguments
    if why := no_such_cpu(cpu):
        yield Refusal(of_cpu, why)
        return
    if why := no_such_memory(cpu, memory):
        yield Refusal(of_memory, why)
    elif memory < least:
        yield Refusal(of_memory, f"is {memory} MiB, which is not enough for Airflow; use at least {least} MiB")
