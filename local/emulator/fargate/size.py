"""What a task's processes may use together: a control group, or a watch of their memory where there can be none."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from local.cgroup import ControlGroup

GROUPS = "airflow-fargate-task-"
"""The beginning of the names of control groups; the emulator's process id and the task follow."""

_POLL_SECONDS = 0.5


class TaskSize:
    """Above its memory the kernel does what it does to containers: the largest process is killed.

    Its CPU is not limited, since a laptop has few; but when tasks want more than there is, each has it by its size.
    """

    def __init__(self, task_id: str, cpu: int, memory: int) -> None:
        """Make what holds it; `cpu` is in CPU units, `memory` in MiB."""
        self._limit = memory * 2**20
        self._group = ControlGroup(f"{GROUPS}{os.getpid()}-{task_id}", memory=memory, cpu_share=cpu)
        self._killed_by_watch = 0
        self._closed = threading.Event()

    @property
    def entries(self) -> list[Path]:
        """The files into which each of the task's processes writes 0 before it does anything."""
        return self._group.entries

    @property
    def kills(self) -> int:
        """How many processes were killed at the limit so far."""
        return self._group.memory_kills() or self._killed_by_watch

    def watch(self, pid: int) -> None:
        """Without a control group: keep an eye on all processes below `pid`, until `close`."""
        if self._group.kind == "none":
            threading.Thread(target=self._watch, args=(pid,), name=f"memory of {pid}", daemon=True).start()

    def close(self) -> None:
        """Once every process has ended."""
        self._closed.set()
        self._group.remove()

    def _watch(self, pid: int) -> None:
        while not self._closed.wait(_POLL_SECONDS):
            # The resident sizes count shared pages for each process, and are quickly had. Where even they are within
            # the limit, so are the proportional ones, which the kernel adds up page by page.
            if sum(_sizes(pid, _resident).values()) <= self._limit:
                continue
            sizes = _sizes(pid, _proportional)
            if sum(sizes.values()) > self._limit:
                self._killed_by_watch += 1
                with suppress(psutil.NoSuchProcess):
                    max(sizes, key=sizes.__getitem__).kill()


def _sizes(pid: int, size: Callable[[psutil.Process], int]) -> dict[psutil.Process, int]:
    """Return the size in bytes of each process below `pid`; those that end meanwhile are left out."""
    sizes: dict[psutil.Process, int] = {}
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                sizes[process] = size(process)
    return sizes


def _resident(process: psutil.Process) -> int:
    return process.memory_info().rss


def _proportional(process: psutil.Process) -> int:
    return process.memory_full_info().pss
