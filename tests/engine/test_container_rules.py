"""When ECS calls a container healthy, and when it starts one again: rules of the emulator's Fargate agent."""

import pytest

from local.emulator.fargate.container import restarts
from local.emulator.fargate.health import Health, HealthCheck
from local.emulator.fargate.task import HealthStatus

FAILS, SUCCEEDS = False, True


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ([], "UNKNOWN"),
        ([(SUCCEEDS, 5)], "HEALTHY"),
        # In the start period, failures do not count …
        ([(FAILS, 5), (FAILS, 15), (FAILS, 29)], "UNKNOWN"),
        ([(FAILS, 5), (FAILS, 15), (SUCCEEDS, 25)], "HEALTHY"),
        # … until one has succeeded.
        ([(SUCCEEDS, 5), (FAILS, 10)], "HEALTHY"),
        ([(SUCCEEDS, 5), (FAILS, 10), (FAILS, 15)], "UNHEALTHY"),
        # After it, as many in a row as there are retries.
        ([(FAILS, 30)], "UNKNOWN"),
        ([(FAILS, 29), (FAILS, 31)], "UNKNOWN"),
        ([(FAILS, 30), (FAILS, 40)], "UNHEALTHY"),
        ([(SUCCEEDS, 30), (FAILS, 40), (SUCCEEDS, 50), (FAILS, 60)], "HEALTHY"),
        ([(FAILS, 30), (FAILS, 40), (SUCCEEDS, 50)], "HEALTHY"),
    ],
)
def test_health_follows_the_checks_as_on_ecs(checks: list[tuple[bool, float]], status: HealthStatus) -> None:
    health = Health(HealthCheck(command=["true"], interval=10, timeout=5, retries=2, start_period=30))
    for succeeded, seconds_run in checks:
        health.note(succeeded=succeeded, seconds_run=seconds_run)
    assert health.status == status


@pytest.mark.parametrize(
    ("policy", "exit_code", "seconds_run", "again"),
    [
        (None, 1, 3600, False),
        ({"enabled": False}, 1, 3600, False),
        ({"enabled": True}, 1, 299, False),
        ({"enabled": True}, 1, 300, True),
        ({"enabled": True, "restartAttemptPeriod": 60}, 1, 59.9, False),
        ({"enabled": True, "restartAttemptPeriod": 60}, 1, 60, True),
        ({"enabled": True, "restartAttemptPeriod": 60}, 0, 60, True),
        ({"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [0]}, 0, 60, False),
        ({"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [0]}, 137, 60, True),
    ],
)
def test_a_container_that_ends_is_started_again_if_its_policy_says_so(
    policy: dict[str, object] | None, exit_code: int, seconds_run: float, again: bool
) -> None:
    assert restarts({"restartPolicy": policy}, exit_code, seconds_run) == again
