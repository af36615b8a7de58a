"""Which files of a DAG folder are uploaded, and what in it is refused. Reads the folder and runs nothing of it."""

import hashlib
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

MAX_FILES = 1000
MAX_FILE_BYTES = 50_000_000

AIRFLOW_IGNORE_FILE = ".airflowignore"
"""Lists where Airflow looks for no DAGs. It is uploaded like any file: DAGs may import and read what it excludes."""

IGNORE_FILE = ".dagsignore"
"""Lists what is not uploaded, in the same syntax."""

_MAX_COUNTED = 20 * MAX_FILES  # enough to name the count of a large folder, and soon over with `/`


@dataclass(frozen=True)
class DagFile:
    """A file to upload: where it is, its path below the folder with forward slashes, and a digest of its content."""

    path: Path
    name: str
    sha256: str
    searched: bool
    """Whether Airflow looks for DAGs in it, if it is Python."""


@dataclass
class DagFolder:
    """The content of a folder: the files to upload, and the reasons for which none of them may be."""

    holds: str = "DAG"
    """What somebody puts into it: the word for it in a problem."""
    files: list[DagFile] = field(default_factory=list[DagFile])
    problems: list[str] = field(default_factory=list[str])
    ignore_files: list[Path] = field(default_factory=list[Path])
    """The files that say what is not uploaded, be they empty."""

    @property
    def digest(self) -> str:
        """Tell two contents apart, by the names and digests of the files."""
        return hashlib.sha256(repr([(file.name, file.sha256) for file in self.files]).encode()).hexdigest()[:16]

    @property
    def surprise(self) -> str | None:
        """Say that what Airflow ignores is uploaded, to somebody who has not shown to know it; None with no surprise.

        A secret may be among it.
        """
        ignored = [file.name for file in self.files if not file.searched and file.path.name != AIRFLOW_IGNORE_FILE]
        if not ignored or self.ignore_files:
            return None
        return (
            f"dags_path: {AIRFLOW_IGNORE_FILE} excludes {len(ignored)} of the files that are uploaded ("
            f"{', '.join(ignored[:3])}{', …' if len(ignored) > 3 else ''}): Airflow looks for no DAGs in them, but "
            f"DAGs may use them. Name what must stay here in {IGNORE_FILE}; an empty one will do if nothing must."
        )


def read_dag_folder(folder: Path, holds: str = "DAG") -> DagFolder:
    """Return the files of a folder of DAGs or plugins that are uploaded, in the order of their names.

    Hidden files, `__pycache__` and what `.dagsignore` excludes are left out. Every `.py` file in which Airflow looks
    for DAGs is compiled, so that one that it could not even read is a problem here, with its line, and not an import
    error there.
    """
    found = DagFolder(holds)
    try:
        _read(folder, found)
    except OSError as error:
        found.problems.append(f"cannot be read: {error}; name a folder that you may read")
    return found


def walk(root: Path, found: DagFolder) -> dict[Path, bool]:
    """Return the files below `root`, a path without links, that are uploaded, and whether Airflow looks into each.

    The files that leave others out, and what keeps all from being uploaded, are added to `found`.
    """
    return dict(islice(_Walk(root, found).files(root, _Rules(), frozenset({root})), _MAX_COUNTED))


def _read(folder: Path, found: DagFolder) -> None:
    if not folder.is_dir():
        found.problems.append(f"is {str(folder)!r}, which is not a folder; name one with {found.holds} files in it")
        return
    root = folder.resolve()
    paths = walk(root, found)
    if all(path.name == AIRFLOW_IGNORE_FILE for path in paths) and not found.problems:
        found.problems.append(f"is {str(folder)!r}, in which there is no file to upload; put a {found.holds} into it")
    if len(paths) > MAX_FILES:
        found.problems.append(
            f"is {str(folder)!r} with {len(paths):,} files{' or more' if len(paths) == _MAX_COUNTED else ''}; "
            f"at most {MAX_FILES:,} are uploaded: "
            f"exclude some in {IGNORE_FILE}{', or use a git bundle (dags_git_url)' if found.holds == 'DAG' else ''}"
        )
        return
    for path, searched in paths.items():
        _add(found, path, path.relative_to(root).as_posix(), searched=searched)


def _add(found: DagFolder, path: Path, name: str, *, searched: bool) -> None:
    if not name.isprintable():
        found.problems.append(f"has {name!r}, a name that is not plain text; rename the file")
        return
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        found.problems.append(
            f"has {name}, {size / 1e6:.1f} MB; at most {MAX_FILE_BYTES // 10**6} MB are uploaded: "
            f"keep data where the DAG reads it from, or exclude it in {IGNORE_FILE}"
        )
        return
    content = path.read_bytes()
    if searched and path.suffix == ".py" and (mistake := _mistake(content, name)):
        found.problems.append(mistake)
    found.files.append(DagFile(path, name, hashlib.sha256(content).hexdigest(), searched))


def _mistake(source: bytes, name: str) -> str | None:
    """Say why Python cannot compile a file; None when it can. This machine's Python is asked, which the words say."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        return f"has {name}{line}: {error.msg} (compiled by Python {sys.version_info[0]}.{sys.version_info[1]})"
    except ValueError as error:  # null bytes, before Python 3.12
        return f"has {name}: {error}"
    except (RecursionError, MemoryError):
        return f"has {name}: nested too deeply to be compiled"
    return None


@dataclass(frozen=True)
class _IgnoreRule:
    """A line of an ignore file: a gitignore pattern (Airflow: `core.dag_ignore_file_syntax` is glob)."""

    pattern: GitIgnoreSpecPattern
    anchor: Path | None
    """The folder that the pattern is relative to; None when it is about names at any depth."""
    folders_only: bool

    @classmethod
    def parse(cls, line: str, folder: Path) -> "_IgnoreRule":
        anchored = "/" in line.rstrip().rstrip("/")
        return cls(GitIgnoreSpecPattern(line), folder if anchored else None, line.rstrip().endswith("/"))

    def decides(self, path: Path, *, is_folder: bool) -> bool | None:
        """Whether the path is excluded (True) or taken back in (False); None when the rule is not about it."""
        if self.folders_only and not is_folder:
            return None
        name = path.relative_to(self.anchor).as_posix() if self.anchor else path.name
        matches = self.pattern.match_file(f"{name}/" if is_folder else name)
        return self.pattern.include if matches else None


def _excluded(rules: tuple[_IgnoreRule, ...], path: Path, *, is_folder: bool) -> bool:
    decisions = [rule.decides(path, is_folder=is_folder) for rule in rules]
    return next((decision for decision in reversed(decisions) if decision is not None), False)


class _Rules(NamedTuple):
    """The rules of the ignore files from the root down to a folder."""

    ours: tuple[_IgnoreRule, ...] = ()
    airflows: tuple[_IgnoreRule, ...] = ()
    searched: bool = True
    """Whether Airflow looks into the folder at all: nothing below one that it passes over is taken back in."""


class _Walk:
    def __init__(self, root: Path, found: DagFolder) -> None:
        self._root = root
        self._found = found

    def files(self, folder: Path, outer: _Rules, above: frozenset[Path]) -> Iterator[tuple[Path, bool]]:
        """Return the files below `folder`, and whether Airflow looks for DAGs in each.

        `above` are the folders that lead there, with their links resolved.
        """
        if (ignore_file := folder / IGNORE_FILE).exists():
            self._found.ignore_files.append(ignore_file)
        ours = (*outer.ours, *self._ignore_rules(ignore_file))
        airflows = (*outer.airflows, *self._ignore_rules(folder / AIRFLOW_IGNORE_FILE))
        for path in sorted(folder.iterdir()):
            hidden = path.name.startswith(".") and path.name != AIRFLOW_IGNORE_FILE
            is_folder = path.is_dir()
            if hidden or path.name == "__pycache__" or _excluded(ours, path, is_folder=is_folder):
                continue
            searched = outer.searched and not _excluded(airflows, path, is_folder=is_folder)
            target = path.resolve()
            if reason := self._refuse_link(path, target, above):
                self._found.problems.append(f"has {self._name(path)}, {reason}")
            elif is_folder:
                yield from self.files(path, _Rules(ours, airflows, searched), above | {target})
            elif path.is_file():
                yield path, searched

    def _refuse_link(self, path: Path, target: Path, above: frozenset[Path]) -> str | None:
        if not path.is_symlink():
            return None
        if not path.exists():
            return f"a link to {path.readlink()}, which does not exist; remove it, or exclude it in {IGNORE_FILE}"
        if not target.is_relative_to(self._root):
            return (
                f"a link to {path.readlink()}, which leaves the folder; "
                f"copy what it leads to into the folder, or exclude it in {IGNORE_FILE}"
            )
        if target in above:
            return f"a link to {path.readlink()}, which leads back to a folder that it is in; remove it"
        return None

    def _ignore_rules(self, file: Path) -> Iterator[_IgnoreRule]:
        if not file.is_file():
            return
        # Editors of Windows begin a file with a mark, which Airflow takes for a part of its first pattern.
        encoding = "utf-8" if file.name == AIRFLOW_IGNORE_FILE else "utf-8-sig"
        try:
            text = file.read_text(encoding=encoding)
        except UnicodeDecodeError as error:
            self._found.problems.append(f"has {self._name(file)}, which is not UTF-8 text: {error.reason}")
            return
        for number, line in enumerate(text.split("\n"), start=1):
            # Unlike git, Airflow takes a # anywhere in the line for the start of a comment.
            pattern = re.sub(r"\s*#.*", "", line)
            try:
                yield _IgnoreRule.parse(pattern, file.parent)
            except GitIgnorePatternError:
                self._found.problems.append(f"has {self._name(file)}, line {number}: {pattern!r} is not a pattern")

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()
