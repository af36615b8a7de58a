"""The Pulumi engine that runs a program, and what the component needs of it."""

import pulumi
from pulumi.runtime.mocks import MockMonitor

PULUMI_VERSIONS = ">=3.250.0"
"""The CLI from which on error hooks are called: they try calls again, and say why a service does not start."""


def is_mocked() -> bool:
    """Tell whether a unit test of a program runs it, with nobody there to be asked."""
    return isinstance(pulumi.runtime.settings.get_monitor(), MockMonitor)


def require_engine() -> None:
    """Raise `pulumi.RunError` for a CLI that is too old; without it the component would work, and fail silently."""
    if is_mocked():
        return
    try:
        pulumi.require_pulumi_version(PULUMI_VERSIONS)
    # The SDK has no exception of its own for it.
    except Exception as error:
        raise pulumi.RunError(
            f"airflow-fargate needs Pulumi {PULUMI_VERSIONS}: {error} https://www.pulumi.com/docs/install/ has it."
        ) from error
