"""Which files of a DAG folder are uploaded, and what in it is refused. Reads the folder and runs nothing of it."""

import hashlib
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

MAX_FILES = 1000
MAX_FILE_BYTES = 50_000_000

IGNORE_FILE = ".airflowignore"

_MAX_COUNTED = 20 * MAX_FILES  # enough to name the count of a large folder, and soon over with `/`


@dataclass(frozen=True)
class DagFile:
    """A file to upload: where it is, its path below the folder with forward slashes, and a digest of its content."""

    path: Path
    name: str
    sha256: str


@dataclass
class DagFolder:
    """What is in a folder: the files to upload, and the reasons for which none of them may be."""

    files: list[DagFile] = field(default_factory=list[DagFile])
    problems: list[str] = field(default_factory=list[str])


def read_dag_folder(folder: Path) -> DagFolder:
    """Return the files of `folder` that are uploaded, in the order of their names.

    Hidden files, `__pycache__` and what `.airflowignore` excludes are left out. Every `.py` file is compiled, so that
    one that Airflow could not even read is a problem here, with its line, and not an import error there.
    """
    found = DagFolder()
    try:
        _read(folder, found)
    except OSError as error:
        found.problems.append(f"cannot be read: {error}; name a folder that you may read")
    return found


def _read(folder: Path, found: DagFolder) -> None:
    if not folder.is_dir():
        found.problems.append(f"is {str(folder)!r}, which is not a folder; name one with DAG files in it")
        return
    root = folder.resolve()
    paths = list(islice(_Walk(root, found.problems).files(root, (), frozenset({root})), _MAX_COUNTED))
    if not paths and not found.problems:
        found.problems.append(f"is {str(folder)!r}, in which there is no file to upload; put a DAG into it")
    if len(paths) > MAX_FILES:
        found.problems.append(
            f"is {str(folder)!r} with {len(paths):,} files{' or more' if len(paths) == _MAX_COUNTED else ''}; "
            f"at most {MAX_FILES:,} are uploaded: "
            f"exclude some in {IGNORE_FILE}, or use a git bundle (dags_git_url)"
        )
        return
    for path in paths:
        _add(found, path, path.relative_to(root).as_posix())


def _add(found: DagFolder, path: Path, name: str) -> None:
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
    if path.suffix == ".py" and (mistake := _mistake(content, name)):
        found.problems.append(mistake)
    found.files.append(DagFile(path, name, hashlib.sha256(content).hexdigest()))


def _mistake(source: bytes, name: str) -> str | None:
    """Why Python cannot compile a file; None when it can. This machine's Python is asked, which the words say."""
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
    """A line of an `.airflowignore` file: a gitignore pattern (Airflow: `core.dag_ignore_file_syntax` is glob)."""

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


class _Walk:
    def __init__(self, root: Path, problems: list[str]) -> None:
        self._root = root
        self._problems = problems

    def files(self, folder: Path, rules: tuple[_IgnoreRule, ...], above: frozenset[Path]) -> Iterator[Path]:
        """Return the files below `folder`; `above` are the folders that lead there, with their links resolved."""
        rules = (*rules, *self._ignore_rules(folder))
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name == "__pycache__":
                continue
            is_folder = path.is_dir()
            decisions = [rule.decides(path, is_folder=is_folder) for rule in rules]
            if next((decision for decision in reversed(decisions) if decision is not None), False):
                continue
            target = path.resolve()
            if reason := self._refuse_link(path, target, above):
                self._problems.append(f"has {self._name(path)}, {reason}")
            elif is_folder:
                yield from self.files(path, rules, above | {target})
            elif path.is_file():
                yield path

    def _refuse_link(self, path: Path, target: Path, above: frozenset[Path]) -> str | None:
        if not path.is_symlink():
            return None
        if not path.exists():
            return f"a link to {path.readlink()}, which does not exist; remove it"
        if not target.is_relative_to(self._root):
            return f"a link to {path.readlink()}, which leaves the folder; copy what it leads to into the folder"
        if target in above:
            return f"a link to {path.readlink()}, which leads back to a folder that it is in; remove it"
        return None

    def _ignore_rules(self, folder: Path) -> Iterator[_IgnoreRule]:
        file = folder / IGNORE_FILE
        if not file.is_file():
            return
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            self._problems.append(f"has {self._name(file)}, which is not UTF-8 text: {error.reason}")
            return
        for number, line in enumerate(text.split("\n"), start=1):
            # Unlike git, Airflow takes a # anywhere in the line for the start of a comment.
            pattern = re.sub(r"\s*#.*", "", line)
            if pattern.strip() in ("", "/"):
                continue
            try:
                yield _IgnoreRule.parse(pattern, folder)
            except GitIgnorePatternError:
                self._problems.append(f"has {self._name(file)}, line {number}: {pattern!r} is not a pattern")

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()
