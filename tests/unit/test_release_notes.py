"""A release: version, changelog, record and tags agree, and its page says what the changelog says."""

import re
import subprocess
import tomllib
from typing import Any

import pytest

from release.notes import refusals, section_of, sections, with_whole_links
from tests.paths import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]
CHANGELOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-01

### Added

- Something.

## [0.1.0] - 2026-11-22

- The first.
"""
MORE = CHANGELOG.replace("[Unreleased]\n", "[Unreleased]\n\n- More.\n")
PUBLISHED = {"recorded": {"0.1.0"}, "tags": {"v0.1.0"}}
READY = {"recorded": {"0.1.0", "0.2.0"}, "tags": {"v0.1.0"}}


def test_the_newest_version_in_the_changelog_is_the_package_s() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    [unreleased, newest, *_] = sections(changelog)

    assert unreleased == "[Unreleased]"
    assert newest.startswith(f"[{PROJECT['version']}] - 20")
    assert section_of(PROJECT["version"], changelog)


def test_the_notes_are_what_stands_below_the_version_alone() -> None:
    assert section_of("0.2.0", CHANGELOG) == "### Added\n\n- Something."
    assert section_of("0.1.0", CHANGELOG) == "- The first."


def test_a_version_is_released_when_all_that_names_it_agrees() -> None:
    assert refusals("0.2.0", CHANGELOG, **READY) == []


@pytest.mark.parametrize(
    ("version", "changelog", "known", "reason"),
    [
        ("0.3.0", CHANGELOG, READY | {"recorded": {"0.3.0"}}, "CHANGELOG.md says nothing below `## [0.3.0] - <date>`"),
        (
            "0.2.0",
            CHANGELOG.replace(" - 2026-12-01", ""),
            READY,
            "CHANGELOG.md says nothing below `## [0.2.0] - <date>`",
        ),
        ("0.2.0", MORE, READY, "CHANGELOG.md has changes below [Unreleased]"),
        ("0.2.0", CHANGELOG, PUBLISHED, "tests/released has no 0.2.0.json"),
        ("0.1.0", CHANGELOG, READY, "the tag v0.1.0 exists"),
    ],
)
def test_what_does_not_agree_is_refused(version: str, changelog: str, known: dict[str, set[str]], reason: str) -> None:
    [refusal] = refusals(version, changelog, **known)

    assert refusal.startswith(reason)


def test_links_into_the_repository_lead_there_from_the_page_of_a_release() -> None:
    text = "[a](docs/dags.md#packages), [b](https://example.com), [c](#above)"

    assert with_whole_links(text, "https://host/owner/name/blob/v0.2.0") == (
        "[a](https://host/owner/name/blob/v0.2.0/docs/dags.md#packages), [b](https://example.com), [c](#above)"
    )


def test_whatever_names_the_repository_or_its_owner_names_those_of_the_project() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    texts = [file.read_bytes().decode(errors="replace") for name in listed.split() if (file := ROOT / name).is_file()]
    owner = PROJECT["urls"]["Repository"].split("/")[3]

    assert {found for text in texts for found in re.findall(r"github\.com/([\w-]+)/airflow-fargate\b", text)} == {owner}
    assert (ROOT / ".github" / "CODEOWNERS").read_text() == f"* @{owner}/maintainers\n"
    assert f"`{owner}` on GitHub" in (ROOT / "RELEASING.md").read_text()
