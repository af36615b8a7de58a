"""The packages that the official image's entrypoint installs (`_PIP_ADDITIONAL_REQUIREMENTS`) before the command.

A container's namespaces have no way to a package index, so pip runs outside of them, on the environment that stands for
the image. That one belongs to all tasks: what is missing in it goes into the task's own directory.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

VARIABLE = "_PIP_ADDITIONAL_REQUIREMENTS"


def packages_directory(home: Path) -> Path:
    """Where a container's packages are, in its home as in the image."""
    return home / ".local" / "site-packages"


class Installation:
    """pip at work for one container. `cancel` may come from another thread, and at any time."""

    def __init__(self, requirements: list[str], venv: Path, home: Path) -> None:
        self._requirements = requirements
        self._python = venv / "bin" / "python"
        self._report = home / "tmp" / "packages.json"
        self._target = packages_directory(home)
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def run(self, output: int) -> int:
        """Install with pip's words going to the descriptor `output`, and return pip's exit code."""
        os.write(output, f"Installing additional requirements: '{' '.join(self._requirements)}'\n".encode())
        code = self._pip(output, "--dry-run", "--report", str(self._report), *self._requirements)
        if code:
            return code
        found = json.loads(self._report.read_text())["install"]
        missing = [f"{each['metadata']['name']}=={each['metadata']['version']}" for each in found]
        # A container that is started again finds what it has installed before.
        return self._pip(output, "--no-deps", "--upgrade", "--target", str(self._target), *missing) if missing else 0

    def cancel(self) -> None:
        self._cancelled = True
        if self._process:
            self._process.terminate()

    def _pip(self, output: int, *arguments: str) -> int:
        if self._cancelled:
            return 143
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pip", "--python", self._python, "install", "--no-input", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(self._target)},
        )
        if self._cancelled:
            self._process.terminate()
        code = self._process.wait()
        return code if code >= 0 else 128 - code
