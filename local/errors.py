"""The error of the local cloud's own commands."""

from operate.console import CommandError


class LocalCloudError(CommandError):
    """A failure that a machine may cause: a port in use, a registry that does not answer."""
