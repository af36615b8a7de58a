"""A stack of an earlier version goes on: nothing of it is replaced, and no program that uses it has to change."""

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from local.paths import ROOT
from release.paths import RELEASED, SOURCES
from release.registered import SETUPS, record

RELEASES = sorted(RELEASED.glob("*.json"))
Schema = dict[str, Any]


@pytest.fixture(scope="module")
def present() -> dict[str, Any]:
    return record()


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_no_resource_of_a_release_is_replaced(release: Path, setup: str, present: dict[str, Any]) -> None:
    then: dict[str, Any] = json.loads(release.read_text())["resources"][setup]
    now: dict[str, Any] = present["resources"][setup]

    assert [urn for urn in then if urn not in now] == [], "give the new one an alias, and the test the old URN's place"
    assert {urn: now[urn] for urn in then} == then


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_no_program_that_uses_a_release_has_to_change(release: Path, present: dict[str, Any]) -> None:
    then, now = (
        schema["resources"]["airflow-fargate:index:AirflowFargate"]
        for schema in (json.loads(release.read_text())["schema"], present["schema"])
    )

    assert set(now["requiredInputs"]) <= set(then["requiredInputs"])
    for kind in ("inputProperties", "properties"):
        for name, declared in then[kind].items():
            assert name in now[kind], f"{name} is gone from {kind}"
            assert shape(now[kind][name]) == shape(declared), f"{name} of {kind} has another type"
            assert declared.get("plain") or not now[kind][name].get("plain"), f"{name} no longer takes outputs"


def shape(declared: Schema) -> Schema:
    """Return a property without its words. What had to be plain may take outputs by now."""
    kept = {key: value for key, value in declared.items() if key in ("type", "$ref")}
    for inner in ("items", "additionalProperties"):
        if inner in declared:
            kept[inner] = shape(declared[inner])
    return kept


def test_every_release_is_in_the_changelog_and_the_last_has_its_sources() -> None:
    versions = [release.stem for release in RELEASES]
    changes = (ROOT / "CHANGELOG.md").read_text()

    assert versions
    assert [version for version in versions if f"## [{version}] - 20" not in changes] == []
    assert [sources.stem for sources in SOURCES.iterdir()] == [max(versions, key=Version)]
