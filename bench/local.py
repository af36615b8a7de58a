"""How long one waits on the local cloud: `make bench-local`, in a fresh clone of what is committed here.

    python -m bench.local [--repeat N] [--cold]

The clone has what all clones share; with ``--cold`` it has to make that, too. The port of `make up` has to be free.
"""

import argparse
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from local.paths import ROOT
from operate.console import say

WATCHING = "Watching"
SEEN = re.compile(r"etl_orders\.py: uploaded after [\d.]+ s, in Airflow after ([\d.]+) s")

BEFORE: Mapping[str, str] = {
    "a fresh clone, from nothing, to healthy": "298",
    "`make up`, and nothing has changed": "14 to 21",
    "a DAG file, from saving it to Airflow": "37",
}
"""The seconds of version 0.1, measured on two cores."""


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.local", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=5, help="how often all but the clone is measured")
    parser.add_argument("--cold", action="store_true", help="without what clones share")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airflow-fargate-bench-") as folder:
        clone = Path(folder, "clone")
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        environment = {**os.environ, "MAKEFLAGS": "", "MFLAGS": "", "MAKELEVEL": ""}
        if options.cold:
            environment["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        print_table(measure(clone, environment, options.repeat, cold=options.cold))
    print("\nAgain: python -m bench.local --repeat", options.repeat, *(["--cold"] if options.cold else []))


def measure(clone: Path, environment: Mapping[str, str], repeat: int, *, cold: bool) -> dict[str, list[float]]:
    """Return the seconds of everything that is waited for, by what it is."""

    def run(command: str) -> None:
        done = subprocess.run(command, shell=True, cwd=clone, env=environment, capture_output=True, text=True)  # noqa: S602 - a person types lines like these
        if done.returncode:
            raise SystemExit(f"{command} failed:\n{done.stdout}{done.stderr}")

    try:
        say("making a stack in a fresh clone")
        first = timed(lambda: run("make up"))
        say("doing it again")
        again = [timed(lambda: run("make up")) for _ in range(repeat)]
        preview = [timed(lambda: run('eval "$(make -s env)" && pulumi preview')) for _ in range(repeat)]
        say("saving DAGs")
        saved = save_dags(clone, environment, repeat)
    finally:
        run("make destroy")
    return {
        "a fresh clone, from nothing, to healthy" if cold else "a fresh clone to healthy": [first],
        "`make up`, and nothing has changed": again,
        "`pulumi preview`": preview,
        "a DAG file, from saving it to Airflow": saved,
    }


def save_dags(clone: Path, environment: Mapping[str, str], repeat: int) -> list[float]:
    """Save a DAG file again and again while `make dev` watches, and return after how many seconds Airflow had it."""
    found: list[float] = []
    with subprocess.Popen(
        [".venv/bin/python", "-m", "local", "dev"],
        cwd=clone,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as dev:
        try:
            for line in dev.stderr or ():
                if seen := SEEN.match(line):
                    found.append(float(seen[1]))
                if len(found) == repeat:
                    break
                if seen or line.startswith(WATCHING):
                    time.sleep(1)
                    with (clone / "dags" / "etl_orders.py").open("a") as file:
                        file.write(f"# {len(found)}\n")
        finally:
            dev.send_signal(signal.SIGINT)
    return found


def timed(run: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.monotonic()
    run()
    return time.monotonic() - began


def print_table(rows: Mapping[str, list[float]]) -> None:
    """One line each: the median, from least to most, and what it was."""
    print(f"{'seconds':<42}{'now':>8}{'least to most':>18}{'version 0.1':>14}")
    for what, seconds in rows.items():
        between = f"{min(seconds):.1f} to {max(seconds):.1f}" if len(seconds) > 1 else ""
        print(f"{what:<42}{statistics.median(seconds):>8.1f}{between:>18}{BEFORE.get(what, ''):>14}")


if __name__ == "__main__":
    main()
