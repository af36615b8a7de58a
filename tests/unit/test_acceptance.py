"""The acceptance's use of ECS Exec, which the local cloud lacks: a plugin prints what it was given."""

import json
from pathlib import Path
from typing import Any

from operate.acceptance.steps import STEPS, run_in_container

TASK: dict[str, Any] = {
    "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/the-cluster/0123abcd",
    "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/the-cluster",
    "containers": [{"name": "airflow", "runtimeId": "0123abcd-42"}],
}
PLUGIN = """#!/bin/sh
[ -t 0 ] || { echo "Cannot perform start session: EOF" >&2; exit 1; }
printf '%s\\n' "$@"
"""


class Ecs:
    """Starts a session for every command."""

    def execute_command(self, **request: Any) -> dict[str, Any]:
        return {"session": {"sessionId": "of-ours", "for": request}}


def test_a_command_is_run_in_a_session_of_the_plugin_which_has_a_terminal(tmp_path: Path) -> None:
    plugin = tmp_path / "session-manager-plugin"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)

    printed = run_in_container(Ecs(), str(plugin), TASK, "python -c 1")

    session, region, operation, profile, target, _ = printed.split("\n", 5)
    asked = {"cluster": TASK["clusterArn"], "task": TASK["taskArn"], "container": "airflow", "interactive": True}
    assert json.loads(session) == {"sessionId": "of-ours", "for": {**asked, "command": "python -c 1"}}
    assert (region, operation, profile) == ("eu-west-1", "StartSession", "")
    assert json.loads(target) == {"Target": "ecs:the-cluster_0123abcd_0123abcd-42"}


def test_the_document_has_every_step_in_its_order() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "aws-acceptance.md").read_text().splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ")]

    assert [row[0].removeprefix("| ") for row in rows[1:]] == [step.__name__.replace("_", " ") for step in STEPS]
    assert f" of {len(STEPS)}: " in "\n".join(lines)
