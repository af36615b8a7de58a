"""Runs the mocks ring with the lowest and with the newest dependencies that the package allows."""

import subprocess
import sys

from local.paths import ROOT
from local.progress import Step, say
from tools.environments import COMPONENTS, make_environment, pinned, version_of

SHOWN = ("pulumi", "pulumi-aws", "pulumi-awsx", "pulumi-random", "boto3", "packaging", "pathspec")


def main() -> None:
    failed: list[str] = []
    for resolution in ("lowest-direct", "highest"):
        with Step(f"Environment with the {resolution} dependencies"):
            tests = pinned("hypothesis", "psutil", "pytest")
            python = make_environment(resolution, [COMPONENTS, *tests], "--resolution", resolution)
        say(", ".join(f"{package} {version_of(python, package)}" for package in SHOWN))
        if subprocess.run([python, "-m", "pytest", "tests/unit"], cwd=ROOT, check=False).returncode:
            failed.append(resolution)
    if failed:
        sys.exit(f"error: the tests fail with the {' and the '.join(failed)} dependencies")


if __name__ == "__main__":
    main()
