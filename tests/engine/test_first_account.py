"""The component in an account in which ECS has never run."""

import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.engine.choose import Engine
from local.testing.clouds import temporary_cloud
from local.testing.deployed import Deployed
from local.testing.emulated import IMAGE
from local.testing.workspace import Workspace
from local.warm import WarmPython
from tests.engine.conftest import CLOCK_RATE


@pytest.fixture
def cloud(pulumi_engine: Engine, warm: WarmPython, tmp_path: Path) -> Generator[Cloud]:
    """Return a cloud that nothing has been deployed to."""
    folder, engine, images = tmp_path / "cloud", warm.engine(pulumi_engine), {IMAGE: Path(sys.prefix)}
    with temporary_cloud(folder, engine, images, python=warm.executable, clock_rate=CLOCK_RATE) as cloud:
        yield cloud


def test_ecs_refuses_capacity_until_its_role_is_there(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="first")

    with pytest.raises(ClientError, match="Unable to assume the service linked role"):
        ecs.put_cluster_capacity_providers(
            cluster="first", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
        )


def test_the_first_up_waits_for_the_role_and_the_destroy_leaves_nothing_but_it(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    stack = Deployed(cloud, Workspace.make(cloud, tmp_path / "stack", "", {}))
    stack.configure()

    stack.workspace.up()

    assert len(stack.task_arns) == 1
    stack.workspace.destroy()
    assert cloud.left_behind() == set()
    roles = stack.client("iam").list_roles(PathPrefix="/aws-service-role/")["Roles"]
    assert [role["RoleName"] for role in roles] == ["AWSServiceRoleForECS"]
