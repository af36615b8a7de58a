"""While `pulumi up` waits for the service, it shows how far the task is."""

import re

import pytest

from local.testing.deployed import AIRFLOW, Deployed

SHOWN = r"aws:ecs:Service airflow-service (?:creating|updating) \(\d+s\)(?: \[diff: .*?\];)? (task .*)"


def shown(text: str) -> list[str]:
    """Return what was shown beside the service, with its ids taken out."""
    return [re.sub(r"[0-9a-f]{32}", "…", line.strip()) for line in re.findall(SHOWN, text)]


def test_up_shows_how_far_the_service_is_and_a_preview_does_not(stack: Deployed, subtests: pytest.Subtests) -> None:
    stack.configure(command=["python", "-c", f"import time; time.sleep(8)\n{AIRFLOW}"])

    with subtests.test("a preview"):
        assert shown(stack.workspace.preview()) == []

    with subtests.test("a start that succeeds"):
        text = stack.workspace.up()
        assert "task … is RUNNING, its health UNKNOWN; ECS: has started 1 tasks: (task …)." in shown(text), text
        assert "health UNKNOWN" not in text.partition("Diagnostics:")[2]

    stack.configure(command=["python", "-c", "import time; time.sleep(6); raise SystemExit(3)"])

    with subtests.test("one that fails again and again"):
        text = stack.workspace.up(fails=True)
        assert [line for line in shown(text) if re.match("task … (is RUNNING|stopped).*; 2 failed; ECS: ", line)], text
