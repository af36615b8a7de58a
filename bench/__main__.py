"""Measure ``airflow standalone`` and our container command, each in turn, in control groups of Fargate's sizes.

    python -m bench [--airflow VENV] [--sizes 1024/2048,…] [--bytecode never|image] [--only ours] [--parallelism N]
        [--refresh SECONDS]

Ours has what is the default, a database that is restored from a snapshot and saved every five minutes, and logs of
tasks in S3. ``released`` is what the last release ran, with what it had.

VENV is an environment with Airflow 3; without it, the local cloud's is taken.
"""

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import psutil
from airflow_fargate.cost import PRICES, a_month_of, a_month_of_compute, in_cents
from airflow_fargate.data import keeper

from bench import dags
from bench.keeping import KEEPING, airflow_version, keeping
from bench.running import NOTHING_KEPT, Kept, Running, add_airflow, airflow, prepare
from local.cgroup import ControlGroup
from local.cloud import session
from local.testing.emulated import Emulator
from release.paths import SOURCES

NAMES = ("standalone", "released", "ours")
BUCKET = "bench"

RUN_WITHIN = 420.0
IDLE_AFTER = 20.0
"""Seconds from healthy to the idle measurement: the first parse of the DAGs is over by then."""

DAG = """
from datetime import datetime
from airflow.sdk import dag, task

@dag(dag_id="bench", schedule=None, start_date=datetime(2024, 1, 1), catchup=False, is_paused_upon_creation=False)
def bench():
    @task
    def first():
        return 1

    @task
    def second(value):
        print("got", value)

    second(first())

bench()
"""


class Result(NamedTuple):
    """The measurements of one start; None is what could not be measured, or did not happen."""

    healthy: float | None = None
    used: float | None = None
    """CPU seconds of all processes until it was healthy: what a busy machine does not change."""
    idle: float | None = None
    run: str = "not healthy"
    peak: float | None = None
    hits: int | None = None
    kills: int | None = None


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0] if __doc__ else None)
    add_airflow(parser)
    parser.add_argument("--sizes", default="1024/2048,512/2048,256/1024", help="CPU units / MiB, comma-separated")
    parser.add_argument(
        "--bytecode",
        choices=["never", "image"],
        default="never",
        help="never: no .pyc is read or written; image: none at first, written while it runs, as in the official image",
    )
    parser.add_argument("--only", choices=NAMES, help="measure one of them")
    parser.add_argument("--refresh", type=int, default=30, help="dagsRefreshSeconds of the DAG measurement; 0: none")
    parser.add_argument("--parallelism", type=int, default=4, help="AIRFLOW__CORE__PARALLELISM of all")
    options = parser.parse_args()
    venv = prepare(options.airflow)
    rows: list[tuple[str, str, Result]] = []
    kind = "none"
    for size in options.sizes.split(","):
        cpu, memory = (int(part) for part in size.split("/"))
        for name in (options.only,) if options.only else NAMES:
            with kept(venv) if name == "ours" else contextlib.nullcontext(NOTHING_KEPT) as data:
                kind, result = measure(venv, name, cpu, memory, options.bytecode, options.parallelism, data)
            rows.append((f"{cpu / 1024:g} vCPU, {memory / 1024:g} GB", name, result))
    limits = {"none": "no limits: no control group can be made here"}.get(kind, f"limits by control groups {kind}")
    print(f"\n{limits}; bytecode: {options.bytecode}; parallelism {options.parallelism}; examples off")
    print_table(rows)
    if options.refresh:
        delays = dags.measure(options.refresh, note)
        note("")
        dags.print_delays(options.refresh, delays)
    print()
    print_prices()
    arguments = ["--airflow", str(venv), "--sizes", options.sizes, "--bytecode", options.bytecode]
    arguments += ["--only", options.only] if options.only else []
    arguments += ["--refresh", str(options.refresh), "--parallelism", str(options.parallelism)]
    print("\nAgain: " + shlex.join(["python", "-m", "bench", *arguments]))


@contextlib.contextmanager
def kept(venv: Path) -> Generator[Kept]:
    """Run an S3 with a bucket that has a snapshot of a new database, and return what leads to it."""
    with tempfile.TemporaryDirectory(prefix="airflow-fargate-bench-") as temporary:
        folder = Path(temporary)
        emulator = Emulator(folder / "emulator")
        note("making the snapshot to start from")
        home = {"AIRFLOW_HOME": str(folder), "HOME": str(folder), "PATH": os.environ["PATH"]}
        subprocess.run([venv / "bin" / "airflow", "db", "migrate"], env=home, check=True, capture_output=True)
        keeper.pack(folder / "airflow.db", folder / "packed")
        s3 = session().client("s3", endpoint_url=emulator.endpoint)
        s3.create_bucket(Bucket=BUCKET)
        s3.upload_file(str(folder / "packed"), BUCKET, keeper.snapshot_key(airflow_version(venv)))
        try:
            yield Kept(keeping(BUCKET, emulator.endpoint, 300), emulator.process.pid)
        finally:
            emulator.stop()


def measure(
    venv: Path, name: str, cpu: int, memory: int, bytecode: str, parallelism: int, data: Kept
) -> tuple[str, Result]:
    """Start Airflow in a new home and a new control group, run a DAG in it, and end all its processes."""
    group = ControlGroup(f"airflow-fargate-bench-{os.getpid()}-{name}-{cpu}", cpu=cpu, memory=memory)
    command = {"standalone": ("airflow", "standalone"), "released": released(), "ours": KEEPING}[name]
    title = f"{cpu / 1024:g} vCPU, {memory / 1024:g} GB, {name}"
    with airflow(venv, command, DAG, group, bytecode=bytecode, parallelism=parallelism, kept=data) as running:
        try:
            return group.kind, observe(title, running, group)
        finally:
            note("")


def released() -> tuple[str, ...]:
    """Return the command that the last release gave its container."""
    [file] = SOURCES.glob("*.json")
    sources: dict[str, str] = json.loads(file.read_text())
    [source] = (text for name, text in sources.items() if Path(name).name == "supervisor.py")
    return "python", "-c", source


def observe(title: str, running: Running, group: ControlGroup) -> Result:
    """Watch one Airflow from its start through a DAG run."""
    healthy = running.wait_until_healthy(lambda seconds: note(f"{title}: waiting for healthy, {seconds:.0f} s"))
    if healthy is None:
        return Result(peak=_mib(group.memory_peak()), hits=group.memory_limit_hits(), kills=group.memory_kills())
    used = cpu_seconds(running.process.pid)
    begin = time.monotonic()
    while (left := IDLE_AFTER - (time.monotonic() - begin)) > 0:
        note(f"{title}: healthy after {healthy:.1f} s, idle memory in {left:.0f} s")
        time.sleep(0.5)
    idle = tree_pss(running.process.pid)
    run = run_dag(f"{title}: healthy after {healthy:.1f} s, {idle:.0f} MiB idle", running)
    return Result(healthy, used, idle, run, _mib(group.memory_peak()), group.memory_limit_hits(), group.memory_kills())


def run_dag(title: str, running: Running) -> str:
    """Trigger the DAG over REST and wait: "12 s" when it succeeds, else how far it came."""
    begin = time.monotonic()
    rest = running.rest
    run = state = ""
    while (seconds := time.monotonic() - begin) < RUN_WITHIN:
        note(f"{title}, DAG run {state or 'not yet accepted'}, {seconds:.0f} s")
        with contextlib.suppress(OSError, ValueError, KeyError):
            if not run:
                run = rest.api("POST", "/dags/bench/dagRuns", {"logical_date": None}).json["dag_run_id"]
            state = rest.api("GET", f"/dags/bench/dagRuns/{run}").json["state"]
        if state in {"success", "failed"}:
            break
        time.sleep(0.5)
    return f"{seconds:.0f} s" if state == "success" else f"{state or 'not accepted'} after {seconds:.0f} s"


def cpu_seconds(root: int) -> float:
    """Return what ``root`` and its descendants have used, those included that have ended."""
    process, seconds = psutil.Process(root), 0.0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            seconds += sum(each.cpu_times()[:4])  # of itself and of the children that it has waited for
    return seconds


def tree_pss(root: int) -> float:
    """Return the PSS of `root` and its descendants in MiB: shared pages are counted once, unlike RSS."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    total, ahead = 0, [root]
    while ahead:
        pid = ahead.pop()
        ahead += children.get(pid, [])
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def print_table(rows: list[tuple[str, str, Result]]) -> None:
    """Both commands of each size, one below the other, with ours as a fraction of the other."""
    print(f"{'size':<18}{'command':<12}{'healthy':>15}{'CPU until then':>16}{'idle PSS':>20}{'DAG run':>22}", end="")
    print(f"{'most used':>11}{'hits':>7}{'killed':>7}")
    stock = Result()
    for size, name, result in rows:
        if name == "standalone":
            stock = result
        healthy = _with_ratio(result.healthy, stock.healthy, "s", name)
        used = _with_ratio(result.used, stock.used, "s", name)
        idle = _with_ratio(result.idle, stock.idle, "MiB", name)
        peak = "-" if result.peak is None else f"{result.peak:.0f} MiB"
        hits, kills = ("-" if value is None else str(value) for value in (result.hits, result.kills))
        print(f"{size:<18}{name:<12}{healthy:>15}{used:>16}{idle:>20}{result.run:>22}{peak:>11}{hits:>7}{kills:>7}")


def _with_ratio(value: float | None, stock: float | None, unit: str, name: str) -> str:
    if value is None:
        return "-"
    ratio = f" ({value / stock:.2f})" if stock and name != "standalone" else ""
    return f"{value:.1f} {unit}{ratio}" if unit == "s" else f"{value:.0f} {unit}{ratio}"


def print_prices() -> None:
    """Monthly prices, with the dates of the table they come from."""
    print("A month in us-east-1, running all the time, with its public IPv4 address:")
    address = a_month_of("public-ipv4")
    for title, cost in (
        ("smallest: 0.25 vCPU, 1 GB", a_month_of_compute(256, 1024) + address),
        ("default: 0.5 vCPU, 2 GB", a_month_of_compute(512, 2048) + address),
        ("default on ARM64", a_month_of_compute(512, 2048, cpu_architecture="ARM64") + address),
        ("default on Spot (the price varies)", a_month_of_compute(512, 2048, spot=True) + address),
        ("default on Spot and ARM64", a_month_of_compute(512, 2048, spot=True, cpu_architecture="ARM64") + address),
        ("MWAA mw1.small", a_month_of("mwaa:mw1.small")),
    ):
        print(f"  {title:<36}{in_cents(cost):>9} USD")
    print("  " + "\n  ".join(sorted({f"source: {price.source}" for price in PRICES.values()})))


def note(text: str) -> None:
    """Progress: one line that changes on a terminal, elsewhere a line every ten seconds."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
    elif text and time.monotonic() - _last_note[0] > 10:
        _last_note[0] = time.monotonic()
        sys.stderr.write(text + "\n")
    sys.stderr.flush()


_last_note = [float("-inf")]


def _mib(value: int | None) -> float | None:
    return None if value is None else value / 2**20


if __name__ == "__main__":
    main()
