"""Language hosts for the tests, apart from their code, which puts an empty `pulumi` in the place of the SDK."""

import shlex
import sys
from pathlib import Path

from local.paths import ROOT
from local.plugins import write_executable


def write_hosts(folder: Path) -> None:
    """Write the executables, which the engine looks for on PATH, into a folder."""
    for language in ("nodejs", "go"):
        command = [sys.executable, "-m", "local.testing.language_hosts", language]
        write_executable(
            folder / f"pulumi-language-{language}",
            f'PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(command)} "$@"',
        )
