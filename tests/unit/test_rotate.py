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
    code: int = 0
    ups: list[str] = field(default_factory=list[str])
    """The value of fernetKey at each update."""

    def pulumi(self, *arguments: str, given: str = "") -> str:
        if arguments[:2] == ("config", "set"):
            self.configured["fernetKey"] = given
            return ""
        assert arguments[0] == "config"
        return json.dumps({f"airflow-fargate:{name}": {"value": value} for name, value in self.configured.items()})

    def up(self, _stack: str) -> int:
        self.ups.append(self.configured["fernetKey"])
        return self.code


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
        ({"database": "postgres"}, ["old,new", "new,old"]),
        ({"databaseUrl": "postgresql://a:b@c/d"}, ["old,new", "new,old"]),
        ({"fernetKey": "new,old"}, ["new,old", "new"]),
        ({"fernetKey": "new,old", "database": "postgres"}, ["new,old", "new"]),
    ],
)
def test_every_task_reads_what_one_beside_it_encrypts(stack: Stack, configured: dict[str, Any], ups: list[str]) -> None:
    stack.configured.update(configured)

    assert module.rotate("dev", "fernet") == 0

    assert stack.ups == ups


def test_a_key_that_no_task_encrypts_with_is_taken_back_when_the_update_fails(stack: Stack) -> None:
    stack.configured["database"] = "postgres"
    stack.code = 255

    assert module.rotate("dev", "fernet") == 255

    assert (stack.ups, stack.configured["fernetKey"]) == (["old,new"], OLD)


def test_with_a_command_of_ones_own_nothing_would_encrypt_anew_and_it_is_refused(stack: Stack) -> None:
    stack.configured["command"] = json.dumps(["airflow", "standalone"])

    with pytest.raises(CommandError, match="airflow rotate-fernet-key"):
        module.rotate("dev", "fernet")

    assert (stack.ups, stack.configured["fernetKey"]) == ([], OLD)
