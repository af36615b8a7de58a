"""A DAG folder, parsed by a real Airflow before anything is deployed."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.environments import airflow as airflow_environment
from local.paths import ROOT

FILES = {
    "schedules.py": """
from datetime import datetime, timedelta
from airflow.sdk import Asset, dag, task

def answers(dag_id, schedule):
    @dag(dag_id=dag_id, schedule=schedule, start_date=datetime(2024, 1, 1))
    def answer():
        @task
        def say():
            pass
        say()
    answer()

answers("by_cron", "0 3 * * *")
answers("by_interval", timedelta(hours=2))
answers("by_assets", [Asset("orders"), Asset("prices")])
answers("by_any_asset", Asset("orders") | Asset("prices"))
answers("by_hand", None)
""",
    "broken.py": "from airflow.sdk import dag\nfrom helpers import total\n",
    "helpers.py": "\n\ntotal = 1 / 0\n",
    "needs.py": "from airflow.sdk import dag\nimport roman\n",
    "uses_a_plugin.py": "from words import total\n",
    "asks.py": "from airflow.sdk import Variable, dag\n\nVariable.get('area')\n",
}

TABLE = """\
DAG           SCHEDULE           TASKS  FILE
by_any_asset  orders or prices   1      schedules.py
by_assets     orders and prices  1      schedules.py
by_cron       0 3 * * *          1      schedules.py
by_hand       none               1      schedules.py
by_interval   2:00:00            1      schedules.py
asks.py, line 3: airflow.sdk.exceptions.AirflowRuntimeError: VARIABLE_NOT_FOUND: {'message': 'Variable area not found'}
helpers.py, line 3: ZeroDivisionError: division by zero
needs.py, line 2: ModuleNotFoundError: No module named 'roman' (not here; pip_requirements brings it: roman==5.0)
"""


def parse(folder: Path, python: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "airflow_fargate.dags", str(folder), "--pip-requirement", "roman==5.0"]
    if (plugins := folder.with_name("plugins")).exists():
        command += ["--plugins", str(plugins)]
    return subprocess.run([*command, "--python", str(python)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def python() -> Path:
    return airflow_environment.environment() / "bin" / "python"


def test_dags_are_listed_with_their_schedules_and_errors_with_their_lines(tmp_path: Path, python: Path) -> None:
    for name, text in {
        **{f"dags/{name}": text for name, text in FILES.items()},
        "plugins/words.py": "total = 1",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    ended = parse(tmp_path / "dags", python)

    assert (ended.returncode, ended.stdout) == (1, TABLE), ended.stderr
    assert list(tmp_path.glob("**/*.pyc")) == []


def test_the_dags_of_the_repository_have_no_mistake(python: Path) -> None:
    ended = parse(ROOT / "dags", python)

    assert ended.returncode == 0, ended.stdout
    assert "etl_orders" in ended.stdout


def test_a_python_without_airflow_is_refused_with_its_own_words(tmp_path: Path) -> None:
    ended = parse(tmp_path, Path(sys.executable))

    assert ended.returncode == 2
    assert "ModuleNotFoundError: No module named 'airflow'" in ended.stderr
    assert "--python" in ended.stderr
