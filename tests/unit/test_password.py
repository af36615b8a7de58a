"""`make password`: the one thing that people look for, and nothing beside it that a pipe would take for it."""

import json

import pytest

from operate import password
from operate.console import CommandError


def answering(monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str]) -> list[tuple[str, ...]]:
    """Let `pulumi` answer with these outputs, and return what it is asked."""
    asked: list[tuple[str, ...]] = []

    def pulumi(*arguments: str) -> str:
        asked.append(arguments)
        return json.dumps(outputs)

    monkeypatch.setattr(password, "pulumi", pulumi)
    monkeypatch.setattr("sys.argv", ["password", "dev"])
    return asked


def test_the_password_of_the_named_stack_is_all_that_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = answering(monkeypatch, {"admin_username": "admin", "admin_password": "correct horse"})

    assert password.main() == 0

    assert asked == [("stack", "output", "--json", "--show-secrets", "--stack", "dev")]
    assert capsys.readouterr() == ("correct horse\n", "")


def test_without_one_standard_output_stays_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, {})

    assert password.main() == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: The stack has no output admin_password: it was never deployed")


def test_an_airflow_without_a_login_of_the_component_s_is_told_from_one_that_was_never_deployed() -> None:
    with pytest.raises(CommandError, match=r"no password of the component's\.\n.*auth manager of your own"):
        password.password({"admin_password": ""})
