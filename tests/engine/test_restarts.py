"""A start that fails ends the task, however late it fails; what ends after it had started is started again in place."""

import re
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from local.engine.choose import Engine
from local.testing.clouds import temporary_cloud
from local.testing.deployed import AIRFLOW, Deployed
from local.testing.emulated import IMAGE
from local.testing.workspace import Workspace
from local.warm import WarmPython
from operate.waiting import until

CLOCK_RATE = 12
"""How many seconds of the emulator's pass in one."""

LATE = 66
"""Seconds after which a start fails: more than the least that ECS has for `restartAttemptPeriod`."""

DIES = f"import threading, os; threading.Timer({330 / CLOCK_RATE}, lambda: os._exit(1)).start()\n"
"""Ends Airflow 330 seconds after its start: it is healthy, and no start fails that late."""


@pytest.fixture
def stack(pulumi_engine: Engine, warm: WarmPython, tmp_path: Path) -> Generator[Deployed]:
    """Return an empty stack in a cloud whose clock goes fast."""
    (tmp_path / "stack").mkdir()
    folder, engine = tmp_path / "cloud", warm.engine(pulumi_engine)
    images = {IMAGE: Path(sys.prefix)}
    with temporary_cloud(folder, engine, images, python=warm.executable, clock_rate=CLOCK_RATE) as cloud:
        yield Deployed(cloud, Workspace.make(cloud, tmp_path / "stack", "", {}))


@pytest.mark.parametrize("code", [1, 0])
def test_a_start_that_fails_late_counts_for_the_circuit_breaker(stack: Deployed, code: int) -> None:
    stack.configure(command=["python", "-c", f"import time; time.sleep({LATE / CLOCK_RATE}); raise SystemExit({code})"])

    text = stack.workspace.up(fails=True)

    assert "tasks failed to start" in text
    assert re.search(r"The newest of [3-9] stopped tasks: Essential container in task exited", text)
    assert f"  container airflow: exit code {code}\n" in text


def test_what_ends_after_it_was_started_is_started_again_in_the_same_task(stack: Deployed) -> None:
    stack.configure(command=["python", "-c", DIES + AIRFLOW])
    stack.workspace.up()
    [task] = stack.task_arns

    until(lambda: lines(stack)[:2] == ["serving", "serving"], 60, "the container to be started again")

    assert stack.task_arns == [task]


def lines(stack: Deployed) -> list[str]:
    """Return what the stand-in for Airflow has logged, all starts of it."""
    group = stack.workspace.outputs()["log_group_name"]
    events: list[dict[str, Any]] = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"].strip() for event in events]
