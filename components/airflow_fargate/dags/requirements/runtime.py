"""What packages have to fit in the container: its Airflow, its Python and its processor."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags

from ...image import DEFAULT_IMAGE, Image

# Airflow's README of its images: a tag is a version, with `slim-` before it and the Python behind it if they are not
# the default ones.
_TAG = re.compile(r"(?:slim-)?(?P<airflow>(?P<minor>3\.\d+)\.\d+(?:(?:a|b|rc)\d+)?)(?:-python(?P<python>3\.\d+))?")

# The same README at 3.1.3, 3.2.0 and 3.2.1 has 3.12; what runs in the image 3.3.2 has 3.13.
_OLD_DEFAULT_PYTHON = ("3.12", frozenset({"3.0", "3.1", "3.2"}))
_DEFAULT_PYTHON = "3.13"

# What `pip freeze` and `python -V` in the image say. Airflow's own constraints have neither.
_AIRFLOW_LINE = re.compile(r"^apache-airflow==(\S+)", re.MULTILINE)
_PYTHON_COMMENT = re.compile(r"^# Python (3\.\d+)", re.MULTILINE)

_MACHINES = {"X86_64": "x86_64", "ARM64": "aarch64"}

# glibc 2.28 or later, which every image of Airflow 3 has (Debian 12), and what manylinux was called before PEP 600.
_GLIBC_MINOR = 28
_OLD_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True)
class Runtime:
    """The versions of Airflow and of Python, such as 3.3.2 and 3.13, and Linux's name of the processor."""

    airflow: str
    python: str
    machine: str

    @property
    def platform(self) -> str:
        """Return uv's name of the platform."""
        return f"{self.machine}-manylinux_2_{_GLIBC_MINOR}"

    @property
    def tags(self) -> Mapping[Tag, int]:
        """Return the rank of each tag of a wheel that fits; the lowest fits best (PEP 425)."""
        names = [
            name
            for minor in range(_GLIBC_MINOR, min(_OLD_MANYLINUX) - 1, -1)
            for name in (f"manylinux_2_{minor}", *filter(None, [_OLD_MANYLINUX.get(minor)]))
        ]
        platforms = [f"{name}_{self.machine}" for name in (*names, "linux")]
        version = [int(part) for part in self.python.split(".")]
        interpreter = f"cp{version[0]}{version[1]}"
        tags = [
            *cpython_tags(version, [interpreter], platforms),
            *compatible_tags(version, interpreter, platforms),
        ]
        return {tag: rank for rank, tag in enumerate(tags)}

    @property
    def constraints(self) -> str:
        """Return where Airflow publishes what it was tested with (Airflow: "Installation from PyPI")."""
        return (
            f"https://raw.githubusercontent.com/apache/airflow/constraints-{self.airflow}/constraints-{self.python}.txt"
        )


def read_runtime(image: Image | None, cpu_architecture: str, constraints: str) -> Runtime:
    """Return what the image runs: by the tag of an official one, else by the text of the constraints.

    :param image: None if its name is not known yet.
    :param constraints: Pins, among them perhaps `apache-airflow==3.3.2`, and perhaps a line `# Python 3.12.1`; these
        two are read where the tag is silent, before the default Python of the official image is assumed.
    :raises ValueError: Neither says it; with the way out.
    """
    tag = _TAG.fullmatch(image.tag) if image and image.official else None
    airflow_line = _AIRFLOW_LINE.search(constraints)
    python_comment = _PYTHON_COMMENT.search(constraints)
    airflow = tag["airflow"] if tag else airflow_line and airflow_line[1]
    python = (
        (tag and tag["python"]) or (python_comment and python_comment[1]) or (tag and _default_python(tag["minor"]))
    )
    if airflow and python:
        return Runtime(airflow, python, _MACHINES[cpu_architecture])
    name = repr(image.name) if image else "an output"
    raise ValueError(
        f"needs the versions of Airflow and Python in the image, which is {name} and does not tell; name one such as "
        f"{DEFAULT_IMAGE}-python{_DEFAULT_PYTHON}, or give in constraints_path what this prints in yours: "
        """bash -c 'echo "# $(python -V)"; pip freeze'"""
    )


def _default_python(minor: str) -> str:
    old, minors = _OLD_DEFAULT_PYTHON
    return old if minor in minors else _DEFAULT_PYTHON
