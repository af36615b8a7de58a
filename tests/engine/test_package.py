"""Sdist and wheel: what is in them, and nothing else."""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from airflow_fargate.packed import SUFFIX

from local.paths import ROOT
from release.check import build
from release.packed import SOURCES

PACKAGE = ROOT / "components" / "airflow_fargate"
FILES = {file.relative_to(PACKAGE.parent).as_posix() for file in PACKAGE.rglob("*.py")} | {
    *(file.with_suffix(SUFFIX).relative_to(PACKAGE.parent).as_posix() for file in SOURCES),
    "airflow_fargate/py.typed",
    "airflow_fargate/schema.json",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("build"))


def test_the_wheel_has_the_package_its_schema_and_its_licence_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [metadata] = [Parser().parsestr(archive.read(name).decode()) for name in names if name.endswith("/METADATA")]
        [licence] = [archive.read(name).decode() for name in names if name.endswith("/licenses/LICENSE")]

    assert {name for name in names if ".dist-info/" not in name} == FILES
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Version"] == wheel.name.split("-")[1]
    assert licence == (ROOT / "LICENSE").read_text()


def test_the_sdist_has_the_package_and_what_builds_it_alone(wheel: Path) -> None:
    [sdist] = wheel.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if not archive.getmember(name).isdir()}

    assert {name for name in names if ".egg-info/" not in name} == {
        *FILES,
        *("LICENSE", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"),
    }


def test_pip_installs_it_from_the_repository_without_a_clone(tmp_path: Path) -> None:
    # Some versions of pip refuse a URL without a host.
    source = f"airflow-fargate @ git+{ROOT.as_uri().replace('///', '//localhost/')}#subdirectory=components"

    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path, source], check=True
    )

    assert {file.name for file in tmp_path.glob("*/*")} >= {"component.py", "py.typed", "schema.json", "METADATA"}
