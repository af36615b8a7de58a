"""Every command of the pages is known to be run by somebody, or to be run by nobody for a reason."""

import re

import pytest
import yaml

from tests.documented import COMMANDS, PAGES, ROOT, By, Tried, blocks, on_one_line, to_be_tried

SHOWN = {
    on_one_line(command): page for page in PAGES for block in blocks((ROOT / page).read_text()) for command in block
}
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_command_that_a_page_shows_stands_in_the_table_and_no_other_does() -> None:
    """Add the new one to COMMANDS of tests/documented.py: tried there, run by another test, or with a reason."""
    assert {command: page for command, page in SHOWN.items() if command not in COMMANDS} == {}
    assert [command for command in COMMANDS if command not in SHOWN] == []


@pytest.mark.parametrize("test", sorted({how.test for how in COMMANDS.values() if isinstance(how, By)}))
def test_the_test_that_runs_a_command_is_there(test: str) -> None:
    file, _, name = test.partition("::")

    assert f"\ndef {name}(" in (ROOT / file).read_text()


def test_what_is_to_be_tried_is_tried_by_the_engine_ring() -> None:
    tried = {on_one_line(command) for commands in to_be_tried().values() for command in commands}

    assert tried == {command for command, how in COMMANDS.items() if isinstance(how, Tried)}


def test_a_command_of_several_lines_is_read_as_one() -> None:
    text = (
        "```console\n$ first 'a\n    b' \\\n    c     # not this\nits output\n$ second\n```\n```python\n$ third\n```\n"
    )

    assert list(blocks(text)) == [["first 'a\n    b' \\\n    c", "second"]]
    assert on_one_line("first 'a\n    b' \\\n    c") == "first 'a b' c"


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_in_its_text_is_a_command_of_make_and_a_key_of_the_program(page: str) -> None:
    text = (ROOT / page).read_text()
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]

    made = re.findall(r"(?:`|\$ |-- |&& )make (?:-s )?([a-z-]+)", text)
    keys = re.findall(r"`pulumi config set (?:--\w+ )*'?([a-zA-Z]+)", text)

    assert [target for target in made if target not in TARGETS] == []
    assert [key for key in keys if key not in declared] == []
