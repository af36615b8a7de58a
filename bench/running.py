"""An Airflow that runs on this machine to be measured: in a home and a control group of its own, and then gone."""

import argparse
import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airflow_fargate.executor.choice import EXECUTOR_VARIABLE, configured_executors, modules
from airflow_fargate.executor.settings import ExecutorSettings
from airflow_fargate.modules import MODULES_VARIABLE
from airflow_fargate.task import supervisor
from airflow_fargate.task.container import supervisor_command
from airflow_fargate.task.health import health_check_command

from local.cgroup import ControlGroup
from local.environments import airflow as airflow_environment
from local.proxies import without_proxy
from local.testing.clouds import free_port
from operate.rest import RestClient

OURS = supervisor_command()
"""The command that is measured."""

_EXECUTORS = ExecutorSettings()
OUR_EXECUTOR = {
    EXECUTOR_VARIABLE: configured_executors(_EXECUTORS),
    MODULES_VARIABLE: json.dumps(modules(_EXECUTORS)),
}
"""What the component gives to that command, and to none that runs another Airflow."""

PASSWORD = "bench"  # noqa: S105 - of an Airflow that listens on this machine for minutes

HEALTHY_WITHIN = 420.0

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Kept:
    """What a container is given to keep its data, and the process of the S3 where it does; nothing by default."""

    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    server: int | None = None


@dataclass(frozen=True)
class Running:
    """One Airflow: the process of its command, its home and the port of its API."""

    process: subprocess.Popen[bytes]
    home: Path
    port: int

    def wait_until_healthy(self, note: Callable[[float], object]) -> float | None:
        """Return the seconds since now; None if it ends before, or takes more than `HEALTHY_WITHIN`."""
        begin = time.monotonic()
        # The container's own health check, by a Python that costs the measured group nothing.
        check = health_check_command(self.port)[1].replace("python", sys.executable, 1)
        while subprocess.run(["/bin/sh", "-c", check], capture_output=True, check=False).returncode != 0:
            seconds = time.monotonic() - begin
            note(seconds)
            if seconds > HEALTHY_WITHIN or self.process.poll() is not None:
                return None
            time.sleep(0.2)
        return time.monotonic() - begin

    @property
    def rest(self) -> RestClient:
        return RestClient(f"http://127.0.0.1:{self.port}", "admin", PASSWORD)


NOTHING_KEPT = Kept()


@contextlib.contextmanager
def airflow(
    venv: Path,
    command: Sequence[str],
    dag: str,
    group: ControlGroup,
    *,
    bytecode: str,
    parallelism: int,
    kept: Kept = NOTHING_KEPT,
) -> Generator[Running]:
    """Start a command of the environment `venv` in the group, with one DAG, and end all its processes."""
    home = Path(tempfile.mkdtemp(prefix="airflow-fargate-bench-"))
    port = free_port()
    (home / "dags").mkdir()
    (home / "dags" / "bench.py").write_text(dag)
    (home / "passwords.json").write_text(json.dumps({"admin": PASSWORD}))
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(venv / "bin" / command[0]), *command[1:]],
            env={
                **environment(venv, home, port, bytecode, parallelism),
                **(OUR_EXECUTOR if tuple(command[: len(OURS)]) == tuple(OURS) else {}),
                **kept.environment,
            },
            cwd=home,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=group.enter,
        )
    try:
        yield Running(process, home, port)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        end_descendants(but=kept.server)
        group.remove()
        shutil.rmtree(home, ignore_errors=True)


def add_airflow(parser: argparse.ArgumentParser) -> None:
    """Let the command line name the environment that `prepare` takes."""
    parser.add_argument("--airflow", type=Path, help="an environment with Airflow 3 (default: the local cloud's)")


def prepare(venv: Path | None) -> Path:
    """Return the environment to measure, and have this process end all that it will start, and reach it."""
    os.environ |= without_proxy(os.environ)
    venv = (venv or airflow_environment.environment()).resolve()
    if not (venv / "bin" / "airflow").exists():
        raise SystemExit(f"--airflow {venv}: no bin/airflow in it. Give an environment with apache-airflow 3.")
    # Orphans of the measured Airflow become ours, and every process that was started can be ended.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _stop)
    return venv


def _stop(*_: object) -> None:
    """On SIGTERM: leave through the ``finally`` that ends the processes."""
    raise SystemExit("stopped by SIGTERM")


def environment(venv: Path, home: Path, port: int, bytecode: str, parallelism: int) -> dict[str, str]:
    """Return the same settings for every command: those of the component, in the image's way."""
    return {
        "PATH": f"{venv}/bin:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ADMIN_PASSWORD": PASSWORD,
        "PYTHONPYCACHEPREFIX": str(home / "bytecode"),
        **({"PYTHONDONTWRITEBYTECODE": "1"} if bytecode == "never" else {}),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
    }


def end_descendants(*, but: int | None = None) -> None:
    """Kill and reap whatever the measured Airflow has left, and not the S3 that it used."""
    while pids := supervisor.descendants(but={but}):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.05)
