"""Each folder imports what docs/architecture.md says that it may, and nothing else of this repository.

And the emulator's README names all of its files, and no others.
"""

import ast
import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

ROW = re.compile(r"^\| `([^`]+)` \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)
PROGRAM = {"configuration", "preflight"}

MAP, _, _ = (ROOT / "docs" / "architecture.md").read_text().partition("\n## The component")

TABLE = {
    folder: None if "everything" in allowed else set(re.findall(r"`([^`]+)`", allowed))
    for folder, allowed in ROW.findall(MAP)
}
"""The imports that each folder may have; None is everything but another ring of tests."""


EMULATOR = ROOT / "local" / "emulator"
FILES = re.compile(r"^\| (`[\w/.]+`(?:, `[\w/.]+`)*) \| [^|]+ \|$", re.MULTILINE)


def folder_of(path: str) -> str:
    """Return the innermost folder of the table that a path lies in."""
    return max((each for each in TABLE if path == each or path.startswith(f"{each}/")), key=len, default=".")


def imported(file: Path) -> Iterator[str]:
    """Yield the path below the repository of each module of its own that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            if top in PROGRAM:
                yield "."
            elif top == "airflow_fargate":
                yield "components/airflow_fargate"
            elif (ROOT / top).is_dir():
                yield name.replace(".", "/")


@functools.cache
def sources() -> tuple[Path, ...]:
    found: list[Path] = []
    for folder, inner, files in os.walk(ROOT):
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [Path(folder, name) for name in files if name.endswith(".py")]
    return tuple(found)


def test_every_folder_with_python_in_it_is_in_the_table() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in sources() if path.parent != ROOT} - {"components", "dags"}

    assert tops == {folder.partition("/")[0] for folder in TABLE} - {"components", "."}


@pytest.mark.parametrize("folder", TABLE)
def test_a_folder_imports_only_what_the_table_allows(folder: str) -> None:
    allowed = TABLE[folder]
    if allowed is None:
        allowed = {each for each in TABLE if not each.startswith("tests/")}
    forbidden = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources()
        if folder_of(path.relative_to(ROOT).as_posix()) == folder
        for name in imported(path)
        if folder_of(name) not in {folder, *allowed}
    }

    assert forbidden == set()


def test_the_emulator_s_table_has_each_of_its_files_once() -> None:
    named: list[str] = []
    for cell in FILES.findall((EMULATOR / "README.md").read_text()):
        first, *others = re.findall(r"`([^`]+)`", cell)
        # The folder of the first is that of all.
        named += [first, *(str(Path(first).with_name(other)) for other in others)]

    there = [path.relative_to(EMULATOR).as_posix() for path in EMULATOR.rglob("*.py") if path.name != "__init__.py"]
    assert sorted(named) == sorted(there)
