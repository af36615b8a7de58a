"""Knowing a process again: a process id alone may have been given to another one since."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

START_TIME_TOLERANCE = 1.0
"""Seconds. psutil derives the start time from the boot time, which is read again in every process."""


@dataclass(frozen=True)
class ProcessRecord:
    """A process by id and start time (seconds since the epoch), with the command for people to read."""

    pid: int
    started: float
    command: list[str]

    @classmethod
    def of(cls, pid: int, command: Sequence[str]) -> "ProcessRecord":
        return cls(pid=pid, started=psutil.Process(pid).create_time(), command=list(command))

    @classmethod
    def read(cls, path: Path) -> "ProcessRecord | None":
        """Return nothing for a file that is missing or was cut short."""
        try:
            fields = json.loads(path.read_text())
            return cls(pid=int(fields["pid"]), started=float(fields["started"]), command=list(fields["command"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(asdict(self)))
        temporary.replace(path)

    def running(self) -> psutil.Process | None:
        """Return the process, if it is this one and still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TIME_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def listener(port: int) -> str:
    """Name the process that listens on a TCP port of this machine, as far as the operating system tells us."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return "a process of another user"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
            try:
                return f"process {connection.pid} ({' '.join(psutil.Process(connection.pid).cmdline())})"
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                return f"process {connection.pid}"
    return "a process that this user cannot see"
