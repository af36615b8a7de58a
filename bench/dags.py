"""How long a saved DAG takes to be in Airflow's API: the program of this repository, on a local cloud of its own."""

import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from local.cloud import Cloud
from local.engine.choose import engine
from local.environments import airflow as airflow_environment
from local.paths import Home
from local.stack import Stack
from local.testing.program import copy_program, local_config

REPETITIONS = 3
SEEN_WITHIN = 180.0


class Delay(NamedTuple):
    """Seconds from saving a file: until `pulumi up` ended, and until the API knew the DAG."""

    uploaded: float
    seen: float


def measure(refresh_seconds: int, port: int, note: Callable[[str], None]) -> list[Delay]:
    """Deploy the program with one DAG, add others one after the other, and destroy it."""
    with tempfile.TemporaryDirectory(prefix="airflow-fargate-bench-") as temporary:
        folder = Path(temporary)
        cloud = Cloud(Home(folder / "cloud"), port, engine())
        project = folder / "project"
        (project / "dags").mkdir(parents=True)
        copy_program(project)
        config = {**local_config(cloud.emulator.endpoint), "airflow-fargate:dagsRefreshSeconds": refresh_seconds}
        (project / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": config}))
        _save(project, "first")
        with _running(cloud):
            stack = Stack(cloud, project, "local")
            note("DAG folder: deploying")
            _up(stack)
            api = _log_in(stack.outputs())
            _wait_for(api, "first", time.monotonic())
            delays: list[Delay] = []
            for number in range(REPETITIONS):
                note(f"DAG folder: refresh every {refresh_seconds} s, file {number + 1} of {REPETITIONS}")
                begin = _save(project, f"added_{number}")
                _up(stack)
                uploaded = time.monotonic() - begin
                delays.append(Delay(uploaded, _wait_for(api, f"added_{number}", begin)))
            return delays


def print_delays(refresh_seconds: int, delays: list[Delay]) -> None:
    """One line a file, beside the interval that Airflow may take at most until it looks."""
    print(f"\nA new file in the DAG folder, refresh interval {refresh_seconds} s: seconds from saving it")
    print(f"{'until `pulumi up` ended':>26}{'until the API knew it':>26}{'of that after the upload':>27}")
    for delay in delays:
        print(f"{delay.uploaded:>24.1f} s{delay.seen:>24.1f} s{delay.seen - delay.uploaded:>25.1f} s")


@contextmanager
def _running(cloud: Cloud) -> Generator[None]:
    cloud.prepare()
    cloud.start(airflow_environment.images())
    try:
        yield
    finally:
        cloud.emulator.stop()


def _save(project: Path, dag_id: str) -> float:
    source = f"from airflow.sdk import DAG\n\ndag = DAG({dag_id!r}, schedule=None)\n"
    (project / "dags" / f"{dag_id}.py").write_text(source)
    return time.monotonic()


def _up(stack: Stack) -> None:
    stack.prepare()
    stack.pulumi("up", "--yes", "--skip-preview")


def _log_in(outputs: dict[str, Any]) -> Callable[[str], int]:
    """Return what asks the API for a path and gives the HTTP status."""
    address = outputs["url"].removeprefix("http://")
    user = {"username": outputs["admin_username"], "password": outputs["admin_password"]}
    _, login = _request(address, "/auth/token", json.dumps(user).encode())
    token: str = json.loads(login)["access_token"]
    return lambda path: _request(address, f"/api/v2{path}", None, token)[0]


def _request(address: str, path: str, body: bytes | None, token: str = "") -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://{address}{path}", body, headers),
            timeout=30,
        ) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _wait_for(api: Callable[[str], int], dag_id: str, begin: float) -> float:
    while time.monotonic() - begin < SEEN_WITHIN:
        if api(f"/dags/{dag_id}") == 200:
            return time.monotonic() - begin
        time.sleep(0.2)
    raise SystemExit(f"The DAG {dag_id} was not in the API within {SEEN_WITHIN:.0f} s.")
