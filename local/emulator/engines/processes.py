"""How a server of this machine runs: as an ordinary user, and not longer than the emulator does."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_UNPRIVILEGED_USER = "nobody"
# The kernel ends a server when the thread that started it has ended: that one must live as long as the emulator.
_launcher = ThreadPoolExecutor(1, "servers")


def start(command: Sequence[str], folder: Path, log: Path, *, text: str = "") -> subprocess.Popen[bytes]:
    """Start a server in its folder, with `text` to read; of the emulator's environment it gets nothing."""
    with log.open("ab") as output, tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        return _launcher.submit(
            subprocess.Popen,
            [*unprivileged(), *command],
            cwd=folder,
            env={},
            stdin=given,
            stdout=output,
            stderr=output,
        ).result()


def unprivileged() -> list[str]:
    """Return the start of a command that runs as an ordinary user, and not longer than the emulator does."""
    if os.geteuid() != 0:
        return ["setpriv", "--pdeathsig", "INT"]
    user = pwd.getpwnam(_UNPRIVILEGED_USER)
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs"]
    return ["setpriv", *ids, "--pdeathsig", "INT"]


def give_away(file: Path | int) -> None:
    """Give a file to the user that servers, of which PostgreSQL refuses to be root, run as."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(_UNPRIVILEGED_USER)
        os.chown(file, user.pw_uid, user.pw_gid)
