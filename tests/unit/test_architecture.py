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

MAP, _, _REST = (ROOT / "docs" / "architecture.md").read_text().partition("\n## The component")
ABOUT_COMPONENT, _, _ = _REST.partition("\n## ")

TABLE = {
    folder: None if "everything" in allowed else set(re.findall(r"`([^`]+)`", allowed))
    for folder, allowed in ROW.findall(MAP)
}
"""The imports that each folder may have; None is everything but another ring of tests."""

COMPONENT = ROOT / "components" / "airflow_fargate"
ASSEMBLING = {"component", "airflow", "legacy", "validation"}
"""The modules that no folder of the component may import."""

INSIDE = {folder: set(re.findall(r"`([^`]+)`", allowed)) for folder, allowed in ROW.findall(ABOUT_COMPONENT)}
"""The folders of the component that each of them may import."""

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


def imported_in_component(file: Path) -> Iterator[str]:
    """Yield the folder of the component, or the module beside its folders, of each relative import of a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = file.relative_to(COMPONENT).parents[node.level - 1].parts
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield (*above, *name.split("."))[0]


@pytest.mark.parametrize("folder", INSIDE)
def test_a_folder_of_the_component_imports_only_what_its_table_allows(folder: str) -> None:
    forbidden = (INSIDE.keys() - {folder, *INSIDE[folder]}) | ASSEMBLING
    found = {
        f"{path.relative_to(COMPONENT)} imports {name}"
        for path in (COMPONENT / folder).rglob("*.py")
        for name in imported_in_component(path)
        if name in forbidden
    }

    assert found == set()


def test_every_folder_of_the_component_is_in_its_table() -> None:
    assert INSIDE.keys() == {path.parent.name for path in COMPONENT.glob("*/__init__.py")}


def test_the_emulator_s_table_has_each_of_its_files_once() -> None:
    named: list[str] = []
    for cell in FILES.findall((EMULATOR / "README.md").read_text()):
        first, *others = re.findall(r"`([^`]+)`", cell)
        # The folder of the first is that of all.
        named += [first, *(str(Path(first).with_name(other)) for other in others)]

    there = [path.relative_to(EMULATOR).as_posix() for path in EMULATOR.rglob("*.py") if path.name != "__init__.py"]
    assert sorted(named) == sorted(there)
