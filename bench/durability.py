"""What is left of an Airflow after each way in which its task can end: `make bench-durability`.

    python -m bench.durability [--airflow VENV] [--setups sqlite:512/2048,sqlite:256/1024,postgres:512/2048]
                               [--only "two tasks"] [--kills 20] [--seed 1] [--seconds 30]

A task is the container's command in a control group of its size, with a disk to itself; when it has ended, the next is
started, as ECS would. Compared with before are the runs and task instances by state, the variables and connections, the
logs of tasks, and with SQLite what `pragma integrity_check` says. How much is lost, a variable tells that is set every
half second. PostgreSQL runs outside the control group, as RDS does, and takes no connection without TLS.
"""

import argparse
import contextlib
import os
import random
import secrets
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from airflow_fargate.data import keeper
from airflow_fargate.database import url

from bench.keeping import KEEPING, airflow_version, keeping
from bench.running import Running, add_airflow, end_descendants, environment, prepare
from local.cgroup import ControlGroup
from local.cloud import session
from local.emulator.engines.postgres import PostgresServer
from local.testing import earlier
from local.testing.clouds import free_port
from local.testing.emulated import Emulator
from local.testing.faults import Faults
from operate.rest import RestClient

RUNS = 50
THINGS = 5
HEALTHY_WITHIN = 600.0
STOP_TIMEOUT = 120.0
OUTAGE = 60.0
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})

DAGS = """
import time
from datetime import datetime
from airflow.sdk import dag, task

@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False, is_paused_upon_creation=False, max_active_runs=16)
def quick():
    @task
    def say(number=0):
        print("the log of a run")
    say()

@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False, is_paused_upon_creation=False)
def slow():
    @task(retries=0)
    def tick():
        for second in range({seconds}):
            print("tick", second, flush=True)
            time.sleep(1)
    tick()

quick()
slow()
"""


class Inventory(NamedTuple):
    """What Airflow has, as its REST API tells it."""

    runs: Mapping[str, int]
    tasks: Mapping[str, int]
    variables: Mapping[str, str]
    connections: Mapping[str, str]
    logs: Mapping[str, str]


class Setup(NamedTuple):
    """What the scene is played for."""

    database: str
    cpu: int
    memory: int

    def __str__(self) -> str:
        return f"{self.database}, {self.cpu / 1024:g} vCPU, {self.memory / 1024:g} GB"


@dataclass
class Installation:
    """An Airflow of one setup: the data that outlives its tasks, and the environment that each of them has."""

    venv: Path
    setup: Setup
    seconds: int
    emulator: Emulator
    folder: Path
    bucket: str
    connection: Mapping[str, str]
    """The variables by which a task finds its database; none for the one on its own disk."""
    port: int = field(default_factory=free_port)
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    tasks: int = 0

    def __post_init__(self) -> None:
        self.secrets = environment(self.venv, self.folder, self.port, "image", 4)
        (self.folder / "dags").mkdir(parents=True)
        (self.folder / "dags" / "dags.py").write_text(DAGS.replace("{seconds}", "20"))

    def start(self, port: int = 0, changed: Mapping[str, str] = NO_VARIABLES, venv: Path | None = None) -> "Task":
        """Start a task on an empty disk, with some of its settings or its image changed."""
        venv = venv or self.venv
        self.tasks += 1
        home = self.folder / f"task-{self.tasks}"
        home.mkdir()
        port = port or self.port
        variables = {
            **self.secrets,
            **self.connection,
            "PATH": f"{venv}/bin:{os.environ['PATH']}",
            "HOME": str(home),
            "AIRFLOW_HOME": str(home),
            "PYTHONPYCACHEPREFIX": str(home / "bytecode"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "10",
            **keeping(self.bucket, self.emulator.endpoint, self.seconds),
            **changed,
        }
        group = ControlGroup(
            f"airflow-fargate-bench-{os.getpid()}-durability-{self.tasks}", cpu=self.setup.cpu, memory=self.setup.memory
        )
        program, *arguments = KEEPING
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(venv / "bin" / program), *arguments],
                env=variables,
                cwd=home,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=group.enter,
            )
        return Task(Running(process, home, port), group, time.monotonic())


@dataclass
class Task:
    """A task that runs, or has run."""

    running: Running
    group: ControlGroup
    started: float
    _rest: RestClient | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        return self.running.process

    @property
    def log(self) -> str:
        return (self.running.home / "log").read_text(errors="replace")

    def wait_until_healthy(self) -> float:
        """Return the moment at which the container's own health check passes."""
        if self.running.wait_until_healthy(lambda _: None) is None:
            raise SystemExit(f"not healthy, exit code {self.process.returncode}:\n{self.log[-3000:]}")
        return time.monotonic()

    def stop(self) -> None:
        """As ECS stops a task, at an update, a Spot interruption or a maintenance: SIGTERM, and SIGKILL at the end."""
        os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT)
        self.kill()

    def kill(self) -> None:
        """End every process of the task at once, as the loss of its host does."""
        self.group.remove()
        self.process.wait()

    def api(self, path: str, body: Any = None, method: str | None = None, *, patience: int = 4) -> dict[str, Any]:
        """Ask the REST API, as the administrator; what a small CPU answers late is asked again."""
        self._rest = self._rest or self.running.rest
        method = method or ("GET" if body is None else "POST")
        try:
            answer = self._rest.api(method, path, body)
        except OSError as error:
            if method == "GET" and patience and self.process.poll() is None:
                return self.api(path, patience=patience - 1)
            error.add_note(self.log[-3000:])
            raise
        if answer.status not in (200, 201, 204):
            raise OSError(f"{path}: {answer.status} {answer.text}")
        return answer.json if answer.text else {}

    def inventory(self) -> Inventory:
        runs: dict[str, int] = {}
        tasks: dict[str, int] = {}
        logs: dict[str, str] = {}
        for run in self.api("/dags/quick/dagRuns?limit=100")["dag_runs"]:
            runs[run["state"]] = runs.get(run["state"], 0) + 1
            instances = f"/dags/quick/dagRuns/{run['dag_run_id']}/taskInstances"
            for instance in self.api(instances)["task_instances"]:
                tasks[instance["state"]] = tasks.get(instance["state"], 0) + 1
            if len(logs) < THINGS:
                logs[run["dag_run_id"]] = self._log(f"{instances}/say/logs/1")
        variables = self.api("/variables")["variables"]
        connections = self.api("/connections")["connections"]
        return Inventory(
            runs,
            tasks,
            {each["key"]: each["value"] for each in variables if each["key"] != "clock"},
            {each["connection_id"]: each["login"] for each in connections},
            logs,
        )

    def _log(self, path: str) -> str:
        lines: list[dict[str, str]] = self.api(f"{path}?full_content=true")["content"]
        events = [line["event"] for line in lines]
        # Where it was read from stands in front of it, and changes.
        return "\n".join(events[events.index("::endgroup::") + 1 :] if "::endgroup::" in events else events)


class Clock:
    """Sets a variable every half second while a task runs, and sees whether it answers."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.written = self.resumed = 0.0
        self.answered = time.monotonic()
        self._begin = time.monotonic()
        self._writes = threading.Event()
        threading.Thread(target=self._tick, daemon=True).start()

    def go_on(self, task: Task) -> None:
        self.task = task
        self.resumed = time.monotonic() - self._begin
        self._writes.set()

    def pause(self) -> None:
        self._writes.clear()
        time.sleep(1)

    def _tick(self) -> None:
        while True:
            # The next task may have the same port, and answers before it is healthy.
            if self._writes.is_set() and self.task.process.poll() is None:
                now = time.monotonic()
                with contextlib.suppress(OSError, ValueError, KeyError):
                    value = f"{now - self._begin:.3f}"
                    self.task.api("/variables/clock", {"key": "clock", "value": value}, "PATCH")
                    self.written, self.answered = float(value), time.monotonic()
            time.sleep(0.5)


@dataclass
class Scene:
    """The ways in which a task ends, one after the other, and what each of them has cost."""

    installation: Installation
    faults: Faults
    task: Task = field(init=False)
    clock: Clock = field(init=False)
    before: Inventory = field(init=False)
    only: str = ""
    """What happens: what has this in its name."""
    key: str = ""
    """Under which the running version of Airflow has its snapshots."""

    def prepare(self, before: Path) -> None:
        """Start the first task, of the environment of the Airflow before, and fill it."""
        self.task = self.installation.start(venv=before)
        self.task.wait_until_healthy()
        for number in range(THINGS):
            self.task.api("/variables", {"key": f"variable-{number}", "value": f"value {number}"})
            connection = {"connection_id": f"connection-{number}", "conn_type": "http", "login": f"user {number}"}
            self.task.api("/connections", {**connection, "password": "a secret"})
        self.task.api("/variables", {"key": "clock", "value": "0"})
        self._until("the DAGs to be known", lambda: self.task.api("/dags/quick") and self.task.api("/dags/slow"))
        # Paused meanwhile: a quarter of a CPU has none left for the API while it starts tasks.
        self.task.api("/dags/quick", {"is_paused": True}, "PATCH")
        for _ in range(RUNS):
            self.task.api("/dags/quick/dagRuns", {"logical_date": None})
        self.task.api("/dags/quick", {"is_paused": False}, "PATCH")
        ended = "/dags/quick/dagRuns?state=success&limit=1"
        self._until(f"{RUNS} runs", lambda: self.task.api(ended)["total_entries"] == RUNS, seconds=1200)
        time.sleep(self.installation.seconds + 5)
        self.before = self.task.inventory()
        self.clock = Clock(self.task)

    def happen(self, event: str, end: Callable[[Task], Task], *, wait: float = 0) -> None:
        """Have a task run, let `end` end it and start the next one, and compare."""
        if self.only not in event:
            return
        self.clock.go_on(self.task)
        run = self.task.api("/dags/slow/dagRuns", {"logical_date": None})["dag_run_id"]
        self._until("a running task", lambda: self._tick(run)["state"] == "running")
        time.sleep(wait)
        self.task = end(self.task)
        healthy = self.task.wait_until_healthy()
        down = healthy - self.clock.answered
        self.clock.pause()
        # A snapshot from before the clock went on has all that was written until then.
        there = max(float(self.task.api("/variables/clock")["value"]), self.clock.resumed)
        lost = max(0.0, self.clock.written - there)
        kept = ", ".join(self._differences(run)) or "all"
        print(f"{self.installation.setup!s:<28}{event:<50}{down:>7.1f} s{lost:>9.1f} s  {kept}", flush=True)

    def _differences(self, run: str) -> list[str]:
        now = self.task.inventory()
        found = [name for name in Inventory._fields if getattr(now, name) != getattr(self.before, name)]
        if (verdict := self._integrity()) != "ok":
            found.append(f"integrity: {verdict}")
        if run in self._runs():  # else it was started after the last snapshot
            self._until("the running task to be run again", lambda: self._tick(run)["state"] in ("success", "failed"))
            if self._tick(run)["state"] != "success":
                found.append("the task that was running")
        return found

    def _runs(self) -> set[str]:
        return {each["dag_run_id"] for each in self.task.api("/dags/slow/dagRuns?limit=100")["dag_runs"]}

    def _tick(self, run: str) -> dict[str, Any]:
        return self.task.api(f"/dags/slow/dagRuns/{run}/taskInstances/tick")

    @cached_property
    def s3(self) -> Any:
        return session().client("s3", endpoint_url=self.installation.emulator.endpoint)

    def _integrity(self) -> str:
        if self.installation.connection:
            return "ok"  # PostgreSQL has no such check
        with tempfile.TemporaryDirectory() as temporary:
            packed, plain = Path(temporary, "packed"), Path(temporary, "plain")
            self.s3.download_file(self.installation.bucket, self.key, str(packed))
            keeper.unpack(packed, plain)
            with contextlib.closing(sqlite3.connect(plain)) as database:
                return database.execute("pragma integrity_check").fetchone()[0]

    @staticmethod
    def _until(what: str, done: Callable[[], object], seconds: float = 600) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if done():
                    return
            time.sleep(1)
        raise SystemExit(f"waited {seconds:.0f} s for {what}")


def play(scene: Scene, before: Path, kills: int, seed: int) -> None:
    """Let everything happen that the table in docs/durability.md has; `before` is an environment to update from."""
    installation = scene.installation
    scene.prepare(before)

    def rolled_back(task: Task, venv: Path) -> Task:
        task.stop()
        following = installation.start(changed={"AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "many"})
        if not following.process.wait(HEALTHY_WITHIN):
            raise SystemExit(f"the update did not fail:\n{following.log[-3000:]}")
        return installation.start(venv=venv)

    versions = f"{earlier.VERSION} -> {airflow_version(installation.venv)}"
    scene.key = keeper.snapshot_key(earlier.VERSION)
    scene.happen(f"an update that fails, Airflow {versions}", lambda task: rolled_back(task, before))
    scene.key = keeper.snapshot_key(airflow_version(installation.venv))
    scene.happen(f"an update, Airflow {versions}", lambda task: (task.stop(), installation.start())[1])
    scene.happen("an update that fails, of a setting", lambda task: rolled_back(task, installation.venv))

    def replaced(task: Task, changed: Mapping[str, str] = NO_VARIABLES) -> Task:
        task.stop()
        return installation.start(changed=changed)

    scene.happen("another cpu", replaced)
    rotated = {"AIRFLOW__API_AUTH__JWT_SECRET": "f" * 128}
    scene.happen("a secret rotated", lambda task: replaced(task, rotated))

    def interrupted(task: Task) -> Task:
        port = free_port()
        following = installation.start(port)
        task.stop()
        return following

    scene.happen("Spot, the next task started at the notice", interrupted)
    moments = random.Random(seed)  # noqa: S311 - the same each time is what is wanted
    for number in range(kills):
        scene.happen(
            f"kill -9 of the whole task, {number + 1} of {kills}",
            lambda task: (task.kill(), installation.start())[1],
            wait=moments.uniform(0, installation.seconds),
        )

    def started_without_s3() -> Task:
        following = installation.start()
        if installation.connection:  # it is needed for logs alone, which are compared afterwards
            following.wait_until_healthy()
            scene.faults.forget()
        return following

    def without_s3_at_the_end(task: Task) -> Task:
        scene.faults.begin_outage("s3", "broken", OUTAGE)
        task.stop()
        return started_without_s3()

    def without_s3_at_the_start(task: Task) -> Task:
        task.stop()
        scene.faults.begin_outage("s3", "throttled", OUTAGE)
        return started_without_s3()

    def refused(task: Task) -> Task:
        task.stop()
        scene.faults.begin_outage("s3", "refused", HEALTHY_WITHIN)
        following = started_without_s3()
        if installation.connection:
            return following
        following.process.wait(HEALTHY_WITHIN)
        if "Airflow does not start" not in following.log:
            raise SystemExit(f"it started without its database:\n{following.log[-3000:]}")
        scene.faults.forget()
        return installation.start()

    def alive_at_once(task: Task) -> Task:
        following = installation.start(free_port())
        following.wait_until_healthy()
        task.api("/variables", {"key": "of-the-old-one", "value": "is not to be seen"})
        task.stop()
        if installation.connection:  # both write to the same database, and may
            following.api("/variables/of-the-old-one", method="DELETE")
        return following

    def damaged(task: Task) -> Task:
        task.stop()
        scene.s3.put_object(Bucket=installation.bucket, Key=scene.key, Body=b"damaged")
        return installation.start()

    scene.happen("S3 answers 500 for a minute from the end on", without_s3_at_the_end)
    scene.happen("S3 answers 503 for a minute from the start on", without_s3_at_the_start)
    scene.happen("S3 refuses, until somebody mends it", refused)
    scene.happen("two tasks alive at once", alive_at_once)
    if not installation.connection:
        scene.happen("the newest snapshot is damaged", damaged)


def main() -> None:
    """Play the scene for each setup, and print the table of docs/durability.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.durability", description=__doc__)
    add_airflow(parser)
    parser.add_argument(
        "--setups",
        default="sqlite:512/2048,sqlite:256/1024,postgres:512/2048",
        help="database:CPU units/MiB, comma-separated",
    )
    parser.add_argument("--only", default="", help="what happens, by a part of its name")
    parser.add_argument("--kills", type=int, default=20, help="how often the whole task is killed")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments")
    parser.add_argument("--seconds", type=int, default=30, help="databaseSnapshotSeconds")
    options = parser.parse_args()
    venv = prepare(options.airflow)
    with tempfile.TemporaryDirectory(prefix="airflow-fargate-bench-") as folder:
        before = venv if options.only else earlier.environment(Path(folder), venv)
        print(f"a snapshot every {options.seconds} s, seed {options.seed}")
        print(f"{'setup':<28}{'what happened':<50}{'down':>9}{'lost':>11}  kept")
        for text in options.setups.split(","):
            database, cpu, memory = text.replace("/", ":").split(":")
            with installed(venv, Setup(database, int(cpu), int(memory)), options.seconds) as installation:
                faults = Faults(installation.emulator.endpoint)
                play(Scene(installation, faults, options.only), before, options.kills, options.seed)


@contextlib.contextmanager
def installed(venv: Path, setup: Setup, seconds: int) -> Generator[Installation]:
    """Return an installation with a bucket of its own, and end all of it."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-fargate-bench-"))
    emulator = Emulator(folder / "emulator")
    server, connection = postgres(folder / "postgres") if setup.database == "postgres" else (None, NO_VARIABLES)
    installation = Installation(venv, setup, seconds, emulator, folder / "tasks", "durability", connection)
    scene = Scene(installation, Faults(emulator.endpoint))
    scene.s3.create_bucket(Bucket=installation.bucket)
    scene.s3.put_bucket_versioning(Bucket=installation.bucket, VersioningConfiguration={"Status": "Enabled"})
    try:
        yield installation
    finally:
        if server is not None:
            server.stop()
        end_descendants(but=emulator.process.pid)
        emulator.stop()
        shutil.rmtree(folder, ignore_errors=True)


def postgres(folder: Path) -> tuple[PostgresServer, Mapping[str, str]]:
    """Start a server, and return it with the variables by which a task finds it."""
    port, password = free_port(), secrets.token_hex(16)
    server = PostgresServer(folder, "127.0.0.1", port, secrets.token_hex(16))
    server.initialize()
    server.start(force_tls=True)
    server.create_owner("airflow", password, "airflow")
    there = f"postgresql://airflow:{password}@127.0.0.1:{port}/airflow"
    return server, {
        url.CONNECTION_VARIABLE: url.connection(there),
        url.ASYNC_CONNECTION_VARIABLE: url.async_connection(there),
    }


if __name__ == "__main__":
    main()
