"""What a task of Airflow costs in the container, in one of its own, and on a worker of Celery: `make bench-grow`.

    python -m bench.grow [--tasks 100] [--mapped 200] [--repeat 5]

The program of this repository is deployed to a local cloud, once for each list of executors; of workers it has as many
as the tables say, of two slots each. Seconds are those of Airflow's own columns, from queued to running; on AWS, what
pulling the image takes comes on top of a task of its own. All containers share the cores of this machine.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from airflow_fargate.executor.settings import CELERY, ECS, LOCAL
from airflow_fargate.task.running import tasks_of

from bench.__main__ import IDLE_AFTER, tree_pss
from local.engine.choose import engine
from local.environments import airflow as airflow_environment
from local.stack import Stack
from local.testing.clouds import temporary_cloud
from local.testing.deployed import Deployed, title
from local.testing.program import copy_program, local_config
from local.testing.workspace import Workspace
from operate.console import say
from operate.rest import RestClient, until_airflow

SLOTS_OF_A_WORKER = 2
WORKERS = (1, 2, 4)
AS_LOCAL = 2
"""So many workers have as many slots as the container has, by its memory of 2 GB."""

REMOTE_AT_ONCE = 8
"""So many containers of their own are there at once: more only wait for the cores that all of them share here."""

DAG = """
from airflow.sdk import dag, task

def define(name, executor, count, at_once):
    @dag(dag_id=name, schedule=None, max_active_tasks=at_once)
    def several():
        @task(executor=executor)
        def say(number):
            print("number", number)

        say.expand(number=list(range(count)))

    several()

"""

RUNS_WITHIN = 1800


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
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.grow", description=__doc__.split("\n")[0] if __doc__ else None
    )
    parser.add_argument("--tasks", type=int, default=100, help="how many run together")
    parser.add_argument("--mapped", type=int, default=200, help="how many run on workers")
    parser.add_argument("--repeat", type=int, default=5, help="how often a task runs alone")
    options = parser.parse_args()
    sizes = {"one": 1, "many": options.tasks, "mapped": options.mapped}
    rows: list[Row] = []
    for executors in ((LOCAL,), (LOCAL, ECS)):
        with deployed(executors, sizes) as airflow:
            idle = airflow.idle()
            rows += [Row(executors, each, idle, *airflow.measure(each, options.repeat)) for each in executors]
    on_workers: dict[int, float] = {}
    with deployed((CELERY,), sizes) as airflow:
        for workers in WORKERS:
            airflow.have(workers)
            if workers == AS_LOCAL:
                rows.append(Row((CELERY,), CELERY, airflow.idle(), *airflow.measure(CELERY, options.repeat)))
            say(f"running {options.mapped} tasks on {workers} workers")
            on_workers[workers] = airflow.run(f"mapped_{CELERY}")[1]
    print_executors(rows, options.tasks)
    print_workers(on_workers, options.mapped)
    print(f"\nAgain: python -m bench.grow --tasks {options.tasks} --mapped {options.mapped} --repeat {options.repeat}")


def print_executors(rows: Sequence[Row], tasks: int) -> None:
    """One line an executor."""
    slots = AS_LOCAL * SLOTS_OF_A_WORKER
    print(
        f"\nA task on each executor: {slots} at once in the container and on {AS_LOCAL} workers of Celery, "
        f"{REMOTE_AT_ONCE} in containers of their own"
    )
    print(f"{'executors':<32}{'a task on':<18}{'idle':>10}{'queued to running':>20}{f'{tasks} tasks':>12}")
    for row in rows:
        print(
            f"{', '.join(row.executors):<32}{row.executor:<18}{row.idle:>6.0f} MiB"
            f"{row.started:>18.1f} s{row.together:>10.1f} s"
        )


def print_workers(found: dict[int, float], tasks: int) -> None:
    """One line for each number of workers."""
    print(f"\n{tasks} mapped tasks on workers of Celery, of {SLOTS_OF_A_WORKER} slots each")
    print(f"{'workers':<10}{'slots':>6}{'seconds':>10}{'tasks a second':>17}")
    for workers, seconds in found.items():
        print(f"{workers:<10}{workers * SLOTS_OF_A_WORKER:>6}{seconds:>10.1f}{tasks / seconds:>17.1f}")


@dataclass(frozen=True)
class Grown:
    """One deployed Airflow."""

    deployed: Deployed
    configuration: Path

    def idle(self) -> float:
        """Return the MiB of the container with Airflow when it has had nothing to do for a while."""
        time.sleep(IDLE_AFTER)
        emulator = self.deployed.cloud.emulator.running()
        assert emulator is not None  # noqa: S101 - it runs as long as its cloud
        # Workers have supervisors too.
        [scheduler] = [each for each in emulator.children(recursive=True) if title(each) == "airflow scheduler"]
        return tree_pss(scheduler.ppid())

    def measure(self, executor: str, repeat: int) -> tuple[float, float]:
        """Return the median seconds of tasks alone, from queued to running, and those of a run of many."""
        say(f"running tasks on {executor}")
        alone = [self.run(f"one_{executor}")[0] for _ in range(repeat)]
        return statistics.median(alone), self.run(f"many_{executor}")[1]

    def run(self, dag: str) -> tuple[float, float]:
        """Run a DAG; return the seconds that its first task was queued, and those from the trigger to the end."""
        outputs = self.deployed.workspace.outputs()
        rest = RestClient(outputs["url"], outputs["admin_username"], outputs["admin_password"])
        rest.wait_for_dag(dag)
        began = time.monotonic()
        run_id = rest.trigger(dag)
        rest.wait_for_run(dag, run_id, RUNS_WITHIN)
        seconds = time.monotonic() - began
        answer = rest.api("GET", f"/dags/{dag}/dagRuns/{run_id}/taskInstances").json
        first: dict[str, Any] = answer["task_instances"][0]
        queued, started = (datetime.fromisoformat(first[when]) for when in ("queued_when", "start_date"))
        return (started - queued).total_seconds(), seconds

    def have(self, workers: int) -> None:
        """Have so many workers, and wait until all take tasks."""
        say(f"having {workers} workers")
        configuration = yaml.safe_load(self.configuration.read_text())
        configuration["config"]["airflow-fargate:workerCountMin"] = workers
        self.configuration.write_text(yaml.safe_dump(configuration))
        self.deployed.workspace.up()
        ecs = self.deployed.client("ecs")
        cluster = self.deployed.workspace.outputs()["worker_cluster_arn"]

        def healthy() -> bool:
            return [each.get("healthStatus") for each in tasks_of(ecs, cluster)] == ["HEALTHY"] * workers

        until_airflow(healthy, 300, f"{workers} healthy workers")


@contextmanager
def deployed(executors: Sequence[str], sizes: dict[str, int]) -> Generator[Grown]:
    """Deploy Airflow with some executors, and DAGs of each size for each of them."""
    with tempfile.TemporaryDirectory(prefix="airflow-fargate-bench-") as folder:
        project = Path(folder, "project")
        (project / "dags").mkdir(parents=True)
        copy_program(project)
        calls = [
            f"define('{size}_{each}', '{each}', {count}, {min(count, REMOTE_AT_ONCE) if each == ECS else count})\n"
            for each in executors
            for size, count in sizes.items()
        ]
        (project / "dags" / "bench.py").write_text(DAG + "\n".join([*calls, ""]))
        with temporary_cloud(Path(folder, "cloud"), engine(), airflow_environment.images()) as cloud:
            configuration = project / "Pulumi.local.yaml"
            values: dict[str, Any] = {"executors": list(executors)}
            if CELERY in executors:
                values |= {"database": "postgres", "workerConcurrency": SLOTS_OF_A_WORKER}
            config = local_config(cloud.emulator.endpoint) | {f"airflow-fargate:{k}": v for k, v in values.items()}
            configuration.write_text(yaml.safe_dump({"config": config}))
            airflow = Grown(Deployed(cloud, Workspace(Stack(cloud, project, "local"))), configuration)
            say(f"deploying Airflow with {', '.join(executors)}")
            airflow.deployed.workspace.up()
            try:
                yield airflow
            finally:
                airflow.deployed.workspace.destroy()


if __name__ == "__main__":
    main()
