"""A container's health check, and what its results come to. Pure."""

from dataclasses import dataclass
from typing import Any

from local.emulator.fargate.definitions import health_check
from local.emulator.fargate.task import HealthStatus


@dataclass(frozen=True)
class HealthCheck:
    """A container definition's `healthCheck`, with ECS's defaults; times in seconds."""

    command: list[str]
    interval: float
    timeout: float
    retries: int
    start_period: float

    @classmethod
    def of(cls, definition: dict[str, Any]) -> "HealthCheck | None":
        check = health_check(definition)
        if not check:
            return None
        kind, *command = check["command"]
        return cls(
            command=["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else command,
            interval=check.get("interval") or 30,
            timeout=check.get("timeout") or 5,
            retries=check.get("retries") or 3,
            start_period=check.get("startPeriod") or 0,
        )


@dataclass
class Health:
    """The health of a container from its start on, as Docker sees it.

    Failures in the start period count only once a check has succeeded.
    """

    check: HealthCheck
    status: HealthStatus = "UNKNOWN"
    _failures: int = 0

    def note(self, *, succeeded: bool, seconds_run: float) -> HealthStatus:
        """Return the status after one more check, which began when the container had run for so many seconds."""
        if succeeded:
            self._failures = 0
            self.status = "HEALTHY"
        elif self.status != "UNKNOWN" or seconds_run >= self.check.start_period:
            self._failures += 1
            if self._failures >= self.check.retries:
                self.status = "UNHEALTHY"
        return self.status
