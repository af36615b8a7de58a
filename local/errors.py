"""The error of the local cloud's own commands."""

from operate.console import CommandError


class LocalCloudError(CommandError):
    """What can be expected on a machine: a port in use, a registry that does not answer."""
