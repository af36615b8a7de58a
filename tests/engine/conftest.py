"""Fixtures of the engine ring: one local cloud, and small projects to deploy to it."""

import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow_fargate.image import DEFAULT_IMAGE
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.emulator.fargate.sandbox import Isolation, is_granted
from local.engine import choose
from local.engine.choose import Engine, add_yaml
from local.paths import ROOT
from local.testing import clouds
from local.testing.clouds import temporary_cloud
from local.testing.deployed import GUIDE_IMAGE, Deployed, stand_in_image
from local.testing.emulated import IMAGE, Emulator
from local.testing.program import copy_program
from local.testing.workspace import Workspace
from local.warm import WarmPython
from tests.fixtures import warm

__all__ = ["warm"]

CLOCK_RATE = 5
"""The stand-in for Airflow is there at once, and need not be asked for its health every 15 seconds only."""

NewWorkspace = Callable[..., Workspace]

EXAMPLES = ROOT / "examples"
EXAMPLE_CONFIG: dict[str, Any] = {"allowedCidrs": ["127.0.0.0/8"]}
Example = Callable[..., Workspace]


@contextmanager
def refused(*words: str) -> Generator[None]:
    """Expect AWS's refusal of a call, with all of the words in its code or message."""
    with pytest.raises(ClientError) as refusal:
        yield
    error = refusal.value.response.get("Error", {})
    text = f"{error.get('Code')}: {error.get('Message')}"
    assert all(word in text for word in words), text


def create_linked_roles(iam: Any) -> None:
    """Make an account one in which the services have been used before."""
    for service in ("ecs", "elasticache", "rds"):
        iam.create_service_linked_role(AWSServiceName=f"{service}.amazonaws.com")


def skip_without(isolation: Isolation) -> None:
    """Skip a test where this machine, or this user, is not granted what isolates a task."""
    if not is_granted(isolation):
        pytest.skip(f"no {isolation} are granted here")


@pytest.fixture(scope="session")
def pulumi_engine() -> Engine:
    return choose.engine()


@pytest.fixture(scope="session")
def pulumi_yaml(pulumi_engine: Engine, warm: WarmPython) -> None:
    """Pulumi YAML's language host, which takes a minute to build the first time."""
    add_yaml(pulumi_engine)
    warm.engine(pulumi_engine)


@pytest.fixture
def free_port() -> int:
    return clouds.free_port()


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return what stands for each image of the tests' programs."""
    airflow = stand_in_image(tmp_path_factory.mktemp("image"))
    return {IMAGE: Path(sys.prefix), DEFAULT_IMAGE: airflow, GUIDE_IMAGE: airflow}


@pytest.fixture(scope="session")
def cloud(
    pulumi_engine: Engine, warm: WarmPython, images: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Generator[Cloud]:
    """Return the cloud that the tests share: its programs and providers start warm, and its account has been used."""
    folder = tmp_path_factory.mktemp("cloud")
    engine = warm.engine(pulumi_engine)
    with temporary_cloud(folder, engine, images, python=warm.executable, clock_rate=CLOCK_RATE) as cloud:
        create_linked_roles(cloud.client("iam"))
        yield cloud


@pytest.fixture(scope="session")
def cold_cloud(
    pulumi_engine: Engine, images: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Generator[Cloud]:
    """Return another one, for tests that look at the processes of a run, which are those of `make up`."""
    with temporary_cloud(tmp_path_factory.mktemp("cold"), pulumi_engine, images, clock_rate=CLOCK_RATE) as cloud:
        create_linked_roles(cloud.client("iam"))
        yield cloud


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Generator[Emulator]:
    """Return an emulator without a cloud around it, for the tests of one module."""
    emulator = Emulator(tmp_path_factory.mktemp("emulator"))
    yield emulator
    emulator.stop()


@pytest.fixture
def root_workspace(cloud: Cloud, tmp_path: Path) -> Generator[Workspace]:
    """Prepare the program of this repository; what it has deployed is destroyed after the test."""
    copy_program(tmp_path)
    made = Workspace.of(cloud, tmp_path, {"airflow-fargate:allowedCidrs": ["127.0.0.0/8"]})
    made.stack.prepare()
    yield made
    made.destroy()


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


@pytest.fixture
def example(cloud: Cloud, tmp_path: Path) -> Generator[Example]:
    """Copy an example and give it a stack; when the test is over, it is destroyed, and nothing may be left of it."""
    before = cloud.left_behind()
    (tmp_path / "components").symlink_to(ROOT / "components")
    with ExitStack() as cleanup:

        def copy(name: str, config: dict[str, Any] = EXAMPLE_CONFIG) -> Workspace:
            folder = tmp_path / "examples" / name
            made = shutil.ignore_patterns("Pulumi.*.yaml", "venv", "node_modules", "sdks", "go.sum")
            shutil.copytree(EXAMPLES / name, folder, ignore=made)
            project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
            workspace = Workspace.of(cloud, folder, {f"{project}:{key}": value for key, value in config.items()})
            cleanup.callback(workspace.destroy)
            return workspace

        yield copy
    assert cloud.left_behind() == before


@pytest.fixture
def stack(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Generator[Deployed]:
    """Return a stack to deploy to; what is there in the end is destroyed."""
    deployed = Deployed(cloud, Workspace.make(cloud, tmp_path_factory.mktemp("stack"), "", {}))
    yield deployed
    deployed.workspace.destroy()
