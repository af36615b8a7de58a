"""Measure how long our container takes to stop, by what runs in it when SIGTERM comes.

    python -m bench.stops [--airflow VENV] [--only CASE,…] [--repeat N]

VENV is an environment with Airflow 3; without it, the local cloud's is taken.
"""

import argparse
import contextlib
import os
import shlex
import signal
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.running import OURS, Running, add_airflow, airflow, prepare
from local.cgroup import ControlGroup

STARTS_WITHIN = 180.0
STOPS_WITHIN = 60.0

DAG = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task

@dag(schedule=None, is_paused_upon_creation=False)
def python():
    @task
    def work(params=None):
        import time
        for second in range(params["seconds"]):
            time.sleep(1)
    work()

@dag(schedule=None, is_paused_upon_creation=False)
def program():
    @task
    def work(params=None):
        import subprocess
        subprocess.run(["sleep", str(params["seconds"])], check=True)
    work()

@dag(schedule=None, is_paused_upon_creation=False)
def shell():
    BashOperator(task_id="work", bash_command="sleep 600")

python()
program()
shell()
"""


class Case(NamedTuple):
    """What runs, as the table has it, and the run that makes it so."""

    words: str
    dag: str | None = None
    conf: Mapping[str, Any] = {}


CASES = {
    "idle": Case("nothing"),
    "short": Case("a Python task that ends after 8 s more", "python", {"seconds": 8}),
    "medium": Case("a Python task that ends after 30 s more", "python", {"seconds": 30}),
    "long": Case("a Python task that goes on for minutes", "python", {"seconds": 600}),
    "program": Case("a Python task that runs a program which ends after 30 s more", "program", {"seconds": 30}),
    "on-kill": Case("an operator that ends its work when it is told to (BashOperator)", "shell"),
}


def main() -> None:
    """Run the cases and print their table."""
    parser = argparse.ArgumentParser(prog="python -m bench.stops", description=(__doc__ or "").split("\n")[0])
    add_airflow(parser)
    parser.add_argument("--only", default=",".join(CASES), help=f"of {', '.join(CASES)}, comma-separated")
    parser.add_argument("--repeat", type=int, default=1, help="how often each is measured")
    options = parser.parse_args()
    venv = prepare(options.airflow)
    print(f"{'what runs':<66}{'stops after':>12}  {'its state then'}")
    for name in options.only.split(","):
        for _ in range(options.repeat):
            seconds, states = measure(venv, CASES[name])
            print(f"{CASES[name].words:<66}{seconds:>10.1f} s  {', '.join(states)}", flush=True)
    again = ["python", "-m", "bench.stops", "--airflow", str(venv), "--only", options.only]
    print("\nAgain: " + shlex.join([*again, "--repeat", str(options.repeat)]))


def measure(venv: Path, case: Case) -> tuple[float, list[str]]:
    """Return the seconds from SIGTERM to the end of the container, and the states of its tasks in the database."""
    group = ControlGroup(f"airflow-fargate-bench-{os.getpid()}", cpu=1024, memory=4096)
    with airflow(venv, OURS, DAG, group, bytecode="image", parallelism=4) as running:
        if running.wait_until_healthy(lambda _: None) is None:
            raise SystemExit("Airflow did not become healthy:\n" + (running.home / "log").read_text()[-3000:])
        if case.dag is not None:
            run(running, case.dag, case.conf)
        begin = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(STOPS_WITHIN)
        seconds = time.monotonic() - begin
        with contextlib.closing(sqlite3.connect(running.home / "airflow.db")) as database:
            return seconds, [state for (state,) in database.execute("select state from task_instance")]


def run(running: Running, dag: str, conf: Mapping[str, Any]) -> None:
    """Start a run, and return when its task does what it is for."""
    deadline, rest, path, found = time.monotonic() + STARTS_WITHIN, running.rest, f"/dags/{dag}/dagRuns", ""
    while time.monotonic() < deadline:
        with contextlib.suppress(KeyError):  # until the DAG is known
            found = found or rest.api("POST", path, {"logical_date": None, "conf": conf}).json["dag_run_id"]
            tasks = rest.api("GET", f"{path}/{found}/taskInstances").json["task_instances"]
            if [task["state"] for task in tasks] == ["running"]:
                return
        time.sleep(0.2)
    raise SystemExit(f"No task of {dag} ran within {STARTS_WITHIN:g} s:\n" + (running.home / "log").read_text()[-3000:])


if __name__ == "__main__":
    main()
