"""What the tests of the engine ring share: one local cloud, and small projects to deploy to it."""

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from airflow_fargate.validation import DEFAULT_IMAGE

from local.cloud import Cloud
from local.engine.choose import Engine, add_yaml, engine
from local.paths import Home
from local.plugins import write_executable
from tests.engine import emulated
from tests.engine.deployed import AIRFLOW
from tests.engine.emulated import IMAGE
from tests.engine.workspace import Workspace

NewWorkspace = Callable[..., Workspace]


@pytest.fixture(scope="session")
def pulumi_engine() -> Engine:
    return engine()


@pytest.fixture(scope="session")
def pulumi_yaml(pulumi_engine: Engine) -> None:
    """Pulumi YAML's language host, which takes a minute to build the first time."""
    add_yaml(pulumi_engine)


def stand_in_image(folder: Path) -> Path:
    """What stands for the official image: its Python runs a stand-in for Airflow in place of the supervisor.

    With it, programs that name neither an image nor a command are deployed as they are.
    """
    (folder / "airflow.py").write_text(AIRFLOW)
    python = f"{sys.prefix}/bin/python"
    write_executable(
        folder / "bin" / "python", f'[ "$1" = -c ] && exec {python} {folder}/airflow.py\nexec {python} "$@"'
    )
    return folder


@pytest.fixture
def free_port() -> int:
    return emulated.free_port()


@pytest.fixture(scope="session")
def cloud(pulumi_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Generator[Cloud]:
    """A local cloud of its own, on a free port in a temporary folder."""
    cloud = Cloud(Home(tmp_path_factory.mktemp("cloud")), emulated.free_port(), pulumi_engine)
    cloud.prepare()
    cloud.start({IMAGE: Path(sys.prefix), DEFAULT_IMAGE: stand_in_image(tmp_path_factory.mktemp("image"))})
    yield cloud
    cloud.emulator.stop()


@pytest.fixture
def workspace(cloud: Cloud, tmp_path: Path) -> Generator[NewWorkspace]:
    """Makes a project from a program's text and its configuration; what it has deployed is destroyed after the test."""
    with ExitStack() as cleanup:

        def new(program: str, config: dict[str, Any] | None = None) -> Workspace:
            folder = tmp_path / f"project-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            made = Workspace.make(cloud, folder, program, config or {})
            cleanup.callback(made.destroy)
            return made

        yield new
