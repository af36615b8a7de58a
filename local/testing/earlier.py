"""The release of Airflow before the locked one, to update from."""

import sys
from pathlib import Path

from local.environments import venvs

VERSION = "3.3.1"
IMAGE = f"apache/airflow:{VERSION}"

_PACKAGES = (f"apache-airflow=={VERSION}", f"apache-airflow-core=={VERSION}", "apache-airflow-task-sdk==1.3.1")


def environment(folder: Path, locked: Path) -> Path:
    """Make an environment in which Airflow's own packages stand before the `locked` one's; it shares all others."""
    uv, venv = Path(sys.executable).parent / "uv", folder / VERSION
    env = venvs.uv_environment(Path(sys.executable))
    venvs.run([uv, "venv", "--python", sys.executable, venv], "Making an environment", env=env)
    install = [uv, "pip", "install", "--no-deps", "--python", venv / "bin" / "python", *_PACKAGES]
    venvs.run(install, f"Installing Airflow {VERSION}", env=env)
    [packages], [others] = (each.glob("lib/python*/site-packages") for each in (venv, locked))
    (packages / "locked.pth").write_text(f"{others.resolve()}\n")
    return venv
