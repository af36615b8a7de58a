"""The pages of this repository: their links lead somewhere."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.paths import ROOT

PAGES = [
    str(page.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "components/*.md", "examples/*/README.md", "local/*/README.md")
    for page in sorted(ROOT.glob(pattern))
]
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Return what GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path, text: str) -> list[str]:
    """Return the links in the text of a page that lead to no file, or to no heading of one."""
    found: list[str] = []
    for link in LINK.findall(BLOCK.sub("", text)):
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if ":" not in path and (not target.exists() or (anchor and anchor not in anchors(target))):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: str) -> None:
    assert broken(ROOT / page, (ROOT / page).read_text()) == []


def test_a_link_to_what_is_not_there_is_found() -> None:
    text = "[a](docs/nowhere.md) [b](docs/access.md#nowhere) [c](#nowhere) [d](docs/access.md) [e](https://example.com)"

    assert broken(ROOT / "README.md", text) == ["docs/nowhere.md", "docs/access.md#nowhere", "#nowhere"]
