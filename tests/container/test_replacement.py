"""A replaced task: what Airflow has in PostgreSQL is there."""

from typing import Any

from local.environments.airflow import version
from tests.container import earlier
from tests.container.conftest import Airflow

CONNECTION = {"connection_id": "kept", "conn_type": "http", "host": "example.com", "password": "a secret"}
VARIABLE = {"key": "kept", "value": "a word"}


def test_an_update_of_airflow_keeps_all_that_is_in_postgresql(airflow: Airflow) -> None:
    airflow.set(database="postgres", image=earlier.IMAGE)
    airflow.up()
    for path, what in (("/connections", CONNECTION), ("/variables", VARIABLE)):
        assert airflow.rest.api("POST", path, what).status == 201
    known = knows(airflow, airflow.run_dag("example_bash_operator"))
    assert known["run"]["state"] == "success"
    [old] = airflow.tasks()
    assert airflow.rest.request("GET", "/api/v2/version").json["version"] == earlier.VERSION

    airflow.set(image=f"apache/airflow:{version()}")
    airflow.up()

    [new] = airflow.tasks()
    assert new["startedAt"] < task(airflow, old)["stoppingAt"], "the new task starts before the old one stops"
    assert airflow.rest.request("GET", "/api/v2/version").json["version"] == version()
    assert knows(airflow, known["run"]["dag_run_id"]) == known
    airflow.run_dag("example_bash_operator")


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
