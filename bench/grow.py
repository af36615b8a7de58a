"""What a task of Airflow costs in the container and in one of its own: `make bench-grow`.

    python -m bench.grow [--tasks 20] [--repeat 5]

The program of this repository is deployed to a local cloud, once for each list of executors. Seconds are those of
Airflow's own columns, from queued to running; on AWS, what pulling the image takes comes on top of a task of its own.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench.__main__ import IDLE_AFTER, tree_pss
from local.engine.choose import engine
from local.environments import airflow as airflow_environment
from local.stack import Stack
from local.testing.clouds import temporary_cloud
from local.testing.deployed import Deployed
from local.testing.program import copy_program, local_config
from local.testing.workspace import Workspace
from operate.console import say
from operate.rest import RestClient

LOCAL, ECS = "LocalExecutor", "AwsEcsExecutor"

OPTIONS: Sequence[tuple[str, ...]] = ((LOCAL,), (LOCAL, ECS))

DAG = """
from airflow.sdk import dag, task

def define(name, executor):
    @dag(dag_id=name, schedule=None, max_active_tasks=100)
    def one():
        @task(executor=executor)
        def say(number):
            print("number", number)

        say.expand(number=list(range(COUNT)))

    one()

"""


class Row(NamedTuple):
    """What was measured of one executor in one list of them."""

    executors: tuple[str, ...]
    executor: str
    idle: float
    """MiB of the container with Airflow, with nothing to do."""
    started: float
    """Seconds from queued to running, the median of tasks that run alone."""
    together: float
    """Seconds for many tasks, from the trigger to the end of the run."""


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.grow", description=__doc__.split("\n")[0] if __doc__ else None
    )
    parser.add_argument("--tasks", type=int, default=20, help="how many run together")
    parser.add_argument("--repeat", type=int, default=5, help="how often a task runs alone")
    options = parser.parse_args()
    rows: list[Row] = []
    for executors in OPTIONS:
        with tempfile.TemporaryDirectory(prefix="airflow-fargate-bench-") as folder:
            rows += measure(Path(folder), executors, options.tasks, options.repeat)
    print(f"{'executors':<32}{'a task on':<18}{'idle':>10}{'queued to running':>20}{f'{options.tasks} tasks':>12}")
    for row in rows:
        print(
            f"{', '.join(row.executors):<32}{row.executor:<18}{row.idle:>6.0f} MiB"
            f"{row.started:>18.1f} s{row.together:>10.1f} s"
        )
    print(f"\nAgain: python -m bench.grow --tasks {options.tasks} --repeat {options.repeat}")


def measure(folder: Path, executors: tuple[str, ...], tasks: int, repeat: int) -> list[Row]:
    """Deploy Airflow with some executors, and run tasks on each of them."""
    project = folder / "project"
    project.mkdir()
    copy_program(project)
    (project / "dags").mkdir()
    dag = DAG
    for executor in executors:
        dag += f"COUNT = 1\ndefine('one_{executor}', '{executor}')\n"
        dag += f"COUNT = {tasks}\ndefine('many_{executor}', '{executor}')\n"
    (project / "dags" / "bench.py").write_text(dag)
    with temporary_cloud(folder / "cloud", engine(), airflow_environment.images()) as cloud:
        config = {**local_config(cloud.emulator.endpoint), "airflow-fargate:executors": list(executors)}
        (project / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": config}))
        deployed = Deployed(cloud, Workspace(Stack(cloud, project, "local")))
        say(f"deploying Airflow with {', '.join(executors)}")
        deployed.workspace.up()
        try:
            time.sleep(IDLE_AFTER)
            idle = tree_pss(deployed.supervisor().pid)
            outputs = deployed.workspace.outputs()
            rest = RestClient(outputs["url"], outputs["admin_username"], outputs["admin_password"])
            rows: list[Row] = []
            for executor in executors:
                say(f"running tasks on {executor}")
                alone = [run(rest, f"one_{executor}")[0] for _ in range(repeat)]
                together = run(rest, f"many_{executor}")[1]
                rows.append(Row(executors, executor, idle, statistics.median(alone), together))
            return rows
        finally:
            deployed.workspace.destroy()


def run(rest: RestClient, dag: str) -> tuple[float, float]:
    """Run a DAG; return the seconds that its first task was queued, and those from the trigger to the end."""
    rest.wait_for_dag(dag)
    began = time.monotonic()
    run_id = rest.trigger(dag)
    rest.wait_for_run(dag, run_id, 600)
    seconds = time.monotonic() - began
    tasks: list[dict[str, Any]] = rest.api("GET", f"/dags/{dag}/dagRuns/{run_id}/taskInstances").json["task_instances"]
    queued, started = (datetime.fromisoformat(tasks[0][when]) for when in ("queued_when", "start_date"))
    return (started - queued).total_seconds(), seconds


if __name__ == "__main__":
    main()
