"""A workload: what one task definition and its service run, of which size, and how it is kept running."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..cost import INCLUDED_STORAGE_GIB, a_month_of_compute
from ..errors import Refusal
from ..part import Part
from ..settings import CapabilitySettings
from .health import HealthCheck

# AWS: Amazon ECS developer guide, "Task CPU and memory" for Fargate. Memory in MiB for each number of CPU units.
FARGATE_SIZES: Mapping[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


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


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One kind of task, and the service that keeps so many of it running."""

    suffix: str = ""
    """The part of its resources' names that follows the component's name."""
    entrypoint: tuple[str, ...]
    """What runs the command; nothing leaves that to the image."""
    command: tuple[str, ...]
    size: TaskSettings
    health_check: HealthCheck
    port: int | None
    """The port that it listens on, if it does."""
    count: int = 1
    tasks_may_overlap: bool
    """Whether an update may start the next task while the one before still runs."""
    drain_minutes: int = 0
    """How long an update waits until no task of Airflow runs any more."""
    public_ip: bool
    enable_exec: bool


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
    if settings.command is None and settings.image_entrypoint:
        yield Refusal("image_entrypoint", "is given without command; our own runs behind whatever the image has")
    yield from _refuse_size(settings.cpu, settings.memory, least_memory)
    if settings.cpu_architecture not in ("X86_64", "ARM64"):
        yield Refusal("cpu_architecture", f"is {settings.cpu_architecture!r}; use X86_64 or ARM64")
    if not 20 <= settings.ephemeral_storage_gib <= 200:
        yield Refusal("ephemeral_storage_gib", f"is {settings.ephemeral_storage_gib}; use 20 to 200 GiB")


def _refuse_size(cpu: int, memory: int, least: int) -> Iterator[Refusal]:
    sizes = FARGATE_SIZES.get(cpu)
    if sizes is None:
        yield Refusal("cpu", f"is {cpu}; Fargate has {_listed(FARGATE_SIZES)} CPU units")
        return
    if memory not in sizes:
        yield Refusal("memory", f"is {memory} MiB; with cpu {cpu} Fargate has {_listed(sizes)} MiB")
    if memory < least:
        yield Refusal("memory", f"is {memory} MiB, which is not enough for Airflow; use at least {least} MiB")


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))
