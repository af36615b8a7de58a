"""What the tests of the engine ring share: one local cloud, and small projects to deploy to it."""

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from airflow_fargate.image import DEFAULT_IMAGE

from local.cloud import Cloud
from local.engine.choose import Engine, add_yaml, engine
from local.paths import Home
from local.testing import emulated
from local.testing.deployed import GUIDE_IMAGE, Deployed, stand_in_image
from local.testing.emulated import IMAGE
from local.testing.workspace import Workspace

NewWorkspace = Callable[..., Workspace]


@pytest.fixture(scope="session")
def pulumi_engine() -> Engine:
    return engine()


@pytest.fixture(scope="session")
def pulumi_yaml(pulumi_engine: Engine) -> None:
    """Pulumi YAML's language host, which takes a minute to build the first time."""
    add_yaml(pulumi_engine)


@pytest.fixture
def free_port() -> int:
    return emulated.free_port()


@pytest.fixture(scope="session")
def cloud(pulumi_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Generator[Cloud]:
    """Return a local cloud on a free port, in a temporary folder: an account in which ECS has run before."""
    cloud = Cloud(Home(tmp_path_factory.mktemp("cloud")), emulated.free_port(), pulumi_engine)
    cloud.prepare()
    airflow = stand_in_image(tmp_path_factory.mktemp("image"))
    cloud.start({IMAGE: Path(sys.prefix), DEFAULT_IMAGE: airflow, GUIDE_IMAGE: airflow})
    iam = cloud.session().client("iam", endpoint_url=cloud.emulator.endpoint)
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    yield cloud
    cloud.emulator.stop()


@pytest.fixture
def workspace(cloud: Cloud, tmp_path: Path) -> Generator[NewWorkspace]:
    """Make a project from a program's text and its configuration; what it has deployed is destroyed after the test."""
    with ExitStack() as cleanup:

        def new(program: str, config: dict[str, Any] | None = None) -> Workspace:
            folder = tmp_path / f"project-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            made = Workspace.make(cloud, folder, program, config or {})
            cleanup.callback(made.destroy)
            return made

        yield new


@pytest.fixture(scope="module")
def empty_stack(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Generator[Deployed]:
    """Return a stack for the tests of one file, which deploy to it; what is there in the end is destroyed."""
    deployed = Deployed(cloud, Workspace.make(cloud, tmp_path_factory.mktemp("stack"), "", {}))
    yield deployed
    deployed.workspace.destroy()


@pytest.fixture(scope="module")
def stack(empty_stack: Deployed) -> Deployed:
    """Return the component, deployed; each test of a file goes on from what the one before has left."""
    empty_stack.configure()
    empty_stack.workspace.up()
    return empty_stack
