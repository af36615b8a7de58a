"""Whatever becomes of a task, the next has its data and the logs of its tasks."""

import re
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from airflow_fargate.data.keeper import snapshot_key

from local.environments.airflow import version
from local.testing.faults import Faults
from operate import backup
from operate.console import CommandError
from operate.rest import until_airflow
from operate.snapshots import newest_snapshot
from operate.status import aws_configuration
from tests.container.conftest import Airflow
from tests.stories import tell

SECONDS = 30
"""From one snapshot to the next."""

OUTAGE = 20.0

DAG = """
import time
from datetime import datetime
from airflow.sdk import dag, task

@dag(schedule=None, start_date=datetime(2024, 1, 1))
def counts_slowly():
    @task(retries=0)
    def count(ti=None):
        # The first attempt takes longer than a task that is stopping waits for it.
        for second in range(300 if ti.try_number == 1 else 5):
            print("second", second, flush=True)
            time.sleep(1)
    count()

counts_slowly()
"""


def test_whatever_becomes_of_a_task_the_next_has_its_data(airflow: Airflow, subtests: pytest.Subtests) -> None:
    kept = filled(airflow)
    tell(
        subtests,
        [
            another_cpu_finds_runs_variables_connections_and_logs_and_runs_again_what_was_running,
            a_task_that_is_stopped_has_saved_what_was_written_at_its_end,
            a_task_that_is_lost_loses_no_more_than_came_after_its_last_snapshot,
            an_s3_that_fails_for_a_time_delays_the_end_and_the_start_and_loses_nothing,
            an_s3_that_refuses_lets_no_airflow_start_until_it_is_mended,
            a_task_that_lives_on_beside_its_successor_saves_nothing_any_more,
            a_damaged_snapshot_gives_way_to_the_one_before,
            a_database_of_a_later_airflow_is_refused_by_name,
            an_update_that_fails_is_rolled_back_to_an_airflow_with_its_data,
            a_backup_is_restored_by_file_and_an_earlier_database_by_its_time,
            what_a_destroyed_stack_has_left_is_what_was_promised_and_the_start_of_another,
        ],
        airflow,
        kept,
    )


def filled(airflow: Airflow) -> dict[str, Any]:
    """Fill the database, and return what is to be the same for ever."""
    (airflow.dags / "counts_slowly.py").write_text(DAG)
    airflow.set(databaseSnapshotSeconds=SECONDS)
    airflow.up()
    for number in range(5):
        connection = {"connection_id": f"kept-{number}", "conn_type": "http", "login": f"user {number}"}
        assert airflow.rest.api("POST", "/connections", {**connection, "password": "a secret"}).status == 201
        assert airflow.rest.api("POST", "/variables", {"key": f"kept-{number}", "value": f"{number}"}).status == 201
    for _ in range(3):
        airflow.run_dag("etl_orders")
    return state(airflow)


def state(airflow: Airflow) -> dict[str, Any]:
    """Return what Airflow has, each task's log included."""
    database = in_database(airflow)
    logs = {(run, task): log(airflow, "etl_orders", run, task) for run, task in database["tries"]}
    return {**database, "logs": logs}


def assert_kept(airflow: Airflow, kept: dict[str, Any]) -> None:
    assert state(airflow) == kept, "\n".join(line for line in airflow.log() if line.startswith("keeper "))


def in_database(airflow: Airflow) -> dict[str, Any]:
    runs = get(airflow, "/dags/etl_orders/dagRuns")["dag_runs"]
    tries = get(airflow, "/dags/etl_orders/dagRuns/~/taskInstances")["task_instances"]
    return {
        "runs": {run["dag_run_id"]: run["state"] for run in runs},
        "tries": {(each["dag_run_id"], each["task_id"]): (each["state"], each["try_number"]) for each in tries},
        # Encrypted like passwords, and readable with the same key alone.
        "variables": {each["key"]: each["value"] for each in get(airflow, "/variables")["variables"]},
        "connections": {each["connection_id"]: each["login"] for each in get(airflow, "/connections")["connections"]},
    }


def get(airflow: Airflow, path: str) -> Any:
    answer = airflow.rest.api("GET", path)
    assert answer.status == 200, answer.text
    return answer.json


def log(airflow: Airflow, dag: str, run: str, task: str, attempt: int = 1) -> list[Any]:
    """Return the lines of a log, without where they were read from."""
    path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}?full_content=true"
    lines: list[Any] = get(airflow, path)["content"]
    ends = [number for number, line in enumerate(lines) if line["event"] == "::endgroup::"]
    assert lines[ends[0] + 1 :], f"no log at {path}: {lines}"
    return lines[ends[0] + 1 :]


@contextmanager
def a_variable(airflow: Airflow, key: str) -> Generator[Callable[[], bool]]:
    """Set a variable, hand over what tells whether it is there, and delete it."""
    assert airflow.rest.api("POST", "/variables", {"key": key, "value": "1"}).status == 201
    path = f"/variables/{key}"
    yield lambda: {200: True, 404: False}[airflow.rest.api("GET", path).status]
    airflow.rest.api("DELETE", path)


def stop(airflow: Airflow, task: Mapping[str, Any]) -> None:
    """Stop a task as ECS does, by SIGTERM first, and wait until it has ended."""
    airflow.client("ecs").stop_task(cluster=task["clusterArn"], task=task["taskArn"], reason="a test")
    wait_until_stopped(airflow, task)


def wait_until_stopped(airflow: Airflow, task: Mapping[str, Any]) -> None:
    """Wait for the end of all that a task does; one that is to stop is not listed any more, and still saves."""
    ecs, which = airflow.client("ecs"), {"cluster": task["clusterArn"], "tasks": [task["taskArn"]]}
    until_airflow(lambda: ecs.describe_tasks(**which)["tasks"][0]["lastStatus"] == "STOPPED", 180, "the task to stop")


def kill(airflow: Airflow) -> None:
    """End a task without notice. Killed again at once, its container is not restarted, and its disk goes with it."""
    first = airflow.supervisor()
    first.kill()
    first.wait(60)

    def restarted() -> psutil.Process | None:
        try:
            return airflow.supervisor()
        except StopIteration:
            return None

    until_airflow(restarted, 60, "the container to be restarted").kill()


def count_on(airflow: Airflow, count: int) -> None:
    outputs = airflow.workspace.outputs()
    which = {"cluster": outputs["cluster_arn"], "service": outputs["service_arn"]}
    airflow.client("ecs").update_service(**which, desiredCount=count)


def scale(airflow: Airflow, count: int) -> None:
    """Have the service run one task or none, and wait until it does, or all of its tasks have ended."""
    running = airflow.tasks()
    count_on(airflow, count)
    if count:
        airflow.go_on()
    else:
        for task in running:
            wait_until_stopped(airflow, task)


def wait_for_a_snapshot(airflow: Airflow) -> None:
    """Wait until all that is there now is in a snapshot."""
    s3, bucket, now = airflow.client("s3"), airflow.workspace.outputs()["data_bucket_name"], datetime.now(UTC)

    def saved() -> bool:
        newest = newest_snapshot(s3, bucket)
        # S3 tells whole seconds, and a copy is begun before it is saved.
        return newest is not None and newest.modified > now + timedelta(seconds=3)

    until_airflow(saved, 3 * SECONDS, "a snapshot")


def wait_for_line(airflow: Airflow, said: int, pattern: str, seconds: float) -> None:
    """Wait until the container's log has a line after the first so many."""
    try:
        until_airflow(
            lambda: any(re.search(pattern, line) for line in airflow.log()[said:]), seconds, f"{pattern!r} in the log"
        )
    except CommandError as failure:
        failure.add_note("\n".join(line for line in airflow.log()[said:] if line.startswith(("keeper", "supervisor"))))
        raise


def begin_to_count(airflow: Airflow) -> str:
    """Start a run of the slow DAG, wait until it counts, and return its id."""
    airflow.rest.wait_for_dag("counts_slowly")
    run = airflow.rest.trigger("counts_slowly")
    instance = f"/dags/counts_slowly/dagRuns/{run}/taskInstances/count"
    until_airflow(lambda: get(airflow, instance)["state"] == "running", 120, "the DAG to count")
    time.sleep(3)
    return run


def another_cpu_finds_runs_variables_connections_and_logs_and_runs_again_what_was_running(
    airflow: Airflow, kept: dict[str, Any]
) -> None:
    [task] = airflow.tasks()
    run = begin_to_count(airflow)

    airflow.set(cpu=2048, memory=4096)
    airflow.up()

    assert [each["taskArn"] for each in airflow.tasks()] != [task["taskArn"]]
    assert_kept(airflow, kept)
    airflow.rest.wait_for_run("counts_slowly", run)
    cut_off, whole = (
        [line["event"] for line in log(airflow, "counts_slowly", run, "count", attempt)] for attempt in (1, 2)
    )
    assert ("second 0" in cut_off, "second 0" in whole, "second 4" in whole) == (True, True, True)


def a_task_that_is_stopped_has_saved_what_was_written_at_its_end(airflow: Airflow, kept: dict[str, Any]) -> None:
    with a_variable(airflow, "written-last") as written:
        [task] = airflow.tasks()
        stop(airflow, task)
        airflow.go_on(but=[task["taskArn"]])

        assert written()
    assert_kept(airflow, kept)


def a_task_that_is_lost_loses_no_more_than_came_after_its_last_snapshot(airflow: Airflow, kept: dict[str, Any]) -> None:
    with a_variable(airflow, "written-before-the-snapshot") as written:
        wait_for_a_snapshot(airflow)
        [task] = airflow.tasks()
        kill(airflow)
        airflow.go_on(but=[task["taskArn"]])

        assert written()
    assert_kept(airflow, kept)


def an_s3_that_fails_for_a_time_delays_the_end_and_the_start_and_loses_nothing(
    airflow: Airflow, kept: dict[str, Any]
) -> None:
    faults = Faults(airflow.cloud.emulator.endpoint)
    with a_variable(airflow, "written-last") as written:
        faults.begin_outage("s3", "broken", OUTAGE)
        scale(airflow, 0)
        faults.begin_outage("s3", "throttled", OUTAGE)
        scale(airflow, 1)

        assert written()
    assert_kept(airflow, kept)


def an_s3_that_refuses_lets_no_airflow_start_until_it_is_mended(airflow: Airflow, kept: dict[str, Any]) -> None:
    faults = Faults(airflow.cloud.emulator.endpoint)
    scale(airflow, 0)
    said = len(airflow.log())
    faults.begin_outage("s3", "refused", 3600)
    try:
        count_on(airflow, 1)
        wait_for_line(airflow, said, "AccessDenied.*Airflow does not start with another one", 240)
    finally:
        faults.forget()
    airflow.go_on()

    assert_kept(airflow, kept)


def a_task_that_lives_on_beside_its_successor_saves_nothing_any_more(airflow: Airflow, kept: dict[str, Any]) -> None:
    [old] = airflow.tasks()
    said = len(airflow.log())
    ecs, cluster = airflow.client("ecs"), airflow.workspace.outputs()["cluster_arn"]
    [settings] = ecs.describe_services(cluster=cluster, services=[airflow.workspace.outputs()["service_arn"]])[
        "services"
    ]
    same = {name: settings[name] for name in ("taskDefinition", "networkConfiguration")}
    [new] = ecs.run_task(cluster=cluster, launchType="FARGATE", **same)["tasks"]
    wait_for_line(airflow, said, "keeper . restored the database", 240)
    with a_variable(airflow, "of-the-old-one") as written:
        wait_for_line(airflow, said, "another task has taken over the database", 2 * SECONDS)
        stop(airflow, new)
        stop(airflow, old)
        airflow.go_on(but=[old["taskArn"]])

        assert not written()
    assert_kept(airflow, kept)


def a_damaged_snapshot_gives_way_to_the_one_before(airflow: Airflow, kept: dict[str, Any]) -> None:
    scale(airflow, 0)
    said = len(airflow.log())
    key = snapshot_key(version())
    airflow.client("s3").put_object(Bucket=airflow.workspace.outputs()["data_bucket_name"], Key=key, Body=b"damaged")
    scale(airflow, 1)

    wait_for_line(airflow, said, f"{key} of .* is damaged .*: trying the one before", 0.1)
    assert_kept(airflow, kept)


def a_database_of_a_later_airflow_is_refused_by_name(airflow: Airflow, kept: dict[str, Any]) -> None:
    s3, bucket, key = airflow.client("s3"), airflow.workspace.outputs()["data_bucket_name"], snapshot_key(version())
    scale(airflow, 0)
    said = len(airflow.log())
    s3.copy_object(Bucket=bucket, Key=snapshot_key("99.0.0"), CopySource={"Bucket": bucket, "Key": key})
    marker = s3.delete_object(Bucket=bucket, Key=key)["VersionId"]
    try:
        count_on(airflow, 1)
        refused = f"was saved by Airflow 99.0.0, and Airflow {version()}, which this image has, cannot read it"
        wait_for_line(airflow, said, refused, 240)
    finally:
        s3.delete_object(Bucket=bucket, Key=snapshot_key("99.0.0"))
        s3.delete_object(Bucket=bucket, Key=key, VersionId=marker)
    airflow.go_on()

    assert_kept(airflow, kept)


def an_update_that_fails_is_rolled_back_to_an_airflow_with_its_data(airflow: Airflow, kept: dict[str, Any]) -> None:
    [before] = airflow.tasks()
    airflow.set(environment={"AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "many"})
    airflow.up(fails=True)
    airflow.go_on(but=[before["taskArn"]])

    assert_kept(airflow, kept)
    airflow.set(environment={})
    airflow.up()
    assert_kept(airflow, kept)


def a_backup_is_restored_by_file_and_an_earlier_database_by_its_time(airflow: Airflow, kept: dict[str, Any]) -> None:
    read = aws_configuration(airflow.workspace.stack.pulumi("config", "--json", "--show-secrets").stdout)
    wait_for_a_snapshot(airflow)
    file = backup.back_up(airflow.workspace.outputs(), read, airflow.workspace.stack.project, "local")
    moment = datetime.now(UTC)
    for source in (str(file), moment.isoformat()):
        tasks = [task["taskArn"] for task in airflow.tasks()]
        with a_variable(airflow, "written-later") as written:
            wait_for_a_snapshot(airflow)
            backup.restore(airflow.workspace.outputs(), read, source)
            airflow.go_on(but=tasks)

            assert not written()
        assert_kept(airflow, kept)


def what_a_destroyed_stack_has_left_is_what_was_promised_and_the_start_of_another(
    airflow: Airflow, kept: dict[str, Any]
) -> None:
    airflow.set(retainData=True)
    airflow.up()
    bucket = airflow.workspace.outputs()["data_bucket_name"]
    airflow.workspace.destroy()
    left = airflow.cloud.left_behind()
    [parameter] = left - {bucket}
    assert re.fullmatch(r".*FERNET_KEY.*", parameter)

    key = airflow.client("ssm").get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]
    airflow.set(retainData=False, restoreFrom=bucket, fernetKey=airflow.encrypted(key))
    airflow.up()

    assert airflow.workspace.outputs()["data_bucket_name"] != bucket
    # The logs have stayed where they were.
    assert in_database(airflow) == {name: value for name, value in kept.items() if name != "logs"}
    airflow.workspace.destroy()
    assert airflow.cloud.left_behind() == left
