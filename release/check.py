"""Tries a release: builds it, installs the wheel into an empty environment, and runs the minimal example with it."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from airflow_fargate.image import DEFAULT_IMAGE

from local.engine.choose import engine
from local.paths import ROOT
from local.progress import Step
from local.proxies import without_proxy
from local.testing.clouds import temporary_cloud
from local.testing.deployed import health, stand_in_image
from local.testing.workspace import Workspace
from operate.console import say
from release.environments import make_environment, pinned
from release.paths import COMPONENTS, TRIED


def build(folder: Path) -> Path:
    """Build sdist and wheel into a folder, the wheel from the sdist, and return the wheel."""
    sources = folder / "sources"
    shutil.copytree(COMPONENTS, sources, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    command = [sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(sources)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"error: `python -m build` failed:\n{result.stdout}{result.stderr}")
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


def main() -> None:
    os.environ |= without_proxy(os.environ)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with Step("Sdist and wheel"):
            wheel = build(folder)
        with Step("Empty environment with the wheel"):
            # The provider stand-ins have the versions of the repository's environment.
            python = make_environment("release", [wheel, *pinned("pulumi-aws", "pulumi-awsx", "pulumi-random")])
        _run_minimal(folder, python)
        shutil.rmtree(TRIED, ignore_errors=True)
        shutil.copytree(wheel.parent, TRIED)
        say(f"{wheel.name} works, and is in {TRIED.relative_to(ROOT)}/ with its sdist")


def _run_minimal(folder: Path, python: Path) -> None:
    """Deploy the example to a local cloud, with a stand-in for Airflow in the image, and destroy it."""
    images = {DEFAULT_IMAGE: stand_in_image(folder / "image")}
    with temporary_cloud(folder / "cloud", engine(), images) as cloud:
        project = folder / "minimal"
        shutil.copytree(ROOT / "examples" / "minimal", project)
        # The environment that Pulumi.yaml of the example names.
        (project / "venv").symlink_to(python.parent.parent)
        workspace = Workspace.of(cloud, project, {"airflow-minimal:allowedCidrs": ["127.0.0.0/8"]})
        with Step("Minimal example: up"):
            workspace.up()
        scheduler = health(workspace.outputs()["url"])
        with Step("Minimal example: destroy"):
            workspace.destroy()
        if scheduler != "healthy" or cloud.left_behind():
            sys.exit(f"error: the scheduler is {scheduler}, left behind: {cloud.left_behind()}")


if __name__ == "__main__":
    main()
