"""AwsEcsExecutor: tasks of Airflow in containers of their own, and what becomes of them when something happens."""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from local.testing.controls import limits
from operate.console import CommandError
from operate.rest import until_airflow
from tests.container.conftest import Airflow
from tests.stories import tell

RUNS, OF_A_RUN = 4, 5
REMOTE = RUNS * OF_A_RUN
"""So many run at once; they begin a run at a time, since all of them import Airflow on this machine's CPUs."""

DAG = f"""
import os
import time
from airflow.sdk import Connection, Variable, dag, task

remote = dict(executor="AwsEcsExecutor")

def size(cpu, memory):
    return dict(executor_config=dict(overrides=dict(cpu=str(cpu), memory=str(memory))))

@dag(schedule=None, max_active_tasks={REMOTE}, max_active_runs={RUNS})
def many():
    @task(**remote)
    def one(number):
        print("number", number)
        while Variable.get("go", default="no") != "yes":
            time.sleep(10)
        return sorted(os.environ)

    @task
    def here(others):
        return len(list(others))

    here(one.expand(number=list(range({OF_A_RUN}))))

@dag(schedule=None)
def memory():
    def take():
        return len(bytearray(os.urandom(1)) * (700 << 20))

    task(**remote, task_id="small")(take)()
    task(**remote, **size(512, 2048), task_id="large")(take)()

@dag(schedule=None)
def slow():
    @task(**remote, retries=1, retry_delay=1)
    def slowly(ti=None):
        password = Connection.get("known").password
        for _ in range(Variable.get("seconds", deserialize_json=True)):
            time.sleep(1)
        return [ti.try_number, password[::-1]]

    slowly()

many(), memory(), slow()
"""


def test_tasks_run_in_containers_of_their_own(airflow: Airflow, subtests: pytest.Subtests) -> None:
    (airflow.dags / "remote.py").write_text(DAG)
    airflow.set(
        executors=["LocalExecutor", "AwsEcsExecutor"],
        remoteTaskCpu=256,
        remoteTaskMemory=512,
        secrets={"TOKEN": airflow.encrypted("t0ken"), "OTHER": airflow.encrypted("an0ther")},
        remoteTaskSecrets=["TOKEN"],
    )
    airflow.up()
    connection = {"connection_id": "known", "conn_type": "http", "password": "a-password"}
    assert airflow.rest.api("POST", "/connections", connection).status == 201
    try:
        tell(
            subtests,
            [
                twenty_run_at_once_without_a_secret_and_their_logs_are_kept,
                each_has_the_memory_of_its_own_size,
                one_that_fargate_has_no_capacity_for_starts_when_there_is,
                one_that_is_stopped_is_started_again_by_airflow_alone,
                one_goes_on_while_airflow_is_away_and_is_taken_up_by_the_next,
            ],
            airflow,
        )
    finally:
        # One that a failed step has left would hold its security group, and fail the next scene of the ring.
        for task in all_of_the_family(airflow, "RUNNING"):
            airflow.client("ecs").stop_task(cluster=airflow.workspace.outputs()["cluster_arn"], task=task)


def twenty_run_at_once_without_a_secret_and_their_logs_are_kept(airflow: Airflow) -> None:
    airflow.rest.wait_for_dag("many")
    runs: list[str] = []
    for _ in range(RUNS):
        runs.append(trigger(airflow, "many"))
        until_airflow(
            lambda: remote_states(airflow, runs[-1]) == ["running"] * OF_A_RUN, 180, "the tasks of a run to run"
        )
    assert len(running(airflow)) == REMOTE
    status = airflow.workspace.command("operate.status", airflow.workspace.stack.name)
    assert f"{REMOTE} tasks of Airflow beside, each a Fargate task of its own." in status.stdout + status.stderr
    variable(airflow, "go", "yes")

    for run in runs:
        airflow.rest.wait_for_run("many", run, 300)
        for number in range(OF_A_RUN):
            names = airflow.result("many", run, "one", number)
            assert "TOKEN" in names
            assert [name for name in names if re.search("OTHER|PASSWORD|SECRET|KEY", name)] == []
            until_airflow(partial(is_logged, airflow, run, number), 60, f"the log of number {number}")
        assert airflow.result("many", run, "here") == OF_A_RUN


def is_logged(airflow: Airflow, run: str, number: int) -> bool:
    """Whether the log of a remote task can be read, which it keeps once it has said how it ended."""
    return f"number {number}" in airflow.rest.task_log("many", run, "one", number)


def each_has_the_memory_of_its_own_size(airflow: Airflow) -> None:
    run = trigger(airflow, "memory")
    ended = until_airflow(lambda: states(airflow, "memory", run, {"success", "failed"}), 180, "both tasks to end")

    assert ended == {"small": "failed", "large": "success"}


def one_that_fargate_has_no_capacity_for_starts_when_there_is(airflow: Airflow) -> None:
    variable(airflow, "seconds", "1")
    zones = [each["ZoneName"] for each in airflow.client("ec2").describe_availability_zones()["AvailabilityZones"]]
    with limits(airflow.cloud.emulator.endpoint, full_zones=zones):
        before = set(all_of_the_family(airflow))
        run = trigger(airflow, "slow")
        until_airflow(lambda: "Capacity is unavailable" in "\n".join(airflow.log()), 120, "RunTask to be refused")
        assert set(all_of_the_family(airflow)) <= before
    airflow.rest.wait_for_run("slow", run)

    assert airflow.result("slow", run, "slowly") == [1, "a-password"[::-1]]


def one_that_is_stopped_is_started_again_by_airflow_alone(airflow: Airflow) -> None:
    variable(airflow, "seconds", "60")
    before = set(all_of_the_family(airflow))
    run, task = slow_task(airflow)
    variable(airflow, "seconds", "1")
    airflow.client("ecs").stop_task(cluster=airflow.workspace.outputs()["cluster_arn"], task=task)
    began = time.monotonic()
    airflow.rest.wait_for_run("slow", run)

    assert airflow.result("slow", run, "slowly")[0] == 2
    assert len(set(all_of_the_family(airflow)) - before) == 2, "a try that has begun is not started again"
    assert time.monotonic() - began < 300, "before Airflow would miss its heartbeat"


def one_goes_on_while_airflow_is_away_and_is_taken_up_by_the_next(airflow: Airflow) -> None:
    variable(airflow, "seconds", "200")
    run, task = slow_task(airflow)
    ecs, service = airflow.client("ecs"), airflow.service
    asked = {"cluster": service["clusterArn"], "service": service["serviceArn"]}
    before = [arn for arn in airflow.task_arns if arn != task]
    ecs.update_service(**asked, desiredCount=0)
    until_airflow(lambda: airflow.task_arns == [task], 120, "Airflow's own task to end")
    time.sleep(60)
    ecs.update_service(**asked, desiredCount=1)
    airflow.go_on(but=before)
    airflow.rest.wait_for_run("slow", run, 300)

    assert airflow.result("slow", run, "slowly")[0] == 1
    until_airflow(lambda: running(airflow) == [], 120, "the task to be the only one")


def trigger(airflow: Airflow, dag: str) -> str:
    """Start a run of a DAG; with many tasks that report at once, SQLite may be locked for longer than Airflow waits."""

    def run() -> str:
        with suppress(CommandError):
            return airflow.rest.trigger(dag)
        return ""

    return until_airflow(run, 60, f"a run of {dag} to be accepted")


def slow_task(airflow: Airflow) -> tuple[str, str]:
    """Start the DAG whose task is slow; return the run and, once Airflow knows that it runs, the ARN of the task."""
    until_airflow(lambda: running(airflow) == [], 180, "no remote task to run")
    run = trigger(airflow, "slow")
    [task] = until_airflow(lambda: running(airflow), 120, "the task to run")
    until_airflow(lambda: states(airflow, "slow", run, {"running"}), 180, "Airflow to know that it runs")
    return run, task


def running(airflow: Airflow) -> list[str]:
    """Return the ARNs of the remote tasks that run."""
    arns = all_of_the_family(airflow, "RUNNING")
    if not arns:
        return []
    asked = {"cluster": airflow.workspace.outputs()["cluster_arn"], "tasks": arns}
    tasks = airflow.client("ecs").describe_tasks(**asked)["tasks"]
    return [task["taskArn"] for task in tasks if task["lastStatus"] == "RUNNING"]


def all_of_the_family(airflow: Airflow, *statuses: str) -> list[str]:
    cluster = airflow.workspace.outputs()["cluster_arn"]
    family = f"{cluster.rpartition('/')[2]}-remote"
    list_tasks = airflow.client("ecs").list_tasks
    return [
        arn
        for status in statuses or ("RUNNING", "STOPPED")
        for arn in list_tasks(cluster=cluster, family=family, desiredStatus=status)["taskArns"]
    ]


def remote_states(airflow: Airflow, run: str) -> list[str]:
    """Return the state of each remote task of a run of many."""
    instances = airflow.rest.api("GET", f"/dags/many/dagRuns/{run}/taskInstances").json["task_instances"]
    return [each["state"] for each in instances if each["task_id"] == "one"]


def states(airflow: Airflow, dag: str, run: str, wanted: set[str]) -> dict[str, str]:
    """Return the state of every task of a run by its name, once all are as wanted."""
    instances: Sequence[Any] = airflow.rest.api("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances").json[
        "task_instances"
    ]
    found = {each["task_id"]: each["state"] for each in instances}
    return found if set(found.values()) <= wanted else {}


def variable(airflow: Airflow, key: str, value: str) -> None:
    """Give a variable a value, whether it is there or not."""
    body, api = {"key": key, "value": value}, airflow.rest.api

    def is_set() -> bool:
        return api("PATCH", f"/variables/{key}", body).status == 200 or api("POST", "/variables", body).status == 201

    until_airflow(is_set, 60, f"the variable {key} to be set")
