"""`pulumi up` and `pulumi destroy`, killed again and again: each goes on from where the one before was killed.

A moment is a step of the engine, drawn from a recorded seed, and a part of a second after it: a step is one more
operation begun or completed, as the state on disk shows it. Whatever is there after the repair is in the state, so an
orphan of any one of the kills fails its own test, and at the end nothing is left.
"""

import json
import random
import signal
import subprocess
import time
from collections.abc import Generator
from typing import Any

import psutil
import pytest

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.deployed import Deployed
from operate.repair.lookups import LOOKUPS
from operate.repair.repair import find
from operate.repair.sessions import ProviderSessions
from tests.stories import tell

STEPS = 90
"""The fewest steps of `pulumi up`: two for each resource."""

SEEDS = (101, 211, 307, 401, 503, 601, 701, 809, 907, 1009)
"""One for each kill; the n-th falls into the n-th tenth of the steps."""

KILLS = list(enumerate(SEEDS))

LISTED = {kind for kind, lookup in LOOKUPS.items() if lookup.everything}
"""The types that the inventory lists; all others are in one of these and cannot outlive it."""


@pytest.fixture(scope="module")
def cloud(cold_cloud: Cloud) -> Cloud:
    return cold_cloud


@pytest.fixture
def stack(stack: Deployed) -> Generator[Deployed]:
    stack.configure(dags_path=str(ROOT / "dags"))
    stack.workspace.stack.prepare()
    yield stack
    stack.workspace.repair()


def test_up_and_destroy_are_killed_again_and_again(stack: Deployed, subtests: pytest.Subtests) -> None:
    before = stack.cloud.left_behind()  # other tests may have something in the same emulator
    for number, seed in KILLS:
        with subtests.test(f"after a kill in up the repair leaves no orphan: {number}"):
            survive_a_kill_in_up(stack, before, number, seed)
    tell(subtests, [up_completes_and_everything_is_as_the_state_says], stack, before)
    tell(subtests, [each_resource_is_found_by_what_its_creation_asked_for], stack)
    for number, seed in KILLS[::2]:
        with subtests.test(f"a destroy goes on from where the one before was killed: {number}"):
            survive_a_kill_in_destroy(stack, number, seed)
    tell(subtests, [up_makes_what_kills_in_destroy_have_taken_away], stack, before)
    for number, seed in KILLS[1::2]:
        with subtests.test(f"a later destroy goes on from where the one before was killed: {number}"):
            survive_a_kill_in_destroy(stack, number, seed)
    tell(subtests, [destroy_completes_and_nothing_is_left], stack, before)


def steps(state: dict[str, Any]) -> int:
    """Return how far `up` is: each operation counts when it begins, and when it is completed. `destroy` counts down."""
    operations: list[dict[str, Any]] = state.get("pending_operations") or []
    pending = [operation["type"] for operation in operations]
    return 2 * len(state.get("resources") or []) + pending.count("creating") - pending.count("deleting")


def kill(stack: Deployed, command: str, moment: int, delay: float) -> list[psutil.Process]:
    """Kill `pulumi up` or `destroy` at a step, or at its first one if that is past, and return what it had started."""
    pulumi = stack.workspace.stack
    here, state, read = steps(pulumi.checkpoint()), pulumi.file, 0
    up = command == "up"
    stop_at = max(moment, here + 1) if up else min(moment, here - 1)
    arguments = (command, "--yes", "--skip-preview", "--non-interactive")
    with pulumi.start(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while (here < stop_at) == up:
            assert process.poll() is None, f"pulumi {command} ended before step {stop_at}"
            if (written := state.stat().st_mtime_ns) == read:
                time.sleep(0.002)
            else:
                here, read = steps(pulumi.checkpoint()), written
        time.sleep(delay)
        process.send_signal(signal.SIGSTOP)  # so that it starts nothing that is not seen here
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    return family


def draw(number: int, seed: int) -> tuple[int, float]:
    """Return the step, in its tenth of all, and the seconds after it."""
    source = random.Random(seed)  # noqa: S311 - to be the same every time
    return int((number + source.random()) * STEPS / len(SEEDS)), source.uniform(0, 0.05)


def assert_nothing_outlives_the_engine(family: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(family, timeout=20)
    assert [process.cmdline() for process in alive] == []


def assert_state_is_what_is_there(stack: Deployed, before: set[str]) -> None:
    """Everything that AWS lists is in the state, and everything in the state that AWS could list is listed."""
    state = stack.workspace.stack.checkpoint()
    resources: list[dict[str, Any]] = state.get("resources") or []
    # A task's network interface is ECS's, and its address the interface's.
    there = {name for name in stack.cloud.left_behind() - before if not name.startswith(("eni-", "eipalloc-"))}
    text = json.dumps(resources)

    assert state.get("pending_operations") in (None, [])
    assert [name for name in there if f'"{name.removesuffix(":*")}"' not in text] == []
    listed = [resource for resource in resources if resource["type"] in LISTED]
    names = {resource["urn"]: {resource["id"], resource["outputs"].get("arn")} for resource in listed}
    there |= {name.removesuffix(":*") for name in there}
    assert [urn for urn, of_resource in names.items() if there.isdisjoint(of_resource)] == []


def survive_a_kill_in_up(stack: Deployed, before: set[str], number: int, seed: int) -> None:
    family = kill(stack, "up", *draw(number, seed))

    assert_nothing_outlives_the_engine(family)
    stack.workspace.repair()
    assert_state_is_what_is_there(stack, before)


def up_completes_and_everything_is_as_the_state_says(stack: Deployed, before: set[str]) -> None:
    stack.workspace.up()

    assert (
        2 * len(stack.workspace.stack.checkpoint()["resources"])
        >= STEPS
        > 1.8 * len(stack.workspace.stack.checkpoint()["resources"])
    )
    assert_state_is_what_is_there(stack, before)
    stack.workspace.refresh("--expect-no-changes")
    assert len(stack.task_arns) == 1


def each_resource_is_found_by_what_its_creation_asked_for(stack: Deployed) -> None:
    deployment = stack.workspace.export()
    sessions = ProviderSessions(deployment)
    for resource in deployment["resources"]:
        if (
            resource["type"] not in LOOKUPS or resource["type"] == "aws:ec2/vpc:Vpc"
        ):  # with something in it, it is known
            continue
        others = [other for other in deployment["resources"] if other["urn"] != resource["urn"]]

        found, why = find({**deployment, "resources": others}, sessions, resource)

        assert found is not None, f"{resource['urn']}: {why}"
        assert found.physical in (resource["id"], resource["outputs"].get("arn")) or resource["type"].endswith(":Route")


def survive_a_kill_in_destroy(stack: Deployed, number: int, seed: int) -> None:
    moment, delay = draw(number, seed)

    # The last quarter is done in a moment: what has gone with its VPC, and what is in the state alone.
    family = kill(stack, "destroy", STEPS - moment * 3 // 4, delay)

    assert_nothing_outlives_the_engine(family)
    stack.workspace.stack.prepare()


def up_makes_what_kills_in_destroy_have_taken_away(stack: Deployed, before: set[str]) -> None:
    stack.workspace.repair()
    assert_state_is_what_is_there(stack, before)

    stack.workspace.up()

    assert_state_is_what_is_there(stack, before)
    stack.workspace.refresh("--expect-no-changes")


def destroy_completes_and_nothing_is_left(stack: Deployed, before: set[str]) -> None:
    stack.workspace.destroy()

    assert stack.cloud.left_behind() == before
    assert not stack.workspace.stack.checkpoint().get("resources")
