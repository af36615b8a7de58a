"""How long a saved DAG takes to be in Airflow's API: the program of this repository, on a local cloud of its own."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import yaml

from local.engine.choose import engine
from local.environments import airflow as airflow_environment
from local.stack import Stack
from local.testing.clouds import temporary_cloud
from local.testing.program import copy_program, local_config
from operate.rest import RestClient

REPETITIONS = 3
SEEN_WITHIN = 180.0


class Delay(NamedTuple):
    """Seconds from saving a file: until `pulumi up` ended, and until the API knew the DAG."""

    uploaded: float
    seen: float


def measure(refresh_seconds: int, note: Callable[[str], None]) -> list[Delay]:
    """Deploy the program with one DAG, add others one after the other, and destroy it."""
    with (
        tempfile.TemporaryDirectory(prefix="airflow-fargate-bench-") as folder,
        temporary_cloud(Path(folder, "cloud"), engine(), airflow_environment.images()) as cloud,
    ):
        project = Path(folder, "project")
        (project / "dags").mkdir(parents=True)
        copy_program(project)
        config = {**local_config(cloud.emulator.endpoint), "airflow-fargate:dagsRefreshSeconds": refresh_seconds}
        (project / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": config}))
        _save(project, "first")
        stack = Stack(cloud, project, "local")
        note("DAG folder: deploying")
        _up(stack)
        outputs = stack.outputs()
        rest = RestClient(outputs["url"], outputs["admin_username"], outputs["admin_password"])
        rest.wait_for_dag("first", SEEN_WITHIN)
        delays: list[Delay] = []
        for number in range(REPETITIONS):
            note(f"DAG folder: refresh every {refresh_seconds} s, file {number + 1} of {REPETITIONS}")
            begin = _save(project, f"added_{number}")
            _up(stack)
            uploaded = time.monotonic() - begin
            rest.wait_for_dag(f"added_{number}", SEEN_WITHIN)
            delays.append(Delay(uploaded, time.monotonic() - begin))
        return delays


def print_delays(refresh_seconds: int, delays: list[Delay]) -> None:
    """One line a file, beside the interval that Airflow may take at most until it looks."""
    print(f"\nA new file in the DAG folder, refresh interval {refresh_seconds} s: seconds from saving it")
    print(f"{'until `pulumi up` ended':>26}{'until the API knew it':>26}{'of that after the upload':>27}")
    for delay in delays:
        print(f"{delay.uploaded:>24.1f} s{delay.seen:>24.1f} s{delay.seen - delay.uploaded:>25.1f} s")


def _save(project: Path, dag_id: str) -> float:
    source = f"from airflow.sdk import DAG\n\ndag = DAG({dag_id!r}, schedule=None)\n"
    (project / "dags" / f"{dag_id}.py").write_text(source)
    return time.monotonic()


def _up(stack: Stack) -> None:
    stack.prepare()
    stack.pulumi("up", "--yes", "--skip-preview")
