"""The exact inputs, dependencies and options of every resource of every setup: a change shows as a diff to review."""

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from .setups import SETUPS
from .snapshots import FOLDER, file_of, snapshot

# What the provider takes for the same as none: tags, and the lists of a container itself (`containerDefinitions`
# in terraform-provider-aws, which lists them).
EMPTY_IS_NONE = re.compile(
    r"\.tags$|\.containerDefinitions\.json\.0\.(environment|mountPoints|portMappings|secrets|systemControls|volumesFrom)$"
)

# The SDK itself marks as secret what is only written, whether it is given or not, and each version has more of it.
WRITE_ONLY = re.compile(r',\n +"\w+Wo"(?=,?\n)')


@pytest.mark.parametrize("setup", SETUPS)
def test_a_setup_registers_exactly_what_its_snapshot_says(setup: str) -> None:
    then, now = (WRITE_ONLY.sub("", text) for text in (file_of(setup).read_text(), snapshot(setup)))

    if now != then:
        diff = difflib.unified_diff(then.splitlines(), now.splitlines(), "committed", "now", lineterm="")
        pytest.fail("\n".join(["if it is meant, `make snapshots` and commit:", *diff]), pytrace=False)


def test_there_is_no_snapshot_without_a_setup() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SETUPS)


@pytest.mark.parametrize("setup", SETUPS)
def test_nothing_is_sent_empty_that_would_be_absent_when_it_is_read_back(setup: str) -> None:
    resources = json.loads(file_of(setup).read_text())["resources"]

    sent = {name: each["inputs"] for name, each in resources.items() if name.startswith("aws:") and each["inputs"]}
    assert [place for place in _empty(sent) if not EMPTY_IS_NONE.search(place)] == []


def _empty(value: Any, place: str = "") -> Iterator[str]:
    """Return where the empty lists and objects are."""
    if value in ([], {}):
        yield place
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _empty(item, f"{place}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _empty(item, f"{place}.{number}")
