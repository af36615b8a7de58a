"""Whether Airflow grows with the versions of its DAGs: our container, whose DAG is another every minute.

    python -m bench.versions [--airflow VENV] [--versions 50] [--minutes 60]

Each version is run once, and is then looked at over the API as the interface does, with some of the earlier ones. The
memory is PSS in MiB: of the whole container, and of the processes in it that hold DAGs of which there are versions.
"""

import argparse
import os
import shlex
import time

import psutil

from bench.__main__ import note, tree_pss
from bench.running import OURS, Kept, Running, add_airflow, airflow, prepare
from local.cgroup import ControlGroup
from local.testing.deployed import title

HOLDERS = ("api-server", "scheduler", "dag-processor", "triggerer")

TASKS = 20

DAG = """
from datetime import datetime
from airflow.sdk import dag, task

@dag(dag_id="changing", schedule=None, start_date=datetime(2024, 1, 1), is_paused_upon_creation=False)
def changing():
    @task
    def one():
        return {number}

    @task
    def version_{number}(value):
        return value

    for _ in range({tasks}):
        version_{number}(one())

changing()
"""

ROWS = 10
"""How many rows the table has."""


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.versions", description=(__doc__ or "").split("\n")[0])
    add_airflow(parser)
    parser.add_argument("--versions", type=int, default=50, help="how many versions the DAG has")
    parser.add_argument("--minutes", type=float, default=60, help="how long all of them take")
    options = parser.parse_args()
    venv = prepare(options.airflow)
    pause = options.minutes * 60 / options.versions
    group = ControlGroup(f"airflow-fargate-bench-{os.getpid()}", cpu=1024, memory=2048)
    kept = Kept({"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5"})
    print(f"{'versions':>8}{'minutes':>9}{'all':>7}" + "".join(f"{name:>16}" for name in HOLDERS))
    command = (venv, OURS, DAG.format(number=1, tasks=TASKS), group)
    with airflow(*command, bytecode="image", parallelism=4, kept=kept) as running:
        if running.wait_until_healthy(lambda seconds: note(f"waiting for healthy, {seconds:.0f} s")) is None:
            raise SystemExit("Airflow was not healthy:\n" + (running.home / "log").read_text()[-3000:])
        began = time.monotonic()
        for number in range(1, options.versions + 1):
            if number > 1:
                (running.home / "dags" / "bench.py").write_text(DAG.format(number=number, tasks=TASKS))
            note(f"version {number} of {options.versions}")
            use(running, number)
            if number % max(1, options.versions // ROWS) == 0 or number == 1:
                print_memory(running, number, (time.monotonic() - began) / 60)
            time.sleep(max(0.0, began + number * pause - time.monotonic()))
    again = ["--airflow", str(venv), "--versions", str(options.versions), "--minutes", f"{options.minutes:g}"]
    print("\nAgain: " + shlex.join(["python", "-m", "bench.versions", *again]))


def use(running: Running, number: int) -> None:
    """Wait until Airflow has a version, run it, and look at it and at those before, as the interface does."""
    rest, path = running.rest, "/dags/changing"
    rest.wait_for_dag("changing")
    deadline = time.monotonic() + 120
    while f"version_{number}" not in {task["task_id"] for task in rest.api("GET", f"{path}/tasks").json["tasks"]}:
        if time.monotonic() > deadline:
            raise SystemExit(f"Airflow has no version {number} of the DAG after two minutes")
        time.sleep(1)
    run = rest.trigger("changing")
    rest.wait_for_run("changing", run, 300)
    for each in rest.api("GET", f"{path}/dagRuns?limit=20&order_by=-run_after").json["dag_runs"]:
        rest.api("GET", f"{path}/dagRuns/{each['dag_run_id']}/taskInstances")
    for version in range(max(1, number - 20), number + 1):
        rest.request("GET", f"/ui/structure/structure_data?dag_id=changing&version_number={version}")
        rest.api("GET", f"/dagSources/changing?version_number={version}")
    rest.request("GET", "/ui/grid/structure/changing?limit=20")


def print_memory(running: Running, number: int, minutes: float) -> None:
    """Print a row of the table."""
    processes = psutil.Process(running.process.pid).children(recursive=True)
    of = {name: [each for each in processes if title(each) == f"airflow {name}"] for name in HOLDERS}
    row = [sum(each.memory_full_info().pss for each in of[name]) / 2**20 for name in HOLDERS]
    note("")
    cells = "".join(f"{each:>16.0f}" for each in row)
    print(f"{number:>8}{minutes:>9.1f}{tree_pss(running.process.pid):>7.0f}{cells}", flush=True)


if __name__ == "__main__":
    main()
