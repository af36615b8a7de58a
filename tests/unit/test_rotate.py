"""`make rotate STACK=… WHAT=fernet`: the keys with which each `pulumi up` starts a task."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from operate import rotate as module
from operate.console import CommandError

OLD, NEW = "old", "new"


@dataclass
class Stack:
    """Stands for a stack whose configuration and updates a rotation asks for."""

    configured: dict[str, Any]
    codes: list[int] = field(default_factory=list[int])
    """How the next updates end; those after them succeed."""
    changes: bool = False
    """Whether the program has others than the key's."""
    ups: list[str] = field(default_factory=list[str])
    """The value of fernetKey at each update."""

    def pulumi(self, *arguments: str, given: str = "") -> str:
        if arguments[:2] == ("config", "set"):
            self.configured["fernetKey"] = given
            return ""
        if arguments[0] == "preview":
            if self.changes:
                raise CommandError("no changes were expected but changes were proposed")
            return ""
        assert arguments[0] == "config"
        return json.dumps({f"airflow-fargate:{name}": {"value": value} for name, value in self.configured.items()})

    def up(self, _stack: str) -> int:
        self.ups.append(self.configured["fernetKey"])
        return self.codes.pop(0) if self.codes else 0


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    stack = Stack({"fernetKey": OLD})
    monkeypatch.setattr(module, "pulumi", stack.pulumi)
    monkeypatch.setattr(module, "up", stack.up)
    monkeypatch.setattr(module, "new_fernet_key", lambda: NEW)
    return stack


@pytest.mark.parametrize(
    ("configured", "ups"),
    [
        ({}, ["new,old"]),
        ({"database": "sqlite", "databaseUrl": "", "command": ""}, ["new,old"]),
        ({"database": "postgres"}, ["old,new,old", "new,old"]),
        ({"databaseUrl": "postgresql://a:b@c/d"}, ["old,new,old", "new,old"]),
    ],
)
def test_every_task_reads_what_one_beside_it_encrypts(stack: Stack, configured: dict[str, Any], ups: list[str]) -> None:
    stack.configured.update(configured)

    assert module.rotate("dev", "fernet") == 0

    assert stack.ups == ups


@pytest.mark.parametrize(
    ("begun", "ups"),
    [("old,new,old", ["old,new,old", "new,old"]), ("new,old", ["new,old"]), ("new,old,older", ["new,old,older"])],
)
def test_a_rotation_that_was_interrupted_goes_on_and_forgets_no_key(stack: Stack, begun: str, ups: list[str]) -> None:
    stack.configured["fernetKey"] = begun
    stack.changes = True  # the key's own

    assert module.rotate("org/project/dev", "fernet") == 0

    assert stack.ups == ups


def test_a_rotation_that_has_failed_goes_on_when_it_is_repeated(stack: Stack) -> None:
    stack.configured["database"] = "postgres"
    stack.codes = [0, 255]

    assert [module.rotate("dev", "fernet"), module.rotate("dev", "fernet")] == [255, 0]

    assert stack.ups == ["old,new,old", "new,old", "new,old"]


def test_the_key_before_is_forgotten_when_that_is_asked_for(stack: Stack) -> None:
    stack.configured["fernetKey"] = "new,old"

    assert module.rotate("dev", "fernet-forget") == 0

    assert stack.ups == ["new"]


@pytest.mark.parametrize(
    ("keys", "words"), [("old", "none to forget"), ("", "none to forget"), ("old,new,old", "rotation has not ended")]
)
def test_a_key_that_is_needed_is_not_forgotten(stack: Stack, keys: str, words: str) -> None:
    stack.configured["fernetKey"] = keys

    with pytest.raises(CommandError, match=words):
        module.rotate("dev", "fernet-forget")

    assert (stack.ups, stack.configured["fernetKey"]) == ([], keys)


@pytest.mark.parametrize(("keys", "what"), [("old", "fernet"), ("new,old", "fernet-forget")])
def test_what_else_has_changed_is_not_deployed_with_a_key(stack: Stack, keys: str, what: str) -> None:
    stack.configured["fernetKey"] = keys
    stack.changes = True

    with pytest.raises(CommandError, match="nothing was rotated"):
        module.rotate("dev", what)

    assert (stack.ups, stack.configured["fernetKey"]) == ([], keys)


def test_the_person_is_told_to_commit_the_key(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert module.rotate("org/project/dev", "fernet") == 0

    assert stack.configured["fernetKey"] == "new,old"
    assert "Pulumi.dev.yaml has: commit it" in capsys.readouterr().err


def test_a_key_that_no_task_encrypts_with_is_taken_back_when_the_update_fails(stack: Stack) -> None:
    stack.configured["database"] = "postgres"
    stack.codes = [255]

    assert module.rotate("dev", "fernet") == 255

    assert (stack.ups, stack.configured["fernetKey"]) == (["old,new,old"], OLD)


def test_with_a_command_of_ones_own_nothing_would_encrypt_anew_and_it_is_refused(stack: Stack) -> None:
    stack.configured["command"] = json.dumps(["airflow", "standalone"])

    with pytest.raises(CommandError, match="airflow rotate-fernet-key"):
        module.rotate("dev", "fernet")

    assert (stack.ups, stack.configured["fernetKey"]) == ([], OLD)
