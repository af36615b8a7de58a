"""Whenever what was asked for is not what runs, `pulumi up` fails and says why."""

import re
from typing import Any, NamedTuple

import pytest

from local.testing.deployed import PROGRAM, Deployed
from tests.stories import tell

WRITES = "[print('line', number, flush=True) for number in range(1, 26)]; "
LAST_LINES = [f"line {number}" for number in range(6, 26)]

IMPATIENT = """
import json

def impatient(args):
    if args.type_ != "aws:ecs/taskDefinition:TaskDefinition":
        return None
    def shorten(text):
        containers = json.loads(text)
        containers[0]["healthCheck"] |= {"interval": 5, "retries": 1, "startPeriod": 0}
        return json.dumps(containers)
    definitions = pulumi.Output.from_input(args.props["containerDefinitions"]).apply(shorten)
    return pulumi.ResourceTransformResult({**args.props, "containerDefinitions": definitions}, args.opts)
""" + PROGRAM.replace("ARGS)", "ARGS, pulumi.ResourceOptions(transforms=[impatient]))")
"""The component gives Airflow minutes to become healthy; no test needs to wait for them."""


class Failure(NamedTuple):
    """A cause that keeps the task from running, and ECS's words for it."""

    args: dict[str, Any]
    stop_reason: str
    container: str
    log: list[str]
    program: str = PROGRAM
    runs_before: bool = False


FAILURES = {
    "image that cannot be pulled": Failure(
        {"image": "example/none:1"},
        stop_reason="CannotPullContainerError: .*example/none:1: not found",
        container="exit code none, CannotPullContainerError: ",
        log=[],
    ),
    "command that exits": Failure(
        {"command": ["python", "-c", f"{WRITES}raise SystemExit(3)"]},
        stop_reason="Essential container in task exited",
        container="exit code 3\n",
        log=LAST_LINES,
    ),
    "health check that never turns": Failure(
        {"command": ["python", "-c", f"{WRITES}import signal; signal.pause()"]},
        stop_reason="Task failed container health checks",
        container="exit code 143\n",
        log=LAST_LINES,
        program=IMPATIENT,
    ),
    "task stopped for memory": Failure(
        {"memory": 1024, "command": ["python", "-c", f"{WRITES}data = b'x' * (1040 << 20)"]},
        stop_reason="Essential container in task exited",
        container="exit code 137, OutOfMemoryError: Container killed due to memory usage\n",
        log=LAST_LINES,
    ),
    "rolled-back deployment": Failure(
        {"command": ["python", "-c", f"{WRITES}raise SystemExit(4)"]},
        stop_reason="Essential container in task exited",
        container="exit code 4\n",
        log=LAST_LINES,
        runs_before=True,
    ),
}


def test_every_failure_on_one_stack(stack: Deployed, subtests: pytest.Subtests) -> None:
    for what, failure in FAILURES.items():
        with subtests.test(f"up fails and says stop reason, exit code and last log lines: {what}"):
            up_fails(stack, failure)
    tell(
        subtests,
        [after_a_rollback_what_ran_before_runs_again_and_a_preview_says_so, the_next_good_up_repairs_it],
        stack,
    )


def up_fails(stack: Deployed, failure: Failure) -> None:
    if failure.runs_before:
        stack.configure()
        stack.workspace.up()

    stack.configure(failure.program, **failure.args)
    text = stack.workspace.up(fails=True)

    assert re.search(f"The newest of [3-9] stopped tasks: {failure.stop_reason}", text)
    assert f"  container airflow: {failure.container}" in text
    if failure.log:
        log = text.partition("its last 20 log lines:\n")[2].splitlines()
        assert [line.strip() for line in log[:20]] == failure.log
    else:
        assert "  it wrote no log" in text
    assert "Traceback" not in text
    assert ("url" in stack.workspace.outputs()) == failure.runs_before, "there is no address of what never ran"


def after_a_rollback_what_ran_before_runs_again_and_a_preview_says_so(stack: Deployed) -> None:
    before = stack.workspace.outputs()["task_definition_arn"]

    text = stack.workspace.preview()

    assert f"ECS rolled the service back to {before}" in text
    assert stack.service["taskDefinition"] == before


def the_next_good_up_repairs_it(stack: Deployed) -> None:
    stack.configure(environment={"GREETING": "repaired"})

    stack.workspace.up()

    assert stack.service["taskDefinition"] == stack.workspace.outputs()["task_definition_arn"]
    assert len(stack.task_arns) == 1
    stack.workspace.preview("--expect-no-changes")
