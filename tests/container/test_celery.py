"""CeleryExecutor: tasks of Airflow on workers, and what becomes of them when a worker ends."""

import re
import time
from collections import defaultdict
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
import valkey

from local.testing.deployed import title
from operate.rest import until_airflow
from tests.container.conftest import OF_THE_RING, Airflow
from tests.container.test_airflow import parameters
from tests.container.test_remote_tasks import variable
from tests.stories import tell

MANY = 12
SLOTS = 4

MAPPED = 200
WORKERS = 2
KILLED_EVERY = 20

LOSES_A_QUEUED_TASK_AFTER = 30
"""Seconds until what the broker has lost is queued again, which the component has be minutes; as long is the token good
that a task begins with."""

LEEWAY = 15
"""For how many seconds Airflow takes a token that is over, and some more."""

NOTICED_WITHIN = 10
"""Seconds in which a worker has its broker again, and the scheduler has heard of whatever ended then."""

COPIED_AGAIN_AFTER = 2 * OF_THE_RING["airflow-fargate:dagsRefreshSeconds"] + 1
"""Seconds after which a worker's copy of the DAGs is too old for the next task."""

FOLLOWED = """
from airflow.sdk import dag, task

@dag(schedule=None)
def followed():
    @task
    def tell():
        return "VERSION"

    tell()

followed()
"""

DAG = f"""
import os
import time
import uuid
from pathlib import Path
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

@dag(schedule=None, max_active_tasks={MAPPED})
def load():
    @task(retries=5, retry_delay=1)
    def work(number, ti=None):
        with Path("FOLDER", uuid.uuid4().hex).open("w") as told:
            for _ in range(5):
                print(number, ti.try_number, time.time(), file=told, flush=True)
                time.sleep(0.2)

    work.expand(number=list(range({MAPPED})))

many(), slow(), load()
"""


def test_tasks_run_on_workers(airflow: Airflow, subtests: pytest.Subtests, tmp_path: Path) -> None:
    (airflow.dags / "workers.py").write_text(DAG.replace("FOLDER", str(tmp_path)))
    (airflow.dags / "followed.py").write_text(FOLLOWED.replace("VERSION", "before"))
    airflow.set(
        executors=["CeleryExecutor"],
        database="postgres",
        workerConcurrency=SLOTS,
        secrets={"TOKEN": airflow.encrypted("t0ken"), "OTHER": airflow.encrypted("an0ther")},
        remoteTaskSecrets=["TOKEN"],
        environment={
            # For as many as there will be: some are with the broker when it loses them.
            "AIRFLOW__CORE__PARALLELISM": str(2 * WORKERS * SLOTS),
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": str(LOSES_A_QUEUED_TASK_AFTER),
        },
    )
    airflow.up()
    connection = {"connection_id": "known", "conn_type": "http", "password": "a-password"}
    assert airflow.rest.api("POST", "/connections", connection).status == 201
    tell(
        subtests,
        [
            they_have_no_key_of_airflows_and_their_logs_are_kept,
            a_changed_dag_is_there_in_the_next_run_on_the_same_worker,
            one_whose_worker_loses_its_broker_goes_on,
            one_that_has_begun_ends_on_the_worker_that_is_replaced_meanwhile,
            one_whose_worker_is_killed_is_run_again,
        ],
        airflow,
    )
    tell(subtests, [none_is_lost_or_runs_twice_at_once_whatever_ends_meanwhile], airflow, tmp_path)


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
        until_airflow(partial(is_kept, airflow, run, number), 120, "the log to be kept")


def a_changed_dag_is_there_in_the_next_run_on_the_same_worker(airflow: Airflow) -> None:
    before, there = airflow.run_dag("followed"), workers(airflow)
    (airflow.dags / "followed.py").write_text(FOLLOWED.replace("VERSION", "after"))
    airflow.up()
    time.sleep(COPIED_AGAIN_AFTER)
    after = airflow.run_dag("followed")

    assert [airflow.result("followed", run, "tell") for run in (before, after)] == ["before", "after"]
    assert workers(airflow) == there


def one_whose_worker_loses_its_broker_goes_on(airflow: Airflow) -> None:
    run = slow_run(airflow)
    time.sleep(LOSES_A_QUEUED_TASK_AFTER + LEEWAY)
    assert broker(airflow).execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") > 0
    time.sleep(NOTICED_WITHIN)
    variable(airflow, "go", "yes")
    airflow.rest.wait_for_run("slow", run)

    assert airflow.result("slow", run, "slowly") == [1, "a-password"[::-1]]
    log = "\n".join(airflow.log())
    assert "Connection to broker lost" in log
    received = re.findall(r"Task execute_workload\[(\S+)\] received", log)
    assert sorted(set(received)) == sorted(received), "another worker would have begun with it, and failed it"


def one_that_has_begun_ends_on_the_worker_that_is_replaced_meanwhile(airflow: Airflow) -> None:
    ecs, cluster = airflow.client("ecs"), airflow.workspace.outputs()["worker_cluster_arn"]
    run = slow_run(airflow)
    [before] = ecs.list_tasks(cluster=cluster)["taskArns"]
    [service] = ecs.list_services(cluster=cluster)["serviceArns"]

    def replaced() -> Any:
        return ecs.describe_tasks(cluster=cluster, tasks=[before])["tasks"][0]

    ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)
    until_airflow(lambda: replaced()["desiredStatus"] == "STOPPED", 300, "the worker to be told to stop")
    variable(airflow, "go", "yes")
    airflow.rest.wait_for_run("slow", run)

    assert airflow.result("slow", run, "slowly") == [1, "a-password"[::-1]]
    until_airflow(lambda: replaced()["lastStatus"] == "STOPPED", 120, "the worker to stop")
    assert [container["exitCode"] for container in replaced()["containers"]] == [0]


def one_whose_worker_is_killed_is_run_again(airflow: Airflow) -> None:
    run = slow_run(airflow)
    kill_oldest(airflow)
    began = time.monotonic()
    until_airflow(lambda: state_of_slow(airflow, run) != "running", 300, "the loss to be noticed")
    noticed = time.monotonic() - began
    variable(airflow, "go", "yes")
    airflow.rest.wait_for_run("slow", run, 300)

    assert airflow.result("slow", run, "slowly") == [2, "a-password"[::-1]]
    assert noticed < 66, "what docs/growing.md says, and a tenth for two cores that do all of this"


def none_is_lost_or_runs_twice_at_once_whatever_ends_meanwhile(airflow: Airflow, folder: Path) -> None:
    ecs, place = airflow.client("ecs"), {"cluster": airflow.workspace.outputs()["worker_cluster_arn"]}
    [service] = ecs.list_services(**place)["serviceArns"]
    ecs.update_service(**place, service=service, desiredCount=WORKERS)
    until_airflow(lambda: len(workers(airflow)) == WORKERS, 120, "the second worker")
    run = airflow.rest.trigger("load")
    began = time.monotonic()
    scenes = [(seconds, partial(kill_oldest, airflow)) for seconds in range(KILLED_EVERY, 121, KILLED_EVERY)]
    scenes.append((30, partial(reboot_broker, airflow)))
    scenes += [(seconds, partial(reboot_database, airflow)) for seconds in (50, 70, 90)]
    scenes.sort(key=lambda scene: scene[0])

    def ended() -> str:
        while scenes and time.monotonic() - began > scenes[0][0]:
            scenes.pop(0)[1]()
        try:
            answer = airflow.rest.api("GET", f"/dags/load/dagRuns/{run}")
        except OSError:
            airflow.go_on()  # a scheduler that asks the database while it restarts ends, and its container with it
            return ""
        state: str = answer.json["state"] if answer.status == 200 else ""
        return state if state in ("success", "failed") else ""

    assert until_airflow(ended, 600, "the run to end") == "success"

    found = told(folder)
    assert len(found) == MAPPED
    again = [pair for executions in found.values() for pair in pairwise(executions)]
    assert again, "workers had tasks when they were killed"
    assert all(before.ended < after.began and before.attempt < after.attempt for before, after in again), again
    assert any("Task stuck in queued; will try to requeue" in line for line in airflow.log()), "the broker lost some"


class Execution(NamedTuple):
    """One time that a task was run, as it has told itself."""

    began: float
    ended: float
    attempt: int


def told(folder: Path) -> dict[int, list[Execution]]:
    """Return how often each of the mapped tasks was run, in order."""
    found: dict[int, list[Execution]] = defaultdict(list)
    for file in folder.iterdir():
        if lines := [line.split() for line in file.read_text().splitlines()]:
            number, attempt, began = lines[0]
            found[int(number)].append(Execution(float(began), float(lines[-1][2]), int(attempt)))
    return {number: sorted(executions) for number, executions in found.items()}


def kill_oldest(airflow: Airflow) -> None:
    """Kill all of the worker that has been there for longest."""
    alive = sorted(map(supervisor_of, workers(airflow)), key=lambda each: each.create_time())
    for process in [alive[0], *alive[0].children(recursive=True)] if alive else []:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def reboot_broker(airflow: Airflow) -> None:
    elasticache = airflow.client("elasticache")
    [node] = elasticache.describe_cache_clusters()["CacheClusters"]
    elasticache.reboot_cache_cluster(CacheClusterId=node["CacheClusterId"], CacheNodeIdsToReboot=["0001"])


def broker(airflow: Airflow) -> Any:
    """Return a client of the broker, as workers are."""
    [url] = [value for name, value in parameters(airflow).items() if "BROKER_URL" in name]
    return valkey.Valkey.from_url(url.partition("?")[0], ssl_cert_reqs=None, ssl_check_hostname=False)


def reboot_database(airflow: Airflow) -> None:
    rds = airflow.client("rds")
    [instance] = rds.describe_db_instances()["DBInstances"]
    rds.reboot_db_instance(DBInstanceIdentifier=instance["DBInstanceIdentifier"])


def is_kept(airflow: Airflow, run: str, number: int) -> bool:
    return f"number {number}" in airflow.rest.task_log("many", run, "one", number)


def workers(airflow: Airflow) -> list[psutil.Process]:
    """Return the processes of the workers, not those that they have for tasks."""
    emulator = airflow.cloud.emulator.running()
    assert emulator is not None, "the emulator does not run"
    # Celery names its processes itself.
    return [each for each in emulator.children(recursive=True) if ":MainProcess" in title(each)]


def supervisor_of(worker: psutil.Process) -> psutil.Process:
    [container] = [each for each in worker.parents() if title(each) == "airflow supervisor"]
    return container


def slow_run(airflow: Airflow) -> str:
    """Return a run whose task has begun, and goes on until it is let go."""
    variable(airflow, "go", "no")
    run = airflow.rest.trigger("slow")
    until_airflow(lambda: state_of_slow(airflow, run) == "running", 180, "the task to begin")
    return run


def state_of_slow(airflow: Airflow, run: str) -> str | None:
    state: str | None = airflow.rest.api("GET", f"/dags/slow/dagRuns/{run}/taskInstances/slowly").json["state"]
    return state
