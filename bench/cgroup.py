"""A control group with a Fargate task's CPU and memory, in cgroup v1 or v2, or none where neither can be written."""

import contextlib
import os
import signal
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000


class ControlGroup:
    """Limits of one task. ``kind`` is ``v1``, ``v2`` or ``none``; a process enters by :meth:`enter`."""

    def __init__(self, name: str, cpu: int, memory: int) -> None:
        """``cpu`` in CPU units (1024 is one vCPU), ``memory`` in MiB."""
        quota = cpu * _PERIOD // 1024
        limit = memory * 2**20
        self.kind = "none"
        self._directories: list[Path] = []
        try:
            if (_ROOT / "cgroup.controllers").exists():
                group = self._make(_ROOT / name)
                (group / "cpu.max").write_text(f"{quota} {_PERIOD}")
                (group / "memory.max").write_text(str(limit))
                self.kind = "v2"
            else:
                group = self._make(_ROOT / "cpu" / name)
                (group / "cpu.cfs_quota_us").write_text(str(quota))
                group = self._make(_ROOT / "memory" / name)
                (group / "memory.limit_in_bytes").write_text(str(limit))
                self.kind = "v1"
        except OSError:
            self.remove()

    def _make(self, directory: Path) -> Path:
        directory.mkdir()
        self._directories.append(directory)
        return directory

    def enter(self) -> None:
        """Put the calling process, and so all that it starts, into the group."""
        for directory in self._directories:
            (directory / "cgroup.procs").write_text(str(os.getpid()))

    def memory_peak(self) -> int | None:
        """The most memory used so far in bytes, page cache included, as the limit counts it."""
        names = {"v1": "memory.max_usage_in_bytes", "v2": "memory.peak"}
        with contextlib.suppress(OSError, KeyError):
            return int((self._directories[-1] / names[self.kind]).read_text())
        return None

    def memory_kills(self) -> int | None:
        """How many processes the kernel has killed at the limit."""
        names = {"v1": "memory.oom_control", "v2": "memory.events"}
        with contextlib.suppress(OSError, KeyError):
            lines = (self._directories[-1] / names[self.kind]).read_text().splitlines()
            return int(dict(line.split() for line in lines)["oom_kill"])
        return None

    def memory_limit_hits(self) -> int | None:
        """How often an allocation met the limit and memory had to be reclaimed."""
        with contextlib.suppress(OSError, KeyError):
            if self.kind == "v1":
                return int((self._directories[-1] / "memory.failcnt").read_text())
            lines = (self._directories[-1] / "memory.events").read_text().splitlines()
            return int(dict(line.split() for line in lines)["max"])
        return None

    def pids(self) -> list[int]:
        """The processes in the group."""
        with contextlib.suppress(OSError, IndexError):
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
