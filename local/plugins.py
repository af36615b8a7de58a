"""The executables that the engine starts: small scripts in front of Python modules of this repository."""

import shlex
from importlib import metadata
from pathlib import Path

from local.paths import ROOT

PROVIDERS = ("aws", "awsx", "random")


def write_providers(pulumi_home: Path, python: Path) -> None:
    """Put the provider stand-ins where the engine keeps the plugins that it has downloaded.

    Each has the version of the SDK that is installed, since that is the one that the SDK asks the engine for. On PATH
    they would do as well, with a warning on every run.

    :param python: What runs them.
    """
    for name in PROVIDERS:
        folder = pulumi_home / "plugins" / f"resource-{name}-v{metadata.version(f'pulumi-{name}')}"
        write_executable(
            folder / f"pulumi-resource-{name}",
            f'PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(str(python))} -m local.providers.{name} "$@"',
        )


def write_executable(path: Path, command: str) -> None:
    """Write a shell script of one command, in one step, and not at all if it is there already."""
    text = f"#!/bin/sh\n{command}\n"
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.chmod(0o755)
    temporary.replace(path)
