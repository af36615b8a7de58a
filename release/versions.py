"""Runs the mocks ring with the lowest and with the newest dependencies that the package allows."""

import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from local.paths import ROOT
from local.progress import Step
from operate.console import say
from release.environments import make_environment, pinned, version_of
from release.paths import COMPONENTS

TESTS = ("hypothesis", "moto[server]", "psutil", "pytest", "pytest-xdist")
"""What the mocks ring imports beside the package, and what comes with that."""


def dependencies() -> dict[str, Version]:
    """Return the package's dependencies, each with the lowest version that it allows."""
    project = tomllib.loads((COMPONENTS / "pyproject.toml").read_text())["project"]
    requirements = [Requirement(text) for text in project["dependencies"]]
    return {
        requirement.name: Version(specifier.version)
        for requirement in requirements
        for specifier in requirement.specifier
        if specifier.operator == ">="
    }


def installed(python: Path) -> dict[str, Version]:
    """Return the versions of these dependencies in an environment."""
    versions = {package: Version(version_of(python, package)) for package in dependencies()}
    say(", ".join(f"{package} {version}" for package, version in versions.items()))
    return versions


def main() -> None:
    failed: list[str] = []
    for resolution in ("lowest-direct", "highest"):
        with Step(f"Environment with the {resolution} dependencies"):
            python = make_environment(resolution, [COMPONENTS, *pinned(*TESTS)], "--resolution", resolution)
        versions = installed(python)
        if resolution == "lowest-direct" and versions != dependencies():
            untested = [f"{package} {low}" for package, low in dependencies().items() if versions[package] != low]
            failed.append(f"error: never installed, since another dependency needs a newer one: {', '.join(untested)}")
        if subprocess.run([python, "-m", "pytest", "tests/unit"], cwd=ROOT, check=False).returncode:
            failed.append(f"error: the tests fail with the {resolution} dependencies")
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
