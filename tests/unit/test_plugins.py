"""Plugins: the folder's way into the bucket, and from there into the container before Airflow is loaded."""

import io
import json
import sys
from pathlib import Path

import pytest

from .conftest import Deploy
from .preparation import PREPARATION, run_preparation, variables, wanted

OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
GIT = "https://example.com/dags.git"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "calendar").mkdir()
    (tmp_path / "calendar" / "holidays.py").write_text("DAYS = 11")
    (tmp_path / "words.py").write_text("# words")
    return tmp_path


def test_the_supervisor_is_told_where_the_files_are(deploy: Deploy, folder: Path) -> None:
    deployment = deploy(plugins_path=str(folder))

    keys: set[str] = {each.inputs["key"] for each in deployment.recorder.resources if each.typ == OBJECT}
    assert keys == {f"{wanted(deployment)['plugins']}/{name}" for name in ("calendar/holidays.py", "words.py")}
    assert "airflow_fargate_dags/prepare.py" in json.loads(variables(deployment)["AIRFLOW_FARGATE_MODULES"])


def test_without_plugins_nothing_of_them_is_in_the_task(deploy: Deploy) -> None:
    told = variables(deploy(dags_git_url=GIT))

    assert PREPARATION not in told
    assert "airflow_fargate_dags/prepare.py" not in json.loads(told["AIRFLOW_FARGATE_MODULES"])


@pytest.mark.parametrize("change", ["content", "name", "one more"])
def test_every_change_leads_a_new_task_to_other_objects(deploy: Deploy, folder: Path, change: str) -> None:
    before = wanted(deploy(plugins_path=str(folder)))

    match change:
        case "content":
            (folder / "words.py").write_text("# other words")
        case "name":
            (folder / "words.py").rename(folder / "terms.py")
        case _:
            (folder / "more.py").touch()

    assert wanted(deploy(plugins_path=str(folder))) != before


def test_a_changed_dag_is_no_other_task(deploy: Deploy, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    dags = tmp_path_factory.mktemp("dags")
    (dags / "etl.py").write_text("# one")
    before = variables(deploy(plugins_path=str(folder), dags_path=str(dags)))

    (dags / "etl.py").write_text("# two")

    assert variables(deploy(plugins_path=str(folder), dags_path=str(dags))) == before


@pytest.mark.parametrize("own", [False, True])
def test_the_files_are_put_where_airflow_looks_for_plugins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, own: bool
) -> None:
    monkeypatch.delenv("AIRFLOW__CORE__PLUGINS_FOLDER", raising=False)
    there = tmp_path / ("own" if own else "plugins")
    if own:
        monkeypatch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(there))
    there.mkdir()
    (there / "of-the-image.py").touch()
    objects = {"plugins/1/words.py": b"# words", "plugins/1/calendar/days.py": b"", "plugins/2/words.py": b"# others"}

    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    assert run_preparation(monkeypatch, objects, plugins="plugins/1") == 0

    found = {path.relative_to(there).as_posix() for path in there.rglob("*.py")}
    assert found == {"of-the-image.py", "words.py", "calendar/days.py"}
    assert (there / "words.py").read_text() == "# words"
    assert str(there) in capsys.readouterr().out


def test_without_any_setting_of_airflow_they_are_put_below_the_home_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("AIRFLOW__CORE__PLUGINS_FOLDER", "AIRFLOW_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))

    run_preparation(monkeypatch, {"plugins/1/words.py": b""}, plugins="plugins/1")

    assert (tmp_path / "airflow/plugins/words.py").exists()
    assert written.getvalue() == f"plugins are in {tmp_path}/airflow/plugins\n".encode(), "in the log at once"


def test_plugins_that_are_not_in_the_bucket_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="s3://b/plugins/1/ is empty"):
        run_preparation(monkeypatch, {}, plugins="plugins/1")
