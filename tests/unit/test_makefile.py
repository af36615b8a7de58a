"""The Makefile: `make` lists every command in a group, and what takes a stack asks AWS or this machine."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.paths import ROOT

COMMANDS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def make(*arguments: str) -> str:
    """Return what make prints; the one that may have started these tests is none of its business."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_make_alone_lists_every_command_once_in_a_group_and_says_what_it_does() -> None:
    groups = [group.splitlines() for group in make().strip().split("\n\n")]
    lines = [line for _, *listed in groups for line in listed]

    assert all(not heading.startswith(" ") and listed for heading, *listed in groups)
    assert [re.fullmatch(r"  make ([a-z-]+) +\S.+", line) is None for line in lines] == [False] * len(COMMANDS)
    assert [line.split()[1] for line in lines] == COMMANDS


def test_a_file_of_a_command_s_name_does_not_stand_in_its_way() -> None:
    [phony] = re.findall(r"^\.PHONY: (.+)$", make("--print-data-base", "--dry-run", "help"), re.MULTILINE)

    assert phony.split() == COMMANDS


@pytest.mark.parametrize(
    ("command", "here", "elsewhere"),
    [
        (["password"], "local password", "operate.password dev"),
        (["status"], "local status", "operate.status dev"),
        (["backup"], "local backup", "operate.backup dev"),
        (["restore", "FROM=file"], "local restore file", "operate.backup dev --restore file"),
    ],
)
def test_without_a_stack_it_is_this_machine_s(command: list[str], here: str, elsewhere: str) -> None:
    def runs(*stack: str) -> str:
        last = make("--dry-run", *command, *stack).replace("\\\n", "").strip().splitlines()[-1]
        return " ".join(last.partition(" -m ")[2].split())

    assert (runs(), runs("STACK=local"), runs("STACK=dev")) == (here, here, elsewhere)


def test_make_ends_with_2_whatever_the_code_of_a_command_that_fails(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("fails:\n\t@exit 1\n")

    assert subprocess.run(["make", "fails"], cwd=tmp_path, check=False, capture_output=True).returncode == 2


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("operate/status.py", "`.venv/bin/python -m operate.status dev` ends with 0"),
        ("operate/acceptance/__main__.py", "`.venv/bin/python -m operate.acceptance acceptance` ends with 0"),
        ("docs/dags.md", "`.venv/bin/python -m local dags --stack dev` with 1"),
    ],
)
def test_codes_are_promised_of_commands_that_make_runs_and_not_of_make(file: str, command: str) -> None:
    text = " ".join((ROOT / file).read_text().split())

    assert command in text
    assert not re.search(r"Ends with \d|the command ends with \d", text)
