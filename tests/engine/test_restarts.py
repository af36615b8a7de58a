"""A start that fails ends the task, however late it fails; what ends after it had started is started again in place."""

import re
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from local.engine.choose import Engine
from local.paths import Home
from local.testing.deployed import AIRFLOW, Deployed
from local.testing.emulated import IMAGE, free_port
from local.testing.workspace import Workspace

AGEING = 12
"""How many seconds of a container's life pass here in one."""

LATE = 66
"""Seconds after which a start fails: more than the least that ECS has for `restartAttemptPeriod`."""

DIES = f"import threading, os; threading.Timer({330 / AGEING}, lambda: os._exit(1)).start()\n"
"""Ends Airflow 330 seconds after its start: it is healthy, and no start fails that late."""


@pytest.fixture
def stack(pulumi_engine: Engine, tmp_path: Path) -> Generator[Deployed]:
    """Return an empty stack in a cloud where containers age fast."""
    cloud = Cloud(Home(tmp_path / "cloud"), free_port(), pulumi_engine)
    cloud.prepare()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("EMULATOR_AGEING", str(AGEING))
        cloud.start({IMAGE: Path(sys.prefix)})
    (tmp_path / "stack").mkdir()
    yield Deployed(cloud, Workspace.make(cloud, tmp_path / "stack", "", {}))
    cloud.emulator.stop()


@pytest.mark.parametrize("code", [1, 0])
def test_a_start_that_fails_late_counts_for_the_circuit_breaker(stack: Deployed, code: int) -> None:
    stack.configure(command=["python", "-c", f"import time; time.sleep({LATE / AGEING}); raise SystemExit({code})"])

    text = stack.workspace.up(fails=True)

    assert "tasks failed to start" in text
    assert re.search(r"The newest of [3-9] stopped tasks: Essential container in task exited", text)
    assert f"  container airflow: exit code {code}\n" in text


def test_what_ends_after_it_was_started_is_started_again_in_the_same_task(stack: Deployed) -> None:
    stack.configure(command=["python", "-c", DIES + AIRFLOW])
    stack.workspace.up()
    [task] = stack.task_arns

    deadline = time.monotonic() + 60
    while len(served := lines(stack)) < 2 and time.monotonic() < deadline:
        time.sleep(0.5)

    assert served[:2] == ["serving", "serving"], "the container was not started again"
    assert stack.task_arns == [task]


def lines(stack: Deployed) -> list[str]:
    """Return what the stand-in for Airflow has logged, all starts of it."""
    group = stack.workspace.outputs()["log_group_name"]
    events: list[dict[str, Any]] = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"].strip() for event in events]
