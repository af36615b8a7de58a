"""One command at a time: the lock that `make up` and `make destroy` hold while they work."""

import fcntl
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from local.errors import LocalCloudError
from local.processes import ProcessRecord


@contextmanager
def lock(path: Path, command: str, *, on_wait: Callable[[str], None] | None = None) -> Generator[None]:
    """Hold the lock file for the length of the block.

    The operating system's own lock decides, and ends with its process however that ends, so a lock left by a dead
    process never stands in the way; the file's text only tells others who holds it.

    :param command: What the holder is doing, as its user would say it: `make up`.
    :param on_wait: Given, a held lock is waited for, and this is told once who holds it; otherwise it is an error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if not _try(file):
            holder = _holder(path)
            if on_wait is None:
                raise LocalCloudError(
                    f"{command}: {holder} is still at work in {path.parent.parent}",
                    "Wait until it is done, or stop it with Ctrl-C in its own terminal, and try again.",
                )
            on_wait(holder)
            fcntl.flock(file, fcntl.LOCK_EX)
        ProcessRecord.of(os.getpid(), [command]).write(_record(path))
        try:
            yield
        finally:
            with suppress(FileNotFoundError):
                _record(path).unlink()


def _record(path: Path) -> Path:
    return path.with_suffix(".json")


def _try(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    record = ProcessRecord.read(_record(path))
    if record is None or record.running() is None:
        return "another command"  # it has the lock and has not written its name yet
    since = time.strftime("%H:%M:%S", time.localtime(record.started))
    return f"`{' '.join(record.command)}` (process {record.pid}, since {since})"
