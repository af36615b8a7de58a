"""Clears a backend on this machine's disk (`file://…`) of what a killed `pulumi` leaves in the way of the next."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import psutil


def folder_of(url: str) -> Path:
    """Return the folder that the URL of a backend names; Pulumi takes `~` and relative ones, which no URL has."""
    return Path(unquote(url.removeprefix("file://").partition("?")[0])).expanduser()


def release(backend: Path, stack: str, cancel: Callable[[], object], say: Callable[[str], None]) -> None:
    """Remove a lock whose holder is gone, and metadata that was being written.

    Pulumi leaves locks to people, as it cannot know of processes on other machines that share the backend. The
    metadata of the state's file, beside it as `.attrs`, is not needed, and is the one thing that is not replaced in one
    step: cut short, it fails every command with "failed to load checkpoint: EOF".

    :param backend: The folder that `file://…` names.
    :param cancel: Runs `pulumi cancel` on the stack.
    """
    folder = backend / ".pulumi"
    for attributes in folder.rglob(f"{stack}.json*.attrs"):
        if not _is_json(attributes):
            say(f"Removing {attributes}, which was cut short.")
            attributes.unlink(missing_ok=True)
    for file in (folder / "locks").rglob(f"{stack}/*.json"):
        holder = json.loads(file.read_text())
        if holder["hostname"] == socket.gethostname() and not psutil.pid_exists(holder["pid"]):
            say(f"Removing the lock of an earlier run that was killed (process {holder['pid']}).")
            cancel()


def _is_json(file: Path) -> bool:
    with suppress(ValueError, FileNotFoundError):
        json.loads(file.read_text())
        return True
    return False
