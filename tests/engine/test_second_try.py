"""A deployment that failed, and the same once more when its cause is gone."""

import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from local.providers.aws.config import CLOCK_AHEAD
from local.testing.deployed import AIRFLOW, PROGRAM, Deployed

IMPATIENT = f"from airflow_fargate.task import given_up\n\ngiven_up.GRACE_SECONDS = 5\n{PROGRAM}"
"""No test needs to wait for as long as a provider may need to see a failure."""


def _fails_until(cause_is_gone: Path) -> list[str]:
    """Return a command that exits at once until the file is there."""
    waits = f"import os, sys; os.path.exists({str(cause_is_gone)!r}) or sys.exit('the cause is there')\n"
    return [sys.executable, "-c", waits + AIRFLOW]


def test_the_same_up_starts_another_deployment_once_the_cause_is_gone(stack: Deployed, tmp_path: Path) -> None:
    cause_is_gone = tmp_path / "cause-is-gone"
    stack.configure(command=_fails_until(cause_is_gone))
    failed = stack.workspace.up(fails=True)
    assert "tasks failed to start" in failed
    assert "the cause is there" in failed
    assert "Once the cause is gone, run: pulumi up\n" in failed

    again = stack.workspace.up(fails=True)
    assert "the cause is there" in again, "while it is there, another deployment fails as well"

    cause_is_gone.touch()
    assert "[diff: ~triggers]" in stack.workspace.preview(), "it shows what it will do"
    stack.workspace.up()

    with closing(urllib.request.urlopen(stack.workspace.outputs()["url"], timeout=5)) as answer:
        assert answer.status == 200
    stack.workspace.preview("--expect-no-changes", "--diff")
    stack.workspace.destroy()


def test_after_a_rollback_the_same_up_tries_the_same_once_more(stack: Deployed, tmp_path: Path) -> None:
    """It succeeds once the cause is gone, however often it has failed; without a refresh the state does not know."""
    cause_is_gone = tmp_path / "cause-is-gone"
    stack.configure()
    stack.workspace.up()
    stack.configure(command=_fails_until(cause_is_gone))
    for _ in range(2):
        failed = stack.workspace.up(fails=True)
        assert "the cause is there" in failed
        assert "Once the cause is gone, run: pulumi up\n" in failed

    cause_is_gone.touch()
    assert "[diff: ~triggers]" in stack.workspace.preview(), "it shows what it will do"
    stack.workspace.up()

    assert stack.service["taskDefinition"] == stack.workspace.outputs()["task_definition_arn"]
    stack.workspace.preview("--expect-no-changes", "--diff")


def test_a_rollback_that_fails_as_well_ends_the_up_with_both_reasons(stack: Deployed, tmp_path: Path) -> None:
    """What ran before cannot start any more, such as for an image that its registry has lost."""
    may_start = tmp_path / "may-start"
    may_start.touch()
    stack.configure(command=_fails_until(may_start))
    stack.workspace.up()
    before = stack.service["taskDefinition"]

    may_start.unlink()
    stack.configure(command=[sys.executable, "-c", "raise SystemExit('another cause')"])
    failed = stack.workspace.up(fails=True)
    assert "another cause" in failed
    assert f"What ran before, {before}, does not start any more either. The newest of" in failed
    assert "the cause is there" in failed
    assert "Once the cause is gone, run: pulumi up\n" in failed

    stack.configure()
    stack.workspace.up()
    assert stack.service["taskDefinition"] == stack.workspace.outputs()["task_definition_arn"]
    stack.workspace.destroy()


def test_with_a_clock_that_is_ahead_an_up_ends_when_the_task_is_healthy_all_the_same(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider's own wait ends at a running task then."""
    monkeypatch.setenv(CLOCK_AHEAD, "3600")
    stack.configure(command=[sys.executable, "-c", f"import time; time.sleep(5)\n{AIRFLOW}"])

    stack.workspace.up()

    cluster = stack.workspace.outputs()["cluster_arn"]
    [task] = stack.client("ecs").describe_tasks(cluster=cluster, tasks=stack.task_arns)["tasks"]
    assert task["healthStatus"] == "HEALTHY"


def test_with_a_clock_that_is_ahead_a_start_that_fails_is_told_while_the_provider_waits(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait is the provider's, of 40 minutes; who has read this ends it."""
    with monkeypatch.context() as ahead:
        ahead.setenv(CLOCK_AHEAD, "3600")
        stack.configure(IMPATIENT, image="apache/airflow:3.0.0")  # not here: its tasks are never seen to run
        text = _up_until_told(stack, "press Ctrl-C")

    assert "tasks failed to start. The provider waits all the same" in text
    assert "CannotPullContainerError" in text.partition("The provider waits all the same")[2]
    stack.configure()
    stack.workspace.repair()
    stack.workspace.up()
    assert stack.service["taskDefinition"] == stack.workspace.outputs()["task_definition_arn"]


def _up_until_told(stack: Deployed, words: str) -> str:
    """Run `pulumi up` until it has printed the words, end it as Ctrl-C does, and return all that it has printed."""
    own = stack.workspace.stack
    own.prepare()
    up = ("up", "--yes", "--skip-preview", "--non-interactive")
    with own.start(*up, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        in_vain = threading.Timer(300, process.kill)
        in_vain.start()
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if words in line:
                process.send_signal(signal.SIGINT)
                break
        lines.extend(process.stdout)
        in_vain.cancel()
    assert process.returncode > 0, "".join(lines)
    return "".join(lines)
