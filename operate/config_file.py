"""Where Pulumi keeps a stack's configuration."""

import os
from pathlib import Path

from operate.pulumi_cli import short_name

CONFIG_FILE = "PULUMI_OPTION_CONFIG_FILE"
"""Stands for `--config-file` on every command."""


def config_file(stack: str, project: Path) -> Path:
    """Return the file, as Pulumi finds it: it may be named."""
    return Path(os.environ.get(CONFIG_FILE) or project / stack_file(stack))


def stack_file(stack: str) -> str:
    """Return the name of the file."""
    return f"Pulumi.{short_name(stack)}.yaml"
