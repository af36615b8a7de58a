"""The exact inputs, dependencies and options of every resource of every setup: a change shows as a diff to review."""

import difflib

import pytest

from .setups import SETUPS
from .snapshots import FOLDER, file_of, snapshot


@pytest.mark.parametrize("setup", SETUPS)
def test_a_setup_registers_exactly_what_its_snapshot_says(setup: str) -> None:
    then, now = file_of(setup).read_text(), snapshot(setup)

    if now != then:
        diff = difflib.unified_diff(then.splitlines(), now.splitlines(), "committed", "now", lineterm="")
        pytest.fail("\n".join(["if it is meant, `make snapshots` and commit:", *diff]), pytrace=False)


def test_there_is_no_snapshot_without_a_setup() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SETUPS)
