"""The component in an account in which ECS, RDS and ElastiCache have never been used."""

import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from airflow_fargate.image import DEFAULT_IMAGE
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.emulator.api.linked_role import SECONDS
from local.engine.choose import Engine
from local.testing.clouds import temporary_cloud
from local.testing.deployed import OFFICIAL, Deployed, stand_in_image
from local.testing.emulated import IMAGE
from local.testing.workspace import Workspace
from local.warm import WarmPython
from tests.engine.conftest import CLOCK_RATE, refused


@pytest.fixture
def cloud(pulumi_engine: Engine, warm: WarmPython, tmp_path: Path) -> Generator[Cloud]:
    """Return a cloud that nothing has been deployed to."""
    folder, engine = tmp_path / "cloud", warm.engine(pulumi_engine)
    images = {IMAGE: Path(sys.prefix), DEFAULT_IMAGE: stand_in_image(tmp_path / "image")}
    with temporary_cloud(folder, engine, images, python=warm.executable, clock_rate=CLOCK_RATE) as cloud:
        yield cloud


def test_ecs_refuses_capacity_until_its_role_is_there(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="first")

    with pytest.raises(ClientError, match="Unable to assume the service linked role"):
        ecs.put_cluster_capacity_providers(
            cluster="first", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
        )


def test_rds_and_elasticache_refuse_what_needs_their_roles_until_these_are_there(cloud: Cloud) -> None:
    rds, elasticache = cloud.client("rds"), cloud.client("elasticache")
    subnets = [each["SubnetId"] for each in cloud.client("ec2").describe_subnets()["Subnets"]]
    group = {"DBSubnetGroupName": "first", "DBSubnetGroupDescription": "first", "SubnetIds": subnets}

    with refused("InvalidParameterValue", "IAM.ServiceLinkedRoles"):
        rds.create_db_subnet_group(**group)
    with refused("ServiceLinkedRoleNotFoundFault"):
        elasticache.create_cache_subnet_group(
            CacheSubnetGroupName="first", CacheSubnetGroupDescription="first", SubnetIds=subnets
        )
    time.sleep(2 * SECONDS)
    rds.create_db_subnet_group(**group)


def test_the_first_up_waits_for_the_roles_and_the_destroy_leaves_nothing_but_them(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    stack = Deployed(cloud, Workspace.make(cloud, tmp_path / "stack", "", {}))
    stack.configure(**OFFICIAL, database="postgres", executors=["CeleryExecutor"])

    stack.workspace.up()

    assert len(stack.task_arns) == 1
    stack.workspace.destroy()
    assert cloud.left_behind() == set()
    roles = stack.client("iam").list_roles(PathPrefix="/aws-service-role/")["Roles"]
    services = ("ECS", "ElastiCache", "RDS")
    assert sorted(role["RoleName"] for role in roles) == [f"AWSServiceRoleFor{service}" for service in services]
