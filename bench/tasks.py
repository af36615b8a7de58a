"""How fast many small tasks run: ``airflow standalone`` and our container command, each in turn in a control group.

    python -m bench.tasks [--airflow VENV] [--size 1024/2048] [--tasks N] [--beside N] [--rounds N]

A DAG of one mapped task is run twice, beside other DAGs that are only parsed; ours has the executor's settings that the
component gives it.
"""

import argparse
import os
import shlex
import time
from pathlib import Path

from airflow_fargate.executor.local import local_executor_part
from airflow_fargate.executor.settings import ExecutorSettings

from bench.__main__ import IDLE_AFTER, note
from bench.running import OURS, Kept, add_airflow, airflow, prepare
from local.cgroup import ControlGroup

RUN_WITHIN = 600.0

MANY = """
from datetime import datetime
from airflow.sdk import dag, task

@dag(
    dag_id="many",
    schedule=None,
    start_date=datetime(2024, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_tasks=64,
)
def many():
    @task
    def one(number):
        return number

    one.expand(number=list(range({tasks})))

many()
"""

BESIDE = """
from datetime import datetime
from airflow.sdk import dag, task

@dag(dag_id="beside_{number}", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def beside():
    @task
    def nothing():
        return None

    nothing()

beside()
"""


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.tasks", description=(__doc__ or "").split("\n")[0])
    add_airflow(parser)
    parser.add_argument("--size", default="1024/2048", help="CPU units / MiB")
    parser.add_argument("--tasks", type=int, default=100, help="how many instances the mapped task has")
    parser.add_argument("--beside", type=int, default=20, help="how many other DAGs there are")
    parser.add_argument("--rounds", type=int, default=2, help="how often each of both is started")
    options = parser.parse_args()
    venv = prepare(options.airflow)
    cpu, memory = (int(part) for part in options.size.split("/"))
    print(f"{cpu / 1024:g} vCPU, {memory / 1024:g} GB; {options.tasks} tasks, {options.beside} DAGs beside")
    print(f"{'':<12}{'first run':>12}{'second run':>12}{'most used':>12}")
    for _ in range(options.rounds):
        for name in ("standalone", "ours"):
            first, second, peak = measure(venv, name, cpu, memory, options.tasks, options.beside)
            print(f"{name:<12}{first:>10.1f} s{second:>10.1f} s{peak:>8.0f} MiB", flush=True)
    again = ["--airflow", str(venv), "--size", options.size, "--tasks", str(options.tasks)]
    again += ["--beside", str(options.beside), "--rounds", str(options.rounds)]
    print("\nAgain: " + shlex.join(["python", "-m", "bench.tasks", *again]))


def measure(venv: Path, name: str, cpu: int, memory: int, tasks: int, beside: int) -> tuple[float, float, float]:
    """Return the seconds of two runs of all tasks, and what the container used at most, in MiB."""
    group = ControlGroup(f"airflow-fargate-bench-{os.getpid()}-{name}", cpu=cpu, memory=memory)
    settings = local_executor_part(ExecutorSettings(), memory).defaults
    variables = {key: value for key, value in settings.items() if isinstance(value, str)}
    command = OURS if name == "ours" else ("airflow", "standalone")
    kept = Kept(variables if name == "ours" else {})
    dag = MANY.format(tasks=tasks)
    with airflow(venv, command, dag, group, bytecode="image", parallelism=4, kept=kept) as running:
        for number in range(beside):
            (running.home / "dags" / f"beside_{number}.py").write_text(BESIDE.format(number=number))
        if running.wait_until_healthy(lambda seconds: note(f"{name}: waiting for healthy, {seconds:.0f} s")) is None:
            raise SystemExit(f"{name} was not healthy")
        running.rest.wait_for_dag("many")
        time.sleep(IDLE_AFTER)
        runs: list[float] = []
        for number in ("first", "second"):
            note(f"{name}: {number} run of {tasks} tasks")
            began = time.monotonic()
            running.rest.wait_for_run("many", running.rest.trigger("many"), RUN_WITHIN)
            runs.append(time.monotonic() - began)
        note("")
        return runs[0], runs[1], (group.memory_peak() or 0) / 2**20


if __name__ == "__main__":
    main()
