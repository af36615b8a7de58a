"""Python packages for DAGs, which the entrypoint of the official image installs before Airflow starts."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors import Refusal, refuse_repeated
from ..part import Part

PACKAGES_VARIABLE = "_PIP_ADDITIONAL_REQUIREMENTS"

INSTALLATION_SECONDS = 300
"""The longest start period that ECS has. How long packages take to be installed depends on them."""


def packages_part(requirements: Sequence[str]) -> Part:
    """Have the packages installed whenever the container starts, and give it time for that."""
    if not requirements:
        return Part()
    # The entrypoint leaves the splitting to the shell.
    return Part(
        environment={PACKAGES_VARIABLE: " ".join(requirements)},
        start_period_seconds=INSTALLATION_SECONDS,
    )


def brings(requirements: Sequence[str], package: str) -> bool:
    """Whether a package is among those that are installed; what is no requirement at all is none."""
    names: list[str] = []
    for text in requirements:
        with suppress(InvalidRequirement):
            names.append(canonicalize_name(Requirement(text).name))
    return package in names


def refuse_packages(requirements: Sequence[str]) -> Iterator[Refusal]:
    """Refuse what is no package by name and version, and the one that must not be changed."""
    names: list[str] = []
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            yield Refusal("pip_requirements", f"has {text!r}: {reason}; give one such as pandas==2.3.*")
            continue
        name = canonicalize_name(requirement.name)
        names.append(name)
        if requirement.url or requirement.marker:
            yield Refusal(
                "pip_requirements",
                f"has {requirement.name} with a URL or a marker; name package and version only, or build an image",
            )
        elif name == "apache-airflow":
            yield Refusal("pip_requirements", f"has {text!r}; the version of Airflow is that of image")
        elif re.search(r"\s", text):
            yield Refusal("pip_requirements", f"has {text!r}; leave out the blanks, at which the entrypoint splits")
    yield from refuse_repeated("pip_requirements", names)
