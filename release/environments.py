"""Python environments to try the package in, apart from the repository's own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.environments import venvs
from local.paths import LOCAL, ROOT


def make_environment(name: str, requirements: Sequence[str | Path], *options: str) -> Path:
    """Make an environment from nothing with pip, as the image has it, and what is required; return its Python."""
    folder = LOCAL / "environments" / name
    uv = Path(sys.prefix, "bin", "uv")
    environment = venvs.uv_environment(Path(sys.executable))
    venvs.run([uv, "venv", "--clear", "--python", sys.executable, folder], f"Making {folder}", env=environment)
    python = folder / "bin" / "python"
    # Not by `--seed`, which brings wheel, and with that the newest of what is to be tried at its lowest.
    venvs.run([python, "-m", "ensurepip"], f"Installing pip into {folder}", env=environment)
    install: list[str | Path] = [uv, "pip", "install", "--python", python, *options, *requirements]
    venvs.run(install, f"Installing into {folder}", env=environment)
    return python


def pinned(*names: str) -> list[str]:
    """Return the pins of these packages in the repository's own requirements."""
    files = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
    pins = {line.partition("==")[0]: line for file in files for line in file.read_text().splitlines()}
    return [pins[name] for name in names]


def version_of(python: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
