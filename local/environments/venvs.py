"""Python environments, made by uv, that are either complete or made again.

A complete one carries a stamp, written last, of what it was made from. One that was interrupted has none, and one whose
requirements changed has another. They are built where they stay, since a virtual environment cannot be moved.

Only the standard library: this also makes the environment that everything else runs in.
"""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from local.errors import LocalCloudError

UV = "uv==0.13.9"
STAMP = "made-from.sha256"

_UV_SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
}
"""pip's settings, by their long option's name, and what uv reads instead."""


def fingerprint(venv: Path, files: Sequence[Path], python: Path) -> str:
    """Return a digest of everything that an environment depends on, its place and its Python included.

    The place is where links lead to, so that repositories that share an environment by a link agree on it.
    """
    digest = hashlib.sha256(f"{UV} {python.resolve()} {sys.version} {venv.resolve()}".encode())
    for file in files:
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()


def place(folder: Path, name: str, files: Sequence[Path], python: Path) -> Path:
    """Return where clones of this repository share an environment, if they make it from the same."""
    return folder / f"{name}-{fingerprint(folder, files, python)[:16]}"


def complete(venv: Path, made_from: str) -> bool:
    """Whether the environment is whole, up to date, and its Python still there."""
    stamp = venv / STAMP
    return stamp.exists() and stamp.read_text() == made_from and (venv / "bin" / "python").exists()


def make(venv: Path, made_from: str, fill: Callable[[Path], None]) -> None:
    """Make an environment from nothing; `fill` installs into it, given its Python.

    If that fails, nothing is left; if it is killed, no stamp is left, and the next run makes it again.
    """
    shutil.rmtree(venv, ignore_errors=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    try:
        fill(venv / "bin" / "python")
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)
        raise
    (venv / STAMP).write_text(made_from)


def run(command: Sequence[str | Path], purpose: str, env: dict[str, str] | None = None) -> None:
    """Run an installer quietly; its own words are in the error if it fails."""
    result = subprocess.run(
        command,
        check=False,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode:
        words = "\n  ".join(result.stdout.strip().splitlines()[-15:])
        raise LocalCloudError(
            f"{purpose}: {Path(command[0]).name} failed with exit code {result.returncode}:\n  {words}",
            "If the registry did not answer, check the network and the index in `pip config list`, and try again.",
        )


def uv_environment(python: Path) -> dict[str, str]:
    """Return the environment for uv: where pip is configured to find packages, uv finds them too.

    What the user set for uv itself wins. Values travel in the environment, since an index URL may hold a password.
    """
    listing = subprocess.run(
        [python, "-m", "pip", "config", "list"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ).stdout
    settings: dict[str, str] = {}
    sections = {"global": 0, "install": 1, ":env:": 2}
    lines = [line.partition("=") for line in listing.splitlines() if "=" in line]
    for key, _, value in sorted(lines, key=lambda line: sections.get(line[0].rpartition(".")[0], -1)):
        section, _, name = key.rpartition(".")
        if section in sections and name.removeprefix("default-") in _UV_SETTINGS:
            settings[_UV_SETTINGS[name.removeprefix("default-")]] = str(ast.literal_eval(value))
    for several in ("UV_INDEX", "UV_INSECURE_HOST"):
        if several in settings:
            settings[several] = " ".join(settings[several].split())
    if "UV_FIND_LINKS" in settings:
        settings["UV_FIND_LINKS"] = ",".join(settings["UV_FIND_LINKS"].split())
    return {**settings, **os.environ, "UV_NO_PROGRESS": "1"}
