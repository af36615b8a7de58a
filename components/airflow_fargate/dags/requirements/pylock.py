"""The lock file beside the user's requirements: wheels with their places and hashes (PEP 751)."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from packaging.pylock import Package, Pylock, PylockValidationError
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from .runtime import Runtime
from .whole import whole
from .words import without_passwords


class LockedWheel(NamedTuple):
    """A wheel by its hash, and where it is to be had."""

    package: str
    version: str
    url: str
    sha256: str
    size: int | None
    """In bytes, if the index tells."""

    @property
    def name(self) -> str:
        """The name of the file."""
        return unquote(urlsplit(self.url).path).rpartition("/")[2]

    @property
    def tags(self) -> frozenset[Tag]:
        """What it fits, by its name; nothing if it is no wheel."""
        try:
            return parse_wheel_filename(self.name)[3]
        except InvalidWheelFilename:
            return frozenset()


class Lock(NamedTuple):
    """What a lock file holds: the wheels, and a digest of all that they were resolved from."""

    resolved_from: str
    wheels: tuple[LockedWheel, ...]


def lock_path(requirements: Path, runtime: Runtime) -> Path:
    """Return where the lock file is. Stacks with another Python or processor have their own, so that none flips."""
    stem = requirements.stem.replace(".", "-")
    return requirements.with_name(f"pylock.{stem}-cp{runtime.python.replace('.', '')}-{runtime.machine}.toml")


def read_lock(path: Path, runtime: Runtime) -> Lock | None:
    """Return what is in a lock file, or None if there is none.

    :raises ValueError: It is not one, or not one of wheels that fit; with what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    lock = _parse(text)
    tool = (lock.tool or {}).get("airflow-fargate", {})
    return Lock(str(tool.get("resolved-from", "")), _wheels(lock, runtime))


def read_resolved(text: str, runtime: Runtime) -> tuple[LockedWheel, ...]:
    """Return the wheels of a lock that uv has written, for each package the one that fits best.

    :raises ValueError: A package has none; with its name.
    """
    return _wheels(_parse(text), runtime)


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock file."""
    with whole(path) as part:
        part.write_text(_text(lock), encoding="utf-8")


def _parse(text: str) -> Pylock:
    try:
        return Pylock.from_dict(tomllib.loads(text))
    except PylockValidationError as error:
        raise ValueError(str(error)) from error


def _wheels(lock: Pylock, runtime: Runtime) -> tuple[LockedWheel, ...]:
    ranks = runtime.tags
    return tuple(_best(package, ranks) for package in lock.packages)


def _best(package: Package, ranks: Mapping[Tag, int]) -> LockedWheel:
    # An archive is what a requirement gives by its URL.
    found: list[tuple[int, LockedWheel]] = []
    for file in [package.archive] if package.archive else package.wheels or ():
        sha256 = file.hashes.get("sha256")
        if file.url and sha256:
            url = without_passwords(file.url)
            wheel = LockedWheel(package.name, str(package.version or ""), url, sha256, file.size)
            found += [(ranks[tag], wheel) for tag in wheel.tags if tag in ranks]
    if not found:
        raise ValueError(
            f"{package.name} has no wheel that fits, with a URL and a sha256, and nothing else can be shipped"
        )
    return min(found)[1]


def _text(lock: Lock) -> str:
    head = (
        "# Written by airflow-fargate, of the requirements beside it. Commit it: the wheels stay as long as those do.\n"
        'lock-version = "1.0"\n'
        'created-by = "airflow-fargate"\n'
    )
    blocks = "".join(map(_block, lock.wheels)) or "packages = []\n"
    return f"{head}{blocks}\n[tool.airflow-fargate]\nresolved-from = {json.dumps(lock.resolved_from)}\n"


def _block(wheel: LockedWheel) -> str:
    # JSON's strings are TOML's.
    size = f"size = {wheel.size}, " if wheel.size is not None else ""
    version = f"version = {json.dumps(wheel.version)}\n" if wheel.version else ""
    return (
        f"\n[[packages]]\nname = {json.dumps(wheel.package)}\n{version}"
        f"wheels = [{{ url = {json.dumps(wheel.url)}, {size}hashes = {{ sha256 = {json.dumps(wheel.sha256)} }} }}]\n"
    )
