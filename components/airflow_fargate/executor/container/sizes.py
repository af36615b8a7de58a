"""The sizes that Fargate has for a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def no_such_cpu(cpu: object) -> str | None:
    """Say what there is, if there is no task with so many CPU units; None when there is one."""
    return None if cpu in FARGATE_SIZES else f"is {cpu}; Fargate has {listed(FARGATE_SIZES)} CPU units"


def no_such_memory(cpu: object, memory: object) -> str | None:
    """Say what there is, if a task with `cpu` CPU units never has so many MiB; None when one may have."""
    sizes = next(sizes for of, sizes in FARGATE_SIZES.items() if of == cpu)
    return None if memory in sizes else f"is {memory} MiB; with cpu {cpu} Fargate has {listed(sizes)} MiB"


def listed(values: Iterable[int]) -> str:
    """Return numbers as a sentence has them."""
    return ", ".join(map(str, values))
