"""A DAG folder as Airflow sees it, before it is deployed: its DAGs, and what could not be imported."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..executor.choice import EXECUTOR_VARIABLE, configured_executors, modules, size_variables
from ..executor.settings import ExecutorSettings
from ..task.supervisor import write_modules
from . import dagbag
from .requirements.resolution import lines_of

_FRAME = re.compile(r'^ *File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_MISSING = re.compile(r"^ModuleNotFoundError: No module named '(?P<module>[^']+)'", re.MULTILINE)


class ParseError(Exception):
    """Airflow could not be run; the text has its own words."""


class Dag(NamedTuple):
    """One line of the table."""

    dag_id: str
    schedule: str
    tasks: int
    file: str


@dataclass(frozen=True)
class ImportFailure:
    """A file that Airflow could not import."""

    file: str
    line: int | None
    """Of this file, or of the module below the folder that it imports; None when the error is no line's."""
    message: str
    """Python's own."""
    module: str | None
    """The top-level module that is not there, if that is the reason."""


@dataclass(frozen=True)
class ParsedFolder:
    """Everything that Airflow has found in a folder."""

    dags: Sequence[Dag]
    failures: Sequence[ImportFailure]


def parse_folder(folder: Path, python: Path, plugins: Path | None, executors: ExecutorSettings) -> ParsedFolder:
    """Parse the DAGs in `folder` with the Airflow that `python` has, as its DAG processor does, without a database.

    DAG files are run: in a process of its own, which knows nothing of a deployed Airflow's connections and variables.

    :param plugins: The folder of plugins beside them, from which they may import.
    :param executors: Those that a task may name, and the size that it has where it names none.

    :raises ParseError: That Python has no Airflow 3, or Airflow failed.
    """
    with tempfile.TemporaryDirectory(prefix="airflow-fargate-") as temporary:
        output = Path(temporary, "parsed.json")
        ended = subprocess.run(  # noqa: S603 - the caller's own Python
            [python, dagbag.__file__, folder.resolve(), output],
            env=_environment(os.environ, Path(temporary), plugins, executors),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode or not output.exists():
            last = "\n".join(ended.stdout.strip().splitlines()[-3:])
            raise ParseError(f"{python} could not parse {folder}:\n{last}")
        found: Mapping[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return ParsedFolder(
        sorted(Dag(**each) for each in found["dags"]),
        [read_failure(folder.resolve(), file, text) for file, text in sorted(found["errors"].items())],
    )


def read_failure(folder: Path, file: str, text: str) -> ImportFailure:
    """Return what a person needs of an import error: the last line of the folder's own that Python was in, and why."""
    frames = [(Path(match["file"]), int(match["line"])) for match in _FRAME.finditer(text)]
    own = [(path.relative_to(folder).as_posix(), line) for path, line in frames if path.is_relative_to(folder)]
    name, line = own[-1] if own else (file, None)
    missing = _MISSING.search(text)
    return ImportFailure(name, line, _message(text), missing["module"].partition(".")[0] if missing else None)


def read_packages(requirements: Path) -> list[str]:
    """Return the packages that a file of requirements asks for, without its options and what else pip reads in it."""
    found: list[str] = []
    for line in lines_of(requirements.read_text(encoding="utf-8-sig")):
        with suppress(InvalidRequirement):
            found.append(str(Requirement(line.partition(" #")[0])))
    return found


def describe(parsed: ParsedFolder, requirements: Sequence[str], argument: str = "pip_requirements") -> Iterator[str]:
    """Say what was found: a table of the DAGs, and then a line for each error.

    :param requirements: What is installed in the task, and the Python that parsed them may not have.
    :param argument: Which argument names them.
    """
    if parsed.dags:
        rows = [("DAG", "SCHEDULE", "TASKS", "FILE"), *((*dag[:2], str(dag.tasks), dag.file) for dag in parsed.dags)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    else:
        yield "No DAG was found."
    for failure in parsed.failures:
        where = failure.file if failure.line is None else f"{failure.file}, line {failure.line}"
        yield f"{where}: {failure.message}{_brought_by(failure.module, requirements, argument)}"


def is_mistake(failure: ImportFailure) -> bool:
    """Return whether the folder has to be mended; with another Airflow a module may be there that is not here."""
    return failure.module is None


def _message(text: str) -> str:
    """Return what follows the last frame of a traceback, and its indented source, in one line."""
    *_, last = _FRAME.split(text)
    return " ".join(line for line in last.splitlines()[1:] if line and not line.startswith(" ")) or text.strip()


def _brought_by(module: str | None, requirements: Sequence[str], argument: str) -> str:
    """Say how a module that is not here may come into the task."""
    if module is None:
        return ""
    named = [text for text in requirements if canonicalize_name(Requirement(text).name) == canonicalize_name(module)]
    if named:
        return f" (not here; {argument} brings it: {named[0]})"
    others = f", one of {argument} ({', '.join(requirements)})" if requirements else f", {argument}"
    return f" (not here, and not in the official image: your image{others} or a file of the folder must bring it)"


def _environment(
    environment: Mapping[str, str], home: Path, plugins: Path | None, executors: ExecutorSettings
) -> dict[str, str]:
    """Return the variables for an Airflow that has nothing to do with any other on this machine."""
    write_modules(json.dumps(modules(executors)), {"AIRFLOW_HOME": str(home)})
    return {
        **{name: value for name, value in environment.items() if not name.startswith(("AIRFLOW_", "PYTHON"))},
        "AIRFLOW_HOME": str(home),
        **size_variables(executors),
        EXECUTOR_VARIABLE: configured_executors(executors),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins.resolve() if plugins else home / "plugins"),
        # All of the traceback: the line that is wanted may be far from its end.
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "100",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
