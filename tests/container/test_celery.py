"""CeleryExecutor: tasks of Airflow on workers, and what becomes of them when a worker ends."""

import signal
import time
from functools import partial
from typing import Any

import psutil
import pytest

from local.testing.deployed import title
from operate.rest import until
from tests.container.conftest import Airflow
from tests.container.test_remote_tasks import variable
from tests.stories import tell

MANY = 12
SLOTS = 4

DAG = f"""
import os
import time
from airflow.sdk import Connection, Variable, dag, task

@dag(schedule=None, max_active_tasks={MANY})
def many():
    @task(max_active_tis_per_dagrun={MANY})
    def one(number):
        print("number", number)
        return sorted(os.environ)

    one.expand(number=list(range({MANY})))

@dag(schedule=None)
def slow():
    @task(retries=1, retry_delay=1)
    def slowly(ti=None):
        password = Connection.get("known").password
        while Variable.get("go") != "yes":
            time.sleep(1)
        return [ti.try_number, password[::-1]]

    slowly()

many(), slow()
"""


def test_tasks_run_on_workers(airflow: Airflow, subtests: pytest.Subtests) -> None:
    (airflow.dags / "workers.py").write_text(DAG)
    airflow.set(
        executors=["CeleryExecutor"],
        database="postgres",
        workerConcurrency=SLOTS,
        secrets={"TOKEN": airflow.encrypted("t0ken"), "OTHER": airflow.encrypted("an0ther")},
        remoteTaskSecrets=["TOKEN"],
    )
    airflow.up()
    connection = {"connection_id": "known", "conn_type": "http", "password": "a-password"}
    assert airflow.rest.api("POST", "/connections", connection).status == 201
    tell(
        subtests,
        [
            they_have_no_key_of_airflows_and_their_logs_are_kept,
            one_that_has_begun_ends_on_the_worker_that_is_replaced_meanwhile,
            one_whose_worker_is_killed_is_run_again,
        ],
        airflow,
    )


def they_have_no_key_of_airflows_and_their_logs_are_kept(airflow: Airflow) -> None:
    airflow.rest.wait_for_dag("many")
    status = airflow.workspace.command("operate.status", airflow.workspace.stack.name)
    assert "1 of 1 workers of Celery run." in status.stdout + status.stderr
    run = airflow.run_dag("many")

    for number in (0, MANY - 1):
        names = airflow.result("many", run, "one", number)
        assert "TOKEN" in names
        keys = ("ADMIN_PASSWORD", "OTHER")
        assert [name for name in names if name in keys or "SECRET" in name or "KEY" in name] == []
        # It is put into the bucket when the task's process is gone, seconds after the run has ended.
        until(partial(is_kept, airflow, run, number), 120, "the log to be kept")


def one_that_has_begun_ends_on_the_worker_that_is_replaced_meanwhile(airflow: Airflow) -> None:
    ecs, cluster = airflow.client("ecs"), airflow.workspace.outputs()["worker_cluster_arn"]
    run = slow_run(airflow)
    [before] = ecs.list_tasks(cluster=cluster)["taskArns"]
    [service] = ecs.list_services(cluster=cluster)["serviceArns"]

    def replaced() -> Any:
        return ecs.describe_tasks(cluster=cluster, tasks=[before])["tasks"][0]

    ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)
    until(lambda: replaced()["desiredStatus"] == "STOPPED", 300, "the worker to be told to stop")
    variable(airflow, "go", "yes")
    airflow.rest.wait_for_run("slow", run)

    assert airflow.result("slow", run, "slowly") == [1, "a-password"[::-1]]
    until(lambda: replaced()["lastStatus"] == "STOPPED", 120, "the worker to stop")
    assert [container["exitCode"] for container in replaced()["containers"]] == [0]


def one_whose_worker_is_killed_is_run_again(airflow: Airflow) -> None:
    run = slow_run(airflow)
    killed = worker(airflow)
    [container] = [each for each in killed.parents() if title(each) == "airflow supervisor"]
    killed.send_signal(signal.SIGKILL)
    began = time.monotonic()
    container.wait(120)
    variable(airflow, "go", "yes")
    airflow.rest.wait_for_run("slow", run, 300)

    assert airflow.result("slow", run, "slowly") == [2, "a-password"[::-1]]
    assert time.monotonic() - began < 240, "before Airflow would miss its heartbeat by default"


def is_kept(airflow: Airflow, run: str, number: int) -> bool:
    return f"number {number}" in airflow.rest.task_log("many", run, "one", number)


def worker(airflow: Airflow) -> psutil.Process:
    """Return the process of the worker, not those that it has for tasks."""
    emulator = airflow.cloud.emulator.running()
    assert emulator is not None, "the emulator does not run"
    titles = {process: title(process) for process in emulator.children(recursive=True)}
    # Celery names its processes itself.
    found = [process for process, name in titles.items() if ":MainProcess" in name]
    assert len(found) == 1, sorted(titles.values())
    return found[0]


def slow_run(airflow: Airflow) -> str:
    """Return a run whose task has begun, and goes on until it is let go."""
    variable(airflow, "go", "no")
    run = airflow.rest.trigger("slow")
    instance = f"/dags/slow/dagRuns/{run}/taskInstances/slowly"
    until(lambda: airflow.rest.api("GET", instance).json["state"] == "running", 180, "the task to begin")
    return run
