"""A deployment that ECS has given up, and that is waited for all the same.

The AWS provider tells the deployment that it has made by its time. On a machine whose clock is ahead of AWS's it finds
none, waits for running tasks instead, and sees no failure: for as long as `custom_timeouts` says.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .diagnosis import explain_service

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef

GRACE_SECONDS = 60.0
"""A provider that sees the failure has ended its wait long before."""


class GivenUp:
    """Looks at a service again and again, and tells once when its deployment has been given up for a while."""

    def __init__(self, before: "ServiceTypeDef | None") -> None:
        """Begin with the service as it was before the wait; a failure that is there already is none of this wait's."""
        self._before = _failed(before)
        self._failed_at: float | None = None
        self._told = False

    def reason(self, service: "ServiceTypeDef", now: float) -> str | None:
        """Return ECS's reason when it is time to tell.

        :param now: Seconds, by any clock that does not go back.
        """
        failed = _failed(service)
        if failed is None or (self._before and failed.get("id") == self._before.get("id")):
            self._failed_at = None
            return None
        if self._failed_at is None:
            self._failed_at = now
        if self._told or now - self._failed_at < GRACE_SECONDS:
            return None
        self._told = True
        return failed.get("rolloutStateReason", "")


def _failed(service: "ServiceTypeDef | None") -> "DeploymentTypeDef | None":
    """Return the deployment that ECS has given up, if it is the one that counts."""
    primary = (each for each in (service or {}).get("deployments", []) if each.get("status") == "PRIMARY")
    return next((each for each in primary if each.get("rolloutState") == "FAILED"), None)


def explain_long_wait(inputs: Mapping[str, Any], reason: str) -> str:
    """Return what a person needs to know who waits for a service with these inputs in vain."""
    why = explain_service(str(inputs["cluster"]), str(inputs["taskDefinition"]))
    return (
        f"{reason} The provider waits all the same, up to 40 minutes, as it does when this machine's clock is ahead of "
        f"AWS's: press Ctrl-C, set the clock, and run `pulumi up` again once the cause is gone.\n{why}"
    )
