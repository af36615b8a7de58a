"""`make release-notes`: print what the changelog says of this version, once everything that names the version agrees.

The workflow that publishes asks it first, with the address of the repository that it runs in.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Collection
from typing import Any

from local.paths import ROOT
from release.paths import COMPONENTS, RELEASED

UNRELEASED = "[Unreleased]"


def sections(changelog: str) -> dict[str, str]:
    """Return what stands below each heading of a version, such as `[0.1.0] - 2026-11-22`, the newest first."""
    _, *parts = re.split(r"^## (.+)$", changelog, flags=re.MULTILINE)
    return {heading: text.strip() for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def section_of(version: str, changelog: str) -> str:
    """Return what stands below the heading of a version with its date; empty if there is none."""
    dated = re.compile(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d")
    return next((text for heading, text in sections(changelog).items() if dated.fullmatch(heading)), "")


def refusals(version: str, changelog: str, recorded: Collection[str], tags: Collection[str]) -> list[str]:
    """Return why a version cannot be released, each reason with the way out."""
    found: list[str] = []
    if not section_of(version, changelog):
        found.append(f"CHANGELOG.md says nothing below `## [{version}] - <date>`: turn {UNRELEASED} into it")
    if sections(changelog).get(UNRELEASED):
        found.append(f"CHANGELOG.md has changes below {UNRELEASED}: move them into {version}, or release a later one")
    if version not in recorded:
        found.append(f"tests/released has no {version}.json: run `make release-record`, and commit it")
    if f"v{version}" in tags:
        found.append(f"the tag v{version} exists: set a later version in components/pyproject.toml")
    return found


def with_whole_links(text: str, base: str) -> str:
    """Return Markdown with links that lead into the repository from a release's page, which has another address."""
    return re.sub(r"\]\((?!https?://|#)", f"]({base}/", text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make release-notes", description=__doc__)
    parser.add_argument("--repository", help="the address that [project.urls] must have")
    given: str | None = parser.parse_args().repository
    project: dict[str, Any] = tomllib.loads((COMPONENTS / "pyproject.toml").read_text())["project"]
    version, repository = project["version"], project["urls"]["Repository"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    listed = subprocess.run(["git", "tag"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = refusals(version, changelog, {file.stem for file in RELEASED.glob("*.json")}, listed.split())
    if given not in (None, repository):
        found.append(f"this repository is {given}, and components/pyproject.toml says {repository}: see RELEASING.md")
    if found:
        sys.exit("\n".join(f"error: {reason}" for reason in found))
    print(with_whole_links(section_of(version, changelog), f"{repository}/blob/v{version}"))


if __name__ == "__main__":
    main()
