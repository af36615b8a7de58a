"""CeleryExecutor with as many workers as there are tasks for: from none, and back to none."""

import time
from typing import Any

import pytest

from local.testing.controls import pass_time
from operate.rest import until_airflow
from tests.container.conftest import Airflow
from tests.container.test_remote_tasks import variable
from tests.stories import tell

MOST, SLOTS = 2, 2
SLOWEST = 300

DAG = f"""
import time
from airflow.sdk import Variable, dag, task

@dag(schedule=None, max_active_tasks={2 * MOST * SLOTS})
def many():
    @task
    def one(number):
        while Variable.get("go") != "yes":
            time.sleep(1)

    one.expand(number=list(range({MOST * SLOTS})))

many()
"""


def test_workers_come_with_the_tasks_and_go_with_them(airflow: Airflow, subtests: pytest.Subtests) -> None:
    (airflow.dags / "workers.py").write_text(DAG)
    airflow.set(
        executors=["CeleryExecutor"],
        database="postgres",
        workerConcurrency=SLOTS,
        workerCountMin=0,
        workerCountMax=MOST,
    )
    airflow.up()
    tell(
        subtests,
        [
            there_is_none_in_the_beginning_and_the_first_task_has_one_started,
            more_are_started_for_what_waits,
            one_with_a_long_task_is_not_stopped_before_that_is_over,
            none_is_left_when_all_tasks_are_over,
        ],
        airflow,
    )


def there_is_none_in_the_beginning_and_the_first_task_has_one_started(airflow: Airflow) -> None:
    airflow.rest.wait_for_dag("many")
    assert wanted(airflow) == 0
    variable(airflow, "go", "no")
    airflow.rest.trigger("many")
    until_airflow(lambda: wanted(airflow) == 1, 90, "a worker to be wanted")
    until_airflow(lambda: states(airflow).count("running") == SLOTS, SLOWEST, "the slots of the worker to be taken")


def more_are_started_for_what_waits(airflow: Airflow) -> None:
    def are_wanted() -> bool:
        pass_time(airflow.cloud.emulator.endpoint, 60)
        return wanted(airflow) == MOST

    until_airflow(are_wanted, SLOWEST, "more workers to be wanted", every=5)
    until_airflow(lambda: states(airflow) == ["running"] * MOST * SLOTS, SLOWEST, "all tasks to run")


def one_with_a_long_task_is_not_stopped_before_that_is_over(airflow: Airflow) -> None:
    ecs, place = airflow.client("ecs"), workers(airflow)
    running = ecs.list_tasks(**place)["taskArns"]

    def protected() -> list[bool]:
        found = ecs.get_task_protection(**place, tasks=running)["protectedTasks"]
        return [each["protectionEnabled"] for each in found]

    until_airflow(lambda: protected() == [True] * MOST, 120, "both workers to be protected")
    [service] = ecs.list_services(**place)["serviceArns"]
    ecs.update_service(**place, service=service, desiredCount=1)
    time.sleep(5)
    assert sorted(ecs.list_tasks(**place)["taskArns"]) == sorted(running)

    variable(airflow, "go", "yes")
    [run] = airflow.rest.api("GET", "/dags/many/dagRuns").json["dag_runs"]
    airflow.rest.wait_for_run("many", run["dag_run_id"])
    until_airflow(
        lambda: len(ecs.list_tasks(**place)["taskArns"]) == 1, 120, "the worker that is too many to be stopped"
    )


def none_is_left_when_all_tasks_are_over(airflow: Airflow) -> None:
    def none_is_wanted() -> bool:
        pass_time(airflow.cloud.emulator.endpoint, 120)
        return wanted(airflow) == 0

    until_airflow(none_is_wanted, SLOWEST, "no worker to be wanted", every=5)
    ecs, place = airflow.client("ecs"), workers(airflow)
    until_airflow(lambda: ecs.list_tasks(**place)["taskArns"] == [], 120, "no worker to be left")


def workers(airflow: Airflow) -> dict[str, str]:
    return {"cluster": airflow.workspace.outputs()["worker_cluster_arn"]}


def wanted(airflow: Airflow) -> int:
    """Return how many workers there are to be."""
    ecs, place = airflow.client("ecs"), workers(airflow)
    [service] = ecs.describe_services(**place, services=ecs.list_services(**place)["serviceArns"])["services"]
    return service["desiredCount"]


def states(airflow: Airflow) -> list[Any]:
    """Return the states of all tasks."""
    answer = airflow.rest.api("GET", "/dags/many/dagRuns/~/taskInstances").json
    return [each["state"] for each in answer["task_instances"]]
