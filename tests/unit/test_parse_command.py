"""``python -m airflow_fargate.dags``, by a Python whose Airflow finds in a folder what its files say."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from airflow_fargate.dags.__main__ import main

AIRFLOW = """
import json, os
from pathlib import Path
from types import SimpleNamespace


class AssetAny:
    def __init__(self, *names):
        self.objects = [SimpleNamespace(name=name) for name in names]


class AssetAll(AssetAny):
    pass


SCHEDULES = {
    "by_hand": None,
    "by_cron": "0 3 * * *",
    "by_assets": [SimpleNamespace(name="orders"), SimpleNamespace(name="prices")],
    "by_all": AssetAll("orders", "prices"),
    "by_any": AssetAny("orders", "prices"),
    "by_any_in_a_list": [AssetAny("orders", "prices"), SimpleNamespace(name="rates")],
}


class BundleDagBag:
    def __init__(self, folder, *, bundle_path, bundle_name, load_op_links):
        assert (bundle_path, bundle_name, load_op_links) == (folder, "dags", False)
        home = Path(os.environ["AIRFLOW_HOME"])
        files = sorted(file.relative_to(home).as_posix() for file in home.rglob("*") if file.is_file())
        Path(os.environ["SEEN"]).write_text(json.dumps({"environment": dict(os.environ), "files": files}))
        self.dags = {
            file.stem: SimpleNamespace(dag_id=file.stem, schedule=SCHEDULES[file.stem], tasks=[1, 2], fileloc=str(file))
            for file in folder.glob("**/by_*.py")
        }
        self.import_errors = {
            file.relative_to(folder): file.read_text()
            for file in sorted(folder.glob("broken*.py"), reverse=True)  # as they were found
        }
"""

ERROR = """Traceback (most recent call last):
  File "{}/broken.py", line 1, in <module>
    import roman
{}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder for DAGs, beside a `python` that has the Airflow above."""
    for package in ("airflow", "airflow/dag_processing"):
        (tmp_path / "packages" / package).mkdir(parents=True)
        (tmp_path / "packages" / package / "__init__.py").touch()
    (tmp_path / "packages/airflow/dag_processing/dagbag.py").write_text(AIRFLOW)
    (tmp_path / "python").write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/packages exec {sys.executable} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "dags").mkdir()
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.json"))
    return tmp_path / "dags"


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> int:
    command = ["dags", str(folder), "--python", str(folder.with_name("python")), *options]
    monkeypatch.setattr(sys, "argv", command)
    return main()


def test_each_schedule_is_printed_as_a_person_would_write_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sales").mkdir()
    for name in ("by_hand", "by_cron", "by_assets", "by_all", "by_any", "sales/by_any_in_a_list"):
        (folder / f"{name}.py").touch()

    assert run(monkeypatch, folder) == 0
    assert capsys.readouterr().out.splitlines() == [
        "DAG               SCHEDULE                    TASKS  FILE",
        "by_all            orders and prices           2      by_all.py",
        "by_any            orders or prices            2      by_any.py",
        "by_any_in_a_list  orders or prices and rates  2      sales/by_any_in_a_list.py",
        "by_assets         orders and prices           2      by_assets.py",
        "by_cron           0 3 * * *                   2      by_cron.py",
        "by_hand           none                        2      by_hand.py",
    ]


def test_airflow_reads_the_folder_and_knows_nothing_of_another_airflow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://elsewhere")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("PYTHONHASHSEED", "1")

    run(monkeypatch, folder)

    seen = json.loads(folder.with_name("seen.json").read_text())["environment"]
    home = seen["AIRFLOW_HOME"]
    assert {name: value for name, value in seen.items() if name.startswith(("AIRFLOW", "PYTHON"))} == {
        "AIRFLOW_FARGATE_REMOTE_CPU": "512",
        "AIRFLOW_FARGATE_REMOTE_MEMORY": "1024",
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor:airflow_fargate_executor.local.LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": f"{home}/plugins",
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "100",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(folder.with_name("packages")),
    }
    assert not Path(home).exists()


def test_plugins_and_executors_are_those_that_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plugins := folder.with_name("plugins")).mkdir()

    run(
        monkeypatch,
        folder,
        *("--plugins", str(plugins)),
        *("--executor", "LocalExecutor", "--executor", "AwsEcsExecutor"),
    )

    seen = json.loads(folder.with_name("seen.json").read_text())
    assert seen["environment"]["AIRFLOW__CORE__PLUGINS_FOLDER"] == str(plugins)
    assert [each.partition(":")[0] for each in seen["environment"]["AIRFLOW__CORE__EXECUTOR"].split(",")] == [
        "LocalExecutor",
        "AwsEcsExecutor",
    ]
    assert "config/airflow_fargate_executor/policy.py" in seen["files"]


NOWHERE = "not here, and not in the official image"
MISSING = "ModuleNotFoundError: No module named 'roman'"


@pytest.mark.parametrize(
    ("options", "error", "status", "way_out"),
    [
        ("", "ValueError: no number", 1, ""),
        (
            "",
            MISSING,
            0,
            f" ({NOWHERE}: your image, pip_requirements or a file of the folder must bring it)",
        ),
        (
            "--pip-requirement pandas==2.3.3 --pip-requirement roman==5.0",
            MISSING,
            0,
            " (not here; pip_requirements brings it: roman==5.0)",
        ),
        (
            "--requirements requirements.txt",
            MISSING,
            0,
            " (not here; requirements_path brings it: roman==4.0)",
        ),
    ],
    ids=["a mistake", "a module", "a module of pip_requirements", "a module of requirements_path"],
)
def test_what_could_not_be_imported_is_printed_and_is_an_error_unless_the_task_may_have_it(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: str,
    error: str,
    status: int,
    way_out: str,
) -> None:
    monkeypatch.chdir(folder.parent)
    Path("requirements.txt").write_text("roman==4.0\n")
    (folder / "broken.py").write_text(ERROR.format(folder, error))

    assert run(monkeypatch, folder, *options.split()) == status
    assert capsys.readouterr().out.splitlines() == ["No DAG was found.", f"broken.py, line 1: {error}{way_out}"]


def test_files_that_could_not_be_imported_come_in_the_order_of_their_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("broken_one.py", "broken_two.py"):
        (folder / name).write_text("Timeout")

    run(monkeypatch, folder)

    assert capsys.readouterr().out.splitlines()[1:] == ["broken_one.py: Timeout", "broken_two.py: Timeout"]


@pytest.mark.parametrize("option", [(), ("--plugins",)], ids=["the folder", "--plugins"])
def test_what_is_no_folder_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    named = [*option, "nowhere"] if option else []

    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, folder if option else Path("nowhere"), *named)

    usage, *_, error = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: python -m airflow_fargate.dags [-h]")
    assert error == "python -m airflow_fargate.dags: error: nowhere is no folder"


def test_a_python_without_airflow_is_refused_with_its_last_three_lines_and_the_way_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.parent / "packages/airflow/dag_processing/dagbag.py").unlink()

    assert run(monkeypatch, folder) == 2

    said, last, *others = capsys.readouterr().err.splitlines()
    assert said == f"error: {folder.with_name('python')} could not parse {folder}:"
    assert (len(others), others[-1]) == (3, "  Give a Python that has apache-airflow 3: --python PYTHON")
    assert others[-2] == "ModuleNotFoundError: No module named 'airflow.dag_processing.dagbag'", last


def test_the_python_that_runs_the_command_is_taken_if_no_other_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["dags", str(folder)])

    assert main() == 2
    assert capsys.readouterr().err.startswith(f"error: {sys.executable} could not parse {folder}:")


@pytest.mark.parametrize(
    "python",
    ["echo said", "echo '{}' > $3; echo said; exit 9"],
    ids=["nothing is written", "it fails when all is written"],
)
def test_an_airflow_that_does_not_do_it_is_refused_with_its_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], python: str
) -> None:
    folder.with_name("python").write_text(f"#!/bin/sh\n{python}\n")

    assert run(monkeypatch, folder) == 2
    assert capsys.readouterr().err.splitlines()[1] == "said"


def test_the_command_explains_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["dags", "--help"])
    monkeypatch.delitem(sys.modules, "airflow_fargate.dags.__main__")
    monkeypatch.setenv("COLUMNS", "200")

    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("airflow_fargate.dags", run_name="__main__", alter_sys=True)

    words = capsys.readouterr().out
    assert (
        "\n\nParse a DAG folder with a real Airflow, and print its DAGs and its import errors.\n\n    python -m"
        in words
    )
    for option, text in {
        "folder": "as in dags_path",
        "--plugins FOLDER": "as in plugins_path",
        "--python PYTHON": "a Python that has apache-airflow 3 (default: this)",
        "--pip-requirement PACKAGE": "one of pip_requirements",
        "--requirements FILE": "as in requirements_path",
        "--executor NAME": "one of executors (default: LocalExecutor)",
    }.items():
        assert f"{option} {text}" in " ".join(words.split())
