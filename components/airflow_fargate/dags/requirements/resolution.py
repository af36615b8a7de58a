"""Which wheels requirements come to beside an Airflow, found by uv."""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from .pylock import LockedWheel, read_resolved
from .runtime import Runtime
from .words import without_passwords


def lines_of(requirements: str) -> list[str]:
    """Return the lines of requirements, without the breaks that a backslash takes back."""
    return [line.strip() for line in requirements.replace("\\\n", " ").splitlines()]


def resolve(requirements: Path, runtime: Runtime, constraints: str, lock: Path) -> tuple[LockedWheel, ...]:
    """Return the wheels that requirements add to what Airflow itself needs, and which the image has.

    uv takes its settings, of indexes for instance, from its environment, its configuration and the requirements.

    :param constraints: A file, or its URL.
    :param lock: A lock file, whose versions are kept where they still fit.
    :raises ValueError: It is not possible, with uv's words; or something is not to be had as a wheel.
    """
    airflow = f"apache-airflow=={runtime.airflow}"
    options = [line for line in lines_of(requirements.read_text(encoding="utf-8-sig")) if line.startswith("-")]
    with tempfile.TemporaryDirectory(prefix="airflow-fargate-") as temporary:
        uv = _Uv(requirements, runtime, constraints)
        output = Path(temporary, "pylock.toml")
        if lock.exists():
            shutil.copyfile(lock, output)
        wheels = uv.compile([requirements.name], airflow, output)
        brought = uv.compile([], "\n".join([*options, airflow]), Path(temporary, "pylock.airflow.toml"))
    there = {(wheel.package, wheel.version) for wheel in brought}
    return tuple(wheel for wheel in wheels if (wheel.package, wheel.version) not in there)


@dataclass(frozen=True)
class _Uv:
    requirements: Path
    runtime: Runtime
    constraints: str

    def compile(self, files: list[str], more: str, output: Path) -> tuple[LockedWheel, ...]:
        constraints = self.constraints if "://" in self.constraints else Path(self.constraints).resolve()
        ended = subprocess.run(  # noqa: S603 - uv, of our own requirements
            [
                find_uv_bin(),
                *("pip", "compile", *files, "-", "--constraints", constraints, "--output-file", output),
                *("--python-version", self.runtime.python, "--python-platform", self.runtime.platform),
                # Nothing is built, so that any Python will do, and none is to be downloaded.
                *("--only-binary", ":all:", "--python", sys.executable, "--no-python-downloads"),
                *("--format", "pylock.toml", "--no-header", "--quiet", "--color", "never"),
            ],
            # Paths of requirements are relative to their file, those of standard input to here.
            cwd=self.requirements.parent,
            input=more,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise ValueError(_words(ended.stderr) or f"uv ended with {ended.returncode}")
        return read_resolved(output.read_text(encoding="utf-8"), self.runtime)


def _words(stderr: str) -> str:
    """Return uv's words in one line."""
    lines = re.sub(r"\s*\n\s*cause: ", ": ", without_passwords(stderr).removeprefix("error: "))
    return " ".join(lines.split()).removesuffix(".")
