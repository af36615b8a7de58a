"""Makes `.venv`, in which everything else runs: `python3 -m local.bootstrap`, with any Python from 3.11 up.

Quick when there is nothing to do. Only the standard library, since nothing is installed yet.
"""

import fcntl
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from local.environments import venvs
from local.errors import LocalCloudError
from local.paths import LOCAL, ROOT
from local.progress import Step

VENV = ROOT / ".venv"
REQUIREMENTS = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt", ROOT / "components" / "pyproject.toml"]
NEEDED_SPACE = 2 * 1024**3
"""Bytes: this environment takes about 600 MB, half of it the AWS SDK for Pulumi."""


def main() -> None:
    files = [*REQUIREMENTS, ROOT / "local" / "environments" / "venvs.py"]
    made_from = venvs.fingerprint(VENV, files, Path(sys.executable))
    if venvs.complete(VENV, made_from):
        return
    with _alone():
        if not venvs.complete(VENV, made_from):
            make(made_from)


@contextmanager
def _alone() -> Generator[None]:
    """Wait until no other command makes the environment: it would begin by removing what is half-made."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "venv.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another command, which makes .venv …", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make(made_from: str) -> None:
    """Make the environment from nothing."""
    check_space(VENV.parent, NEEDED_SPACE)
    with Step("Python environment .venv (about a minute)") as step:

        def fill(python: Path) -> None:
            step.waiting_for("python3 -m venv")
            venvs.run([sys.executable, "-m", "venv", VENV], "Making .venv")
            step.waiting_for(f"pip: {venvs.UV}")
            venvs.run([python, "-m", "pip", "install", "--quiet", venvs.UV], "Installing uv into .venv")
            step.waiting_for("uv: requirements-dev.txt")
            # Compiled, as pip leaves it: where PYTHONDONTWRITEBYTECODE is set, every process would compile it all.
            install = [VENV / "bin" / "uv", "pip", "install", "--compile-bytecode", "--python", python]
            venvs.run(
                [*install, "--requirements", "requirements-dev.txt"],
                "Installing requirements-dev.txt into .venv",
                env=venvs.uv_environment(python),
            )

        venvs.make(VENV, made_from, fill)


def check_space(folder: Path, needed: int) -> None:
    """Refuse to start on a disk that would fill up half-way.

    :param folder: Where the files will be; it need not exist yet.
    :param needed: In bytes.
    """
    folder = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LocalCloudError(
            f"{folder} has {free / 1024**3:.1f} GiB free, and {needed / 1024**3:.1f} GiB are needed",
            "Make room on that disk, or clone the repository to another one.",
        )


if __name__ == "__main__":
    try:
        main()
    except LocalCloudError as error:
        sys.exit(f"error: {error}")
