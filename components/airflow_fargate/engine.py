"""The Pulumi engine that runs a program, or the mocks of a unit test, and what the component needs of them."""

from typing import TypeVar, cast

import pulumi
import pulumi_aws as aws
from pulumi.runtime.mocks import MockMonitor

from .testing import Mocks

T = TypeVar("T")

PULUMI_VERSIONS = ">=3.250.0"
"""The CLI from which on error hooks are called: they try calls again, and say why a service does not start."""


def is_mocked() -> bool:
    """Tell whether a unit test of a program runs it, with nobody there to be asked."""
    return isinstance(pulumi.runtime.settings.get_monitor(), MockMonitor)


def require_engine() -> None:
    """Raise `pulumi.RunError` for a CLI that is too old, and for a unit test's mocks that answer nothing.

    With such a CLI the component would work, and fail silently. Mocks are asked before anything is registered: what
    plain ones make of a VPC ends in an error of the SDK's own.
    """
    if is_mocked():
        # Ours record what is asked, and need not be asked twice.
        if not isinstance(cast(MockMonitor, pulumi.runtime.settings.get_monitor()).mocks, Mocks):
            answered("aws.get_region", aws.get_region().region)
        return
    try:
        pulumi.require_pulumi_version(PULUMI_VERSIONS)
    # The SDK has no exception of its own for it.
    except Exception as error:
        raise pulumi.RunError(
            f"airflow-fargate needs Pulumi {PULUMI_VERSIONS}: {error} https://www.pulumi.com/docs/install/ has it."
        ) from error


def answered(function: str, answer: T | None) -> T:
    """Return what a function of the AWS provider has answered, or raise `pulumi.RunError` if that is nothing.

    AWS always answers, whatever the types say. The mocks of Pulumi's documentation answer every function with `{}`.
    """
    if answer is None:
        raise pulumi.RunError(
            f"The mocks of this test answer {function} with nothing, and AirflowFargate needs what AWS would say. Let "
            "them be a subclass of airflow_fargate.testing.Mocks, and return super()'s answer for what is not yours."
        )
    return answer
