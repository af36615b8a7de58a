"""Whatever ends, Airflow is back: each of its processes, the container, the task."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.cgroup import ROOT
from local.testing.controls import pass_time
from operate import status
from operate.rest import until_airflow
from tests.container.conftest import Airflow
from tests.stories import tell

CONNECTION = {"connection_id": "kept", "conn_type": "http", "host": "example.com", "password": "a secret"}

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")

RESTART_PERIOD = 300
"""Seconds that a container must have run for ECS to start it again in the same task: its `restartAttemptPeriod`."""


def test_airflow_is_back(airflow: Airflow, subtests: pytest.Subtests) -> None:
    assert airflow.rest.api("POST", "/connections", CONNECTION).status == 201
    airflow.run_dag("example_bash_operator")
    # Its schedule, which begins with the first run, has made another.
    until_airflow(
        lambda: len(runs(airflow)) > 1 and {how for _, how in runs(airflow)} == {"success"}, 180, "all runs to end"
    )
    kept = state(airflow)
    for name in (*COMPONENTS, "supervisor"):
        with subtests.test(f"a killed {name} is back in the same task with everything intact"):
            kill(airflow, name)
            assert state(airflow) == kept
    tell(
        subtests,
        [
            the_log_names_what_died_and_how,
            after_all_of_it_a_dag_still_runs,
            a_killed_task_is_followed_by_another_whose_address_status_and_up_give,
        ],
        airflow,
    )


def runs(airflow: Airflow) -> list[tuple[str, str]]:
    found = airflow.rest.api("GET", "/dags/example_bash_operator/dagRuns").json["dag_runs"]
    return [(run["dag_run_id"], run["state"]) for run in found]


def state(airflow: Airflow) -> dict[str, Any]:
    return {
        "task": [task["taskArn"] for task in airflow.tasks()],
        "url": airflow.workspace.outputs()["url"],
        "login": airflow.rest.log_in(airflow.workspace.outputs()["admin_password"]).status,
        "runs": runs(airflow),
        "connection": airflow.rest.api("GET", "/connections/kept").json,
        "health": airflow.tasks()[0]["healthStatus"],
    }


def kill(airflow: Airflow, name: str) -> None:
    """Kill a process of the container, and wait until Airflow is healthy again."""
    supervisor = airflow.supervisor()
    pass_time(airflow.cloud.emulator.endpoint, RESTART_PERIOD)
    everything = airflow.processes()

    (supervisor if name == "supervisor" else airflow.component(name)).kill()

    _, alive = psutil.wait_procs(everything, timeout=60)
    assert [everything[process] for process in alive] == [], "the container ends as a whole"
    until_airflow(lambda: airflow.tasks()[0]["healthStatus"] == "HEALTHY", 180, "the task to be healthy again")
    assert airflow.supervisor() != supervisor


def the_log_names_what_died_and_how(airflow: Airflow) -> None:
    killed = [line for line in airflow.log() if "SIGKILL" in line]

    assert [name for name in COMPONENTS if not any(name in line for line in killed)] == []


def after_all_of_it_a_dag_still_runs(airflow: Airflow) -> None:
    airflow.run_dag("example_bash_operator")


def a_killed_task_is_followed_by_another_whose_address_status_and_up_give(airflow: Airflow) -> None:
    outputs = airflow.workspace.outputs()
    [task] = airflow.tasks()
    airflow.client("ecs").stop_task(cluster=outputs["cluster_arn"], task=task["taskArn"], reason="a test")
    until_airflow(
        lambda: [t for t in airflow.tasks() if t["healthStatus"] == "HEALTHY" and t["taskArn"] != task["taskArn"]],
        240,
        "the service to start another task",
    )

    ecs, ec2 = airflow.client("ecs"), airflow.client("ec2")
    [row] = status.tasks(ecs, ec2, outputs["cluster_arn"], outputs["service_arn"])
    airflow.up()

    assert row.url == airflow.workspace.outputs()["url"] != outputs["url"]
    assert airflow.rest.request("GET", "/api/v2/version").status == 200


BUSY = """
from airflow.sdk import dag, task

@dag(schedule=None, default_args={"retries": 0})
def busy():
    @task
    def work(number):
        import time
        time.sleep(25)

    work.expand(number=list(range(8)))

busy()
"""


def test_on_a_small_cpu_a_killed_scheduler_delays_eight_tasks_by_less_than_five_minutes(
    airflow: Airflow, capsys: pytest.CaptureFixture[str]
) -> None:
    (airflow.dags / "busy.py").write_text(BUSY)
    airflow.up()
    airflow.rest.wait_for_dag("busy")
    run = f"/dags/busy/dagRuns/{airflow.rest.trigger('busy')}"

    def states() -> list[str]:
        instances = airflow.rest.api("GET", f"{run}/taskInstances").json["task_instances"]
        return sorted(str(instance["state"]) for instance in instances)

    with half_a_vcpu(airflow) as limited:
        until_airflow(
            lambda: states().count("running") == 4 and len(states()) == 8, 180, "four tasks to run and four to wait"
        )
        pass_time(airflow.cloud.emulator.endpoint, RESTART_PERIOD)
        killed, before = time.monotonic(), airflow.supervisor()
        airflow.component("scheduler").kill()
        until_airflow(lambda: not before.is_running(), 30, "the container to end")
        until_airflow(lambda: airflow.tasks()[0]["healthStatus"] == "HEALTHY", 180, "the task to be healthy again")
        healthy = time.monotonic() - killed
        assert str(airflow.supervisor().pid) in limited.read_text().split()
        until_airflow(
            lambda: airflow.rest.api("GET", run).json["state"] in ("success", "failed"), 280, "the run to end"
        )
        done = time.monotonic() - killed

    with capsys.disabled():
        print(f"\n0.5 vCPU, 4 tasks running and 4 waiting, scheduler killed: healthy after {healthy:.0f} s, ", end="")
        print(f"all done after {done:.0f} s (python -m pytest tests/container/test_recovery.py -k small_cpu)")
    assert states() == ["success"] * 8, "none has a retry, and each that was started again is done"
    (airflow.dags / "busy.py").unlink()
    airflow.up()


@contextmanager
def half_a_vcpu(airflow: Airflow) -> Generator[Path]:
    """Limit the CPU of the group that the task has for its share of it, and return the file that lists who is in it."""
    v2 = (ROOT / "cgroup.controllers").exists()
    lines = [line.split(":", 2) for line in Path(f"/proc/{airflow.supervisor().pid}/cgroup").read_text().splitlines()]
    [path] = [path for _, names, path in lines if (not names if v2 else "cpu" in names.split(","))]
    group = (ROOT if v2 else ROOT / "cpu") / path.lstrip("/")
    name, half, all_of_it = ("cpu.max", "50000 100000", "max 100000") if v2 else ("cpu.cfs_quota_us", "50000", "-1")
    (group / name).write_text(half)
    try:
        yield group / "cgroup.procs"
    finally:
        (group / name).write_text(all_of_it)
