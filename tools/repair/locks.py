"""The lock that a killed `pulumi` has left in a backend on this machine's disk."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil


def dead_holders(backend: Path, stack: str) -> Iterator[int]:
    """
    Yield the ids of processes of this machine that hold a lock on the stack and are gone.

    Pulumi itself leaves that to people: it cannot know of processes on other machines that share the backend.

    :param backend: The folder that `file://…` names.
    """
    for file in (backend / ".pulumi" / "locks").rglob(f"{stack}/*.json"):
        holder = json.loads(file.read_text())
        if holder["hostname"] == socket.gethostname() and not psutil.pid_exists(holder["pid"]):
            yield holder["pid"]
