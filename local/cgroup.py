"""A control group with a task's memory and perhaps CPU: in cgroup v1 or v2, or none where neither can be written."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Literal

import psutil

ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000
_PROCESSES = 8
"""How many processes outside of all groups count as much as a group of one vCPU: a task has about as many."""


class ControlGroup:
    """Limits that hold for all processes in it together. With `kind` none, and once removed, there are none to ask."""

    def __init__(self, name: str, *, memory: int, cpu: int | None = None, cpu_share: int | None = None) -> None:
        """Make the group, where this machine allows it.

        :param memory: In MiB.
        :param cpu: The limit in CPU units, 1024 to a vCPU; not limited if not given.
        :param cpu_share: In CPU units as well: what the group gets beside others when all want more than there is.
        """
        self.kind: Literal["v1", "v2", "none"] = "none"
        self._directories: list[Path] = []
        try:
            if (ROOT / "cgroup.controllers").exists():
                group = self._make(ROOT / name)
                if cpu:
                    (group / "cpu.max").write_text(f"{_quota(cpu)} {_PERIOD}")
                if cpu_share:
                    (group / "cpu.weight").write_text(str(min(10_000, max(1, _PROCESSES * cpu_share * 100 // 1024))))
                (group / "memory.max").write_text(str(memory * 2**20))
                self.kind = "v2"
            else:
                if cpu or cpu_share:
                    group = self._make(ROOT / "cpu" / name)
                    if cpu:
                        (group / "cpu.cfs_quota_us").write_text(str(_quota(cpu)))
                    if cpu_share:
                        (group / "cpu.shares").write_text(str(_PROCESSES * cpu_share))
                group = self._make(ROOT / "memory" / name)
                (group / "memory.limit_in_bytes").write_text(str(memory * 2**20))
                self.kind = "v1"
        except OSError:
            self.remove()

    def _make(self, directory: Path) -> Path:
        directory.mkdir()
        self._directories.append(directory)
        return directory

    @property
    def entries(self) -> list[Path]:
        """The files into which a process writes 0 to be in the group, with all that it starts."""
        return [directory / "cgroup.procs" for directory in self._directories]

    def enter(self) -> None:
        """Put the calling process, and so all that it starts, into the group."""
        for entry in self.entries:
            entry.write_text("0")

    def memory_peak(self) -> int | None:
        """Return the most memory used so far in bytes, page cache included, as the limit counts it."""
        names = {"v1": "memory.max_usage_in_bytes", "v2": "memory.peak"}
        with contextlib.suppress(OSError, LookupError):
            return int((self._directories[-1] / names[self.kind]).read_text())
        return None

    def memory_kills(self) -> int | None:
        """How many processes the kernel has killed at the limit."""
        names = {"v1": "memory.oom_control", "v2": "memory.events"}
        with contextlib.suppress(OSError, LookupError):
            lines = (self._directories[-1] / names[self.kind]).read_text().splitlines()
            return int(dict(line.split() for line in lines)["oom_kill"])
        return None

    def memory_limit_hits(self) -> int | None:
        """How often an allocation met the limit and memory had to be reclaimed."""
        with contextlib.suppress(OSError, LookupError):
            if self.kind == "v1":
                return int((self._directories[-1] / "memory.failcnt").read_text())
            lines = (self._directories[-1] / "memory.events").read_text().splitlines()
            return int(dict(line.split() for line in lines)["max"])
        return None

    def pids(self) -> list[int]:
        """Return the processes in the group."""
        with contextlib.suppress(OSError, LookupError):
            return [int(pid) for pid in (self._directories[-1] / "cgroup.procs").read_text().split()]
        return []

    def remove(self) -> None:
        """Kill what is left in the group, and remove it."""
        deadline = time.monotonic() + 20
        while (pids := self.pids()) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        for directory in self._directories:
            with contextlib.suppress(OSError):
                directory.rmdir()
        self._directories = []


def remove_abandoned_groups(prefix: str) -> None:
    """Remove the groups named `<prefix><process id>-…` whose process was killed before it could."""
    for parent in (ROOT, ROOT / "cpu", ROOT / "memory"):
        for directory in parent.glob(f"{prefix}*/"):
            owner = directory.name.removeprefix(prefix).partition("-")[0]
            if not psutil.pid_exists(int(owner)):
                with contextlib.suppress(OSError):
                    directory.rmdir()


def _quota(cpu: int) -> int:
    return cpu * _PERIOD // 1024
