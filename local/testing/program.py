"""The program of this repository and its stack `local`, for tests and benchmarks that deploy them elsewhere."""

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from local.paths import ROOT

_FILES = ("Pulumi.yaml", "__main__.py", "configuration.py", "preflight.py")


def copy_program(folder: Path) -> None:
    """Put the program into a folder, without a stack and without DAGs."""
    for name in _FILES:
        shutil.copy(ROOT / name, folder)


def local_config(endpoint: str) -> dict[str, Any]:
    """Return the configuration of the stack `local`, with an emulator at `endpoint`."""
    text = re.sub(r"http://127\.0\.0\.1:\d+", endpoint, (ROOT / "Pulumi.local.yaml").read_text())
    return yaml.safe_load(text)["config"]
