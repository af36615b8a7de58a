"""Python packages for DAGs, locked: the wheels that a file of requirements comes to, on this machine."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...image import Image
from .pylock import Lock, LockedWheel, lock_path, read_lock, write_lock
from .resolution import lines_of, resolve
from .runtime import Runtime, read_runtime
from .wheels import Store
from .words import without_passwords

MAX_BYTES = 500_000_000
"""Of all wheels together. Every start downloads and unpacks them, and ECS gives a start 300 seconds at most."""

# Options whose effect is in other files, of which the lock would not know that they have changed.
_INCLUDE = re.compile(r"(-r|-c|--requirements?(?![a-z-])|--constraints?(?![a-z-]))")
_SOURCE = re.compile(r"(-e|--editable(?![a-z-]))|[^#]*\b(git|hg|svn|bzr)\+")


@dataclass(frozen=True)
class Wheel:
    """A wheel: the name of the file, a digest of its content, and where it is."""

    name: str
    sha256: str
    path: Path


@dataclass
class Locked:
    """The wheels that the image lacks, or the reasons for which there are none."""

    wheels: tuple[Wheel, ...] = ()
    problems: list[str] = field(default_factory=list[str])
    runtime: Runtime | None = None
    """What the wheels were chosen for, if that is known."""

    @property
    def digest(self) -> str:
        """Identify the lock: it changes with the wheels, and with nothing else."""
        lines = sorted(f"{wheel.sha256}  {wheel.name}\n" for wheel in self.wheels)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def lock_requirements(
    path: Path,
    *,
    image: Image | None,
    cpu_architecture: str,
    constraints: str | None,
    say: Callable[[str], None],
) -> Locked:
    """Return the wheels of a file of requirements, for the Airflow and the Python that the image has.

    They are in a lock file beside it, which is the user's to commit. While the requirements and all else that it was
    resolved from stay, no index is asked. Else uv resolves anew, with the locked versions where they still fit.

    :param image: None if it is not known yet.
    :param cpu_architecture: X86_64 or ARM64.
    :param constraints: A file with pins or its URL; None for what Airflow publishes for its version.
    :param say: Is told what takes a while.
    """
    locked = Locked()
    try:
        _lock(locked, path, image, cpu_architecture, constraints, say)
    except (OSError, UnicodeDecodeError) as error:
        locked.problems.append(f"cannot be used: {error}; name a file that you may read, in a folder you may write to")
    except ValueError as error:
        locked.problems.append(str(error))
    return locked


def _lock(
    locked: Locked,
    path: Path,
    image: Image | None,
    cpu_architecture: str,
    constraints: str | None,
    say: Callable[[str], None],
) -> None:
    requirements = _read_requirements(path)
    pins = None if constraints is None or "://" in constraints else Path(constraints).read_text(encoding="utf-8-sig")
    runtime = locked.runtime = read_runtime(image, cpu_architecture, pins or "")
    constraints = constraints or runtime.constraints
    file = lock_path(path, runtime)
    lock = _read_lock(file, runtime)
    resolved_from = _digest(requirements, constraints if pins is None else pins, runtime)
    if lock is None or lock.resolved_from != resolved_from:
        say(f"Resolving {path} with uv")
        lock = Lock(resolved_from, _resolve(path, runtime, constraints, file))
        write_lock(file, lock)
    _refuse_size(sum(wheel.size or 0 for wheel in lock.wheels))
    store = Store(requirements, say)
    wheels: list[Wheel] = []
    for wheel in lock.wheels:
        try:
            wheels.append(Wheel(wheel.name, wheel.sha256, store.get(wheel)))
        except ValueError as error:
            locked.problems.append(f"{error}; make the index give what is in {file}, or delete that for a new lock")
    # An index may not tell sizes.
    _refuse_size(sum(wheel.path.stat().st_size for wheel in wheels))
    locked.wheels = tuple(wheels) if not locked.problems else ()


def _read_requirements(path: Path) -> str:
    text = path.read_text(encoding="utf-8-sig")
    lines = lines_of(text)
    for line in lines:
        shown = f"is {str(path)!r} with {without_passwords(line)!r}"
        if _INCLUDE.match(line):
            raise ValueError(
                f"{shown}; write all requirements into the one file: the pins of other constraints are for "
                "constraints_path, and Airflow's hold anyway"
            )
        if re.search(r"\s--hash\b", line):
            # uv would not compare them.
            raise ValueError(f"{shown}; give the requirements without hashes, which are for the lock file beside them")
        if _SOURCE.match(line):
            raise ValueError(f"{shown}, of which a wheel would have to be built; put one on an index")
    if all(line.startswith(("#", "-")) for line in lines if line):
        raise ValueError(f"is {str(path)!r}, in which there is no requirement; write one such as pandas==2.3.* into it")
    return text


def _read_lock(file: Path, runtime: Runtime) -> Lock | None:
    try:
        return read_lock(file, runtime)
    except ValueError as error:
        raise ValueError(
            f"has the lock file {str(file)!r}, which cannot be read: {error}; restore it, or delete it"
        ) from error


def _resolve(path: Path, runtime: Runtime, constraints: str, file: Path) -> tuple[LockedWheel, ...]:
    try:
        return resolve(path, runtime, constraints, file)
    except ValueError as error:
        raise ValueError(
            f"is {str(path)!r}, which uv cannot resolve for Airflow {runtime.airflow} with Python {runtime.python} and "
            f"{without_passwords(constraints)}: {error}; change a requirement, or give other constraints in "
            "constraints_path"
        ) from error


def _digest(*resolved_from: object) -> str:
    return hashlib.sha256(json.dumps([str(each) for each in resolved_from]).encode()).hexdigest()


def _refuse_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(
            f"has wheels of {size / 1e6:.0f} MB; every start unpacks them, so that at most {MAX_BYTES // 10**6} MB are "
            "shipped: leave some out, or build an image with them"
        )
