"""The executables that the engine finds on PATH: small scripts in front of Python modules of this repository."""

import shlex
import sys
from pathlib import Path

from local.paths import ROOT

PROVIDERS = ("aws", "awsx", "random")


def write_providers(folder: Path) -> None:
    """Writes the provider stand-ins, `pulumi-resource-aws` and the others, into a folder."""
    for name in PROVIDERS:
        write_executable(
            folder / f"pulumi-resource-{name}",
            f'PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m local.providers.{name} "$@"',
        )


def write_executable(path: Path, command: str) -> None:
    """Writes a shell script of one command, in one step, and not at all if it is there already."""
    text = f"#!/bin/sh\n{command}\n"
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.chmod(0o755)
    temporary.replace(path)
