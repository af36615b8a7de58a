"""The Python environment that stands for the image apache/airflow on this machine."""

import re
import sys
from pathlib import Path

from local.bootstrap import check_space
from local.environments import venvs
from local.lock import lock
from local.paths import CACHE, ROOT
from local.progress import Step
from operate.console import say

LOCK_FILE = ROOT / "local" / "environments" / "requirements.lock"
NEEDED_SPACE = 2 * 1024**3
"""Bytes: the environment takes 350 MB, and uv's cache as much again."""


def version(lock_file: Path = LOCK_FILE) -> str:
    """Return the version of Airflow that is locked, and so the tag of the image that can run here."""
    found = re.search(r"^apache-airflow(?:\[[^]]*])?==(\S+)", lock_file.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{lock_file} names no version of apache-airflow")
    return found[1]


def images() -> dict[str, Path]:
    """Return the images that tasks can use, each with its environment, which is made if it is not there yet."""
    return {f"apache/airflow:{version()}": environment()}


def environment(lock_file: Path = LOCK_FILE, folder: Path = CACHE / "airflow") -> Path:
    """Return the environment of the locked packages, making it first if it is missing."""
    airflow = version(lock_file)
    venv = venvs.place(folder, airflow, [lock_file], Path(sys.executable))
    made_from = venvs.fingerprint(venv, [lock_file], Path(sys.executable))
    with lock(folder / "run" / "lock", "making the Airflow environment", on_wait=lambda who: say(f"Waiting for {who}")):
        if venvs.complete(venv, made_from):
            return venv
        check_space(folder, NEEDED_SPACE)
        uv = Path(sys.executable).parent / "uv"
        with Step(f"Python environment with Airflow {airflow} (about a minute)") as step:

            def fill(python: Path) -> None:
                step.waiting_for("uv venv")
                env = venvs.uv_environment(Path(sys.executable))
                venvs.run([uv, "venv", "--python", sys.executable, venv], "Making the Airflow environment", env=env)
                step.waiting_for(f"uv: {lock_file.name}")
                venvs.run(
                    [uv, "pip", "sync", "--python", python, "--require-hashes", lock_file],
                    f"Installing Airflow {airflow}",
                    env=env,
                )

            venvs.make(venv, made_from, fill)
    return venv
