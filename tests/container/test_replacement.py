"""An update of Airflow, on each database: all that it has is there, and one that fails takes nothing away."""

from typing import Any

import pytest

from local.environments.airflow import version
from local.testing import earlier
from tests.container.conftest import Airflow
from tests.stories import tell

CONNECTION = {"connection_id": "kept", "conn_type": "http", "host": "example.com", "password": "a secret"}
VARIABLE = {"key": "kept", "value": "a word"}


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_an_update_of_airflow_keeps_all_that_it_has(airflow: Airflow, subtests: pytest.Subtests, database: str) -> None:
    if database == "sqlite":
        # What a later Airflow has saved, an earlier one refuses to start with.
        airflow.workspace.destroy()
    airflow.set(database=database, image=earlier.IMAGE)
    airflow.up()
    for path, what in (("/connections", CONNECTION), ("/variables", VARIABLE)):
        assert airflow.rest.api("POST", path, what).status == 201
    known = knows(airflow, airflow.run_dag("example_bash_operator"))
    assert known["run"]["state"] == "success"

    tell(
        subtests,
        [
            one_that_fails_after_its_migration_is_rolled_back_to_the_airflow_before,
            one_that_succeeds_goes_on_with_all_of_it,
        ],
        airflow,
        known,
        database == "postgres",
    )


def one_that_fails_after_its_migration_is_rolled_back_to_the_airflow_before(
    airflow: Airflow, known: dict[str, Any], overlaps: bool
) -> None:
    [old] = airflow.tasks()
    airflow.set(image=f"apache/airflow:{version()}", environment={"AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "many"})

    airflow.up(fails=True)

    if overlaps:
        assert [each["taskArn"] for each in airflow.tasks()] == [old["taskArn"]], "the old task never stops"
    else:
        airflow.go_on(but=[old["taskArn"]])
    assert runs(airflow) == earlier.VERSION
    assert knows(airflow, known["run"]["dag_run_id"]) == known
    airflow.run_dag("example_bash_operator")


def one_that_succeeds_goes_on_with_all_of_it(airflow: Airflow, known: dict[str, Any], overlaps: bool) -> None:
    [old] = airflow.tasks()
    airflow.set(image=f"apache/airflow:{version()}", environment={})

    airflow.up()

    [new] = airflow.tasks()
    assert (new["startedAt"] < task(airflow, old)["stoppingAt"]) is overlaps
    assert runs(airflow) == version()
    assert knows(airflow, known["run"]["dag_run_id"]) == known
    airflow.run_dag("example_bash_operator")


def runs(airflow: Airflow) -> str:
    """Return the version of the Airflow that runs."""
    return airflow.rest.request("GET", "/api/v2/version").json["version"]


def knows(airflow: Airflow, run_id: str) -> dict[str, Any]:
    """Return what Airflow says of a run, a connection, a variable, its database and its administrator."""
    return {
        "run": airflow.rest.api("GET", f"/dags/example_bash_operator/dagRuns/{run_id}").json,
        "connection": airflow.rest.api("GET", "/connections/kept").json,
        "variable": airflow.rest.api("GET", "/variables/kept").json,
        "database": airflow.rest.request("GET", "/api/v2/monitor/health").json["metadatabase"],
        "login": airflow.rest.log_in(airflow.workspace.outputs()["admin_password"]).status,
    }


def task(airflow: Airflow, known: dict[str, Any]) -> dict[str, Any]:
    cluster = airflow.workspace.outputs()["cluster_arn"]
    [now] = airflow.client("ecs").describe_tasks(cluster=cluster, tasks=[known["taskArn"]])["tasks"]
    return now
