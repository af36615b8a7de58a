"""DAGs in a real Airflow: from a folder, from a Git repository, with packages."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from airflow_fargate.dags.folder import read_dag_folder
from airflow_fargate.task.unread import unread_bundles

from local.dev import WatchedFolder
from local.environments import airflow as airflow_environment
from local.environments.venvs import uv_environment
from operate.rest import until_airflow
from tests.container.conftest import Airflow
from tests.stories import tell

REFRESH = 45
"""Seconds within which a changed file is known: the refresh interval, Airflow's looking for its end, the parsing."""

DAG = """
from airflow.sdk import dag, task

@dag(schedule=None)
def {dag_id}():
    @task
    def answer():
        {body}

    answer()

{dag_id}()
"""


def known(airflow: Airflow) -> set[str]:
    """Return the ids of the DAGs that the interface shows, without Airflow's own examples."""
    return {
        dag["dag_id"]
        for bundle in ("s3", "git")
        for dag in airflow.rest.api("GET", f"/dags?bundle_name={bundle}&exclude_stale=true").json["dags"]
    }


def running(airflow: Airflow) -> tuple[list[str], str, str]:
    """Return what a changed DAG must not change: the task, the revision that it runs, and where it is."""
    outputs = airflow.workspace.outputs()
    return [task["taskArn"] for task in airflow.tasks()], outputs["task_definition_arn"], outputs["url"]


def unread(airflow: Airflow) -> list[str]:
    """Return what the DAG processor could not read, with what it logged of each.

    It logs other errors and mends them itself: on SQLite a state that is not written because another process just has.
    """
    log = airflow.log()
    errors = ("Error initializing bundle", "Error refreshing bundle")
    return ["\n".join(log[at : at + 60]) for at, line in enumerate(log) if any(error in line for error in errors)]


class Repository:
    """A Git repository with a folder of DAGs, and its URL as any web server has it."""

    def __init__(self, folder: Path) -> None:
        self.work, self._bare = folder / "work", folder / "served" / "dags.git"
        for command in (
            ("init", "--quiet", "--initial-branch=trunk", self.work),
            ("init", "--quiet", "--bare", self._bare),
        ):
            subprocess.run(["git", *command], check=True)
        handler = functools.partial(_QuietHandler, directory=str(folder / "served"))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dags.git"

    def commit(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(content)
        for command in (
            ("add", "--all"),
            ("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "Change DAGs"),
            ("push", "--quiet", self._bare, "trunk"),
        ):
            subprocess.run(["git", *command], cwd=self.work, check=True)
        subprocess.run(["git", "update-server-info"], cwd=self._bare, check=True)

    @contextmanager
    def withdrawn(self) -> Generator[None]:
        """Take the repository away from its URL for a time."""
        elsewhere = self._bare.with_name("elsewhere")
        self._bare.rename(elsewhere)
        yield
        elsewhere.rename(self._bare)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Generator[Repository]:
    repository = Repository(tmp_path)
    yield repository
    repository.server.shutdown()
    repository.server.server_close()


IGNORED = {
    ".airflowignore": "# helpers\n/top.py\n*_test.py\nbuild/\nx/**/deep.py\nlib*\n!lib_kept.py\n",
    "sub/.airflowignore": "inner.py # not this one\n!y_test.py\n/z\n",
    **dict.fromkeys(
        (
            *("top.py", "sub/top.py", "a_test.py", "sub/y_test.py", "sub/n_test.py", "build/b.py", "sub/build/c.py"),
            *(
                "build.py",
                "x/deep.py",
                "x/y/z/deep.py",
                "deep.py",
                "lib_a.py",
                "lib_kept.py",
                "lib/d.py",
                "sub/inner.py",
            ),
            *("sub/more/inner.py", "inner.py", "sub/z/e.py", "sub/more/z/f.py", "sub/z.py"),
        ),
        "x = 1\n",
    ),
}


IGNORED_FILES = {name for name in IGNORED if name.endswith(".airflowignore")}


def test_where_airflow_looks_for_dags_is_where_mistakes_are_looked_for(tmp_path: Path) -> None:
    for name, content in IGNORED.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    code = (
        "import json, sys; from airflow._shared.module_loading import find_path_from_directory as find; "
        "print(json.dumps(list(find(sys.argv[1], '.airflowignore'))))"
    )
    python = airflow_environment.environment() / "bin" / "python"
    listed = subprocess.run([python, "-c", code, tmp_path], check=True, capture_output=True, text=True).stdout

    ours = {file.name for file in read_dag_folder(tmp_path).files if file.searched} - IGNORED_FILES

    assert ours == {Path(path).relative_to(tmp_path).as_posix() for path in json.loads(listed.splitlines()[-1])}
    assert 5 < len(ours) < len(IGNORED) - 5, "the table decides something"


def test_the_dags_of_the_repository(airflow: Airflow, subtests: pytest.Subtests) -> None:
    with subtests.test("every one is known without an import error"):
        until_airflow(lambda: known(airflow) == set(OURS), REFRESH, f"the DAGs of the folder alone: {', '.join(OURS)}")
        assert airflow.rest.api("GET", "/importErrors").json["import_errors"] == []
    runs = {dag_id: airflow.rest.trigger(dag_id) for dag_id in OURS}
    for dag_id, shows in OURS.items():
        with subtests.test(shows.__name__.replace("_", " ")):
            airflow.rest.wait_for_run(dag_id, runs[dag_id])
            shows(airflow, runs[dag_id])


def the_etl_reads_the_data_file_that_came_along(airflow: Airflow, run_id: str) -> None:
    assert airflow.result("etl_orders", run_id, "transform") == {
        "DE": "362.70",
        "FR": "249.00",
        "JP": "1326.00",
        "US": "277.50",
    }
    assert airflow.result("etl_orders", run_id, "load") == 4


def the_mapped_one_runs_a_task_for_each_country(airflow: Airflow, run_id: str) -> None:
    path = f"/dags/one_task_per_country/dagRuns/{run_id}/taskInstances/count_orders/listMapped"
    mapped = airflow.rest.api("GET", path).json["task_instances"]
    assert sorted(instance["rendered_map_index"] for instance in mapped) == ["DE", "FR", "JP", "US"]
    assert airflow.result("one_task_per_country", run_id, "add_up") == 10


def the_failing_one_fails_is_tried_again_and_succeeds(airflow: Airflow, run_id: str) -> None:
    path = f"/dags/fails_then_succeeds/dagRuns/{run_id}/taskInstances/ask_a_shy_service"
    tries = airflow.rest.api("GET", f"{path}/tries").json["task_instances"]
    assert [(each["try_number"], each["state"]) for each in tries] == [(1, "failed"), (2, "failed"), (3, "success")]
    assert "attempt 1: nobody answered" in airflow.rest.task_log("fails_then_succeeds", run_id, "ask_a_shy_service")


OURS: dict[str, Callable[[Airflow, str], None]] = {
    "etl_orders": the_etl_reads_the_data_file_that_came_along,
    "one_task_per_country": the_mapped_one_runs_a_task_for_each_country,
    "fails_then_succeeds": the_failing_one_fails_is_tried_again_and_succeeds,
}
"""The repository's own DAGs, and what a run of each shows."""


def test_what_becomes_of_dags(airflow: Airflow, repository: Repository, subtests: pytest.Subtests) -> None:
    tell(
        subtests,
        [
            a_new_dag_appears_and_runs_in_the_same_task,
            a_changed_dag_is_what_runs_next,
            a_removed_dag_goes_away,
            what_is_saved_while_the_folder_is_watched_is_told_when_airflow_has_it,
            dags_and_their_triggers_are_imported_with_what_airflow_looks_for_no_dags_in,
            a_folder_takes_a_files_place_and_what_a_task_has_written_beside_its_dag_stays,
            a_broken_dag_fails_the_preview_and_what_runs_is_untouched,
            a_repository_beside_the_folder_is_read_with_the_packages_and_plugins_that_it_needs,
            a_new_commit_is_followed_in_the_same_task,
            a_repository_that_cannot_be_read_is_said_until_it_can,
            packages_that_cannot_be_installed_fail_the_update_with_pips_words,
            packages_that_are_locked_are_installed_without_an_index,
            destroy_with_a_running_dag_leaves_nothing_and_no_process,
        ],
        airflow,
        repository,
    )


def a_new_dag_appears_and_runs_in_the_same_task(airflow: Airflow, _: Repository) -> None:
    before = running(airflow)
    (airflow.dags / "added.py").write_text(DAG.format(dag_id="added", body="return 42"))

    airflow.up()
    until_airflow(lambda: "added" in known(airflow), REFRESH, "the new DAG to be shown")
    run_id = airflow.run_dag("added")

    assert airflow.result("added", run_id, "answer") == 42
    assert running(airflow) == before


def a_changed_dag_is_what_runs_next(airflow: Airflow, _: Repository) -> None:
    before = running(airflow)
    (airflow.dags / "added.py").write_text(DAG.format(dag_id="added", body="return 43"))

    airflow.up()
    until_airflow(
        lambda: airflow.result("added", airflow.run_dag("added"), "answer") == 43,
        REFRESH,
        "the changed DAG to be read",
    )

    assert running(airflow) == before


def a_removed_dag_goes_away(airflow: Airflow, _: Repository) -> None:
    before = running(airflow)
    (airflow.dags / "added.py").unlink()

    airflow.up()
    until_airflow(lambda: "added" not in known(airflow), REFRESH, "the removed DAG to be gone")

    assert running(airflow) == before


def what_is_saved_while_the_folder_is_watched_is_told_when_airflow_has_it(airflow: Airflow, _: Repository) -> None:
    watched = WatchedFolder(airflow.dags, airflow.workspace.stack, airflow.rest)
    file, after = airflow.dags / "saved.py", r"after [0-9.]+ s"

    file.write_text(DAG.format(dag_id="saved", body="return 1"))
    [new] = watched.next_change()
    file.write_text(DAG.format(dag_id="saved", body="return 2"))
    [changed] = watched.next_change()
    file.write_text("from airflow.sdk import dag\nimport nothing_there\n")
    [broken] = watched.next_change()
    file.write_text("from airflow.sdk import (dag\n")
    said, refused = watched.next_change()
    (airflow.dags / ".dagsignore").write_text("saved.py\n")
    ignored, gone = watched.next_change()
    file.unlink()
    (airflow.dags / ".dagsignore").unlink()
    [again] = watched.next_change()

    assert re.fullmatch(rf"saved\.py: uploaded {after}, in Airflow {after}: saved", new)
    assert re.fullmatch(rf"saved\.py: uploaded {after}, in Airflow {after}: saved", changed)
    assert re.fullmatch(
        rf"saved\.py: uploaded {after}, an import error in Airflow {after}: "
        r"ModuleNotFoundError: No module named 'nothing_there'",
        broken,
    )
    assert "'(' was never closed" in said
    assert refused == "saved.py: not uploaded; see above"
    assert [bool(re.fullmatch(rf"\.dagsignore: applied {after}", line)) for line in (ignored, again)] == [True, True]
    assert re.fullmatch(rf"saved\.py: removed {after}, gone from Airflow {after}", gone)


BESIDE = {
    ".airflowignore": "common/\n",
    "common/__init__.py": "",
    "common/question.sql": "select 1\n",
    "common/nap.py": """
import asyncio
from airflow.triggers.base import BaseTrigger, TriggerEvent

class Nap(BaseTrigger):
    def serialize(self):
        return "common.nap.Nap", {}

    async def run(self):
        # Airflow fails a task whose trigger fires before the executor has said that it was deferred.
        await asyncio.sleep(5)
        yield TriggerEvent("slept")
""",
    "common/no_dag.py": DAG.format(dag_id="ignored", body="pass"),
    "uses_common.py": """
from pathlib import Path
from airflow.sdk import BaseOperator, dag
from common.nap import Nap

class Napper(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Nap(), method_name="wake")

    def wake(self, context, event):
        return event + " on " + (Path(__file__).parent / "common" / "question.sql").read_text()

@dag(schedule=None)
def uses_common():
    Napper(task_id="nap")

uses_common()
""",
}
"""A DAG that imports and reads what `.airflowignore` excludes, and a trigger among it."""


def dags_and_their_triggers_are_imported_with_what_airflow_looks_for_no_dags_in(
    airflow: Airflow, _: Repository
) -> None:
    folder = airflow.dags
    (folder / "common").mkdir()
    for name, content in BESIDE.items():
        (folder / name).write_text(content)

    text = airflow.up()
    run_id = airflow.run_dag("uses_common")

    assert airflow.result("uses_common", run_id, "nap") == "slept on select 1\n"
    assert "ignored" not in known(airflow)
    assert airflow.rest.api("GET", "/importErrors").json["import_errors"] == []
    assert ".airflowignore excludes 4 of the files that are uploaded" in text

    shutil.rmtree(folder / "common")
    for name in (".airflowignore", "uses_common.py"):
        (folder / name).unlink()
    airflow.up()
    until_airflow(lambda: "uses_common" not in known(airflow), REFRESH, "the DAG to be gone")


def a_folder_takes_a_files_place_and_what_a_task_has_written_beside_its_dag_stays(
    airflow: Airflow, _: Repository
) -> None:
    dags = airflow.dags
    target = "__import__('pathlib').Path(__file__).parent / 'dbt' / 'target'"
    (dags / "dbt").mkdir()
    (dags / "dbt" / "model.sql").write_text("select 1\n")
    (dags / "settings").write_text("a file\n")
    (dags / "writes.py").write_text(DAG.format(dag_id="writes", body=f"({target}).mkdir()"))
    (dags / "looks.py").write_text(DAG.format(dag_id="looks", body=f"return ({target}).is_dir()"))
    airflow.up()
    airflow.run_dag("writes")

    (dags / "settings").unlink()
    (dags / "settings").mkdir()
    (dags / "settings" / "in_place.py").write_text(DAG.format(dag_id="in_place", body="return 1"))
    airflow.up()
    airflow.run_dag("in_place")

    assert airflow.result("looks", airflow.run_dag("looks"), "answer") is True
    for folder in (dags / "dbt", dags / "settings"):
        shutil.rmtree(folder)
    for name in ("writes", "looks"):
        (dags / f"{name}.py").unlink()
    airflow.up()
    until_airflow(lambda: len(known(airflow)) == 3, REFRESH, "the added DAGs to be gone")


def a_broken_dag_fails_the_preview_and_what_runs_is_untouched(airflow: Airflow, _: Repository) -> None:
    before, broken = running(airflow), airflow.dags / "broken.py"
    broken.write_text("from airflow.sdk import dag\n\n@dag\ndef broken(:\n    pass\n")

    text = airflow.workspace.preview(fails=True)

    broken.unlink()
    assert "dags_path: has broken.py, line 4: invalid syntax" in text
    assert "Traceback" not in text
    assert running(airflow) == before
    assert len(known(airflow)) == 3


PLUGIN = """
from airflow.plugins_manager import AirflowPlugin

YEAR = 2026

class Calendar(AirflowPlugin):
    name = "calendar_of_the_team"
"""


def a_repository_beside_the_folder_is_read_with_the_packages_and_plugins_that_it_needs(
    airflow: Airflow, repository: Repository
) -> None:
    plugins = airflow.dags.with_name("plugins")
    plugins.mkdir(exist_ok=True)
    (plugins / "calendar_of_the_team.py").write_text(PLUGIN)
    body = "import roman; from calendar_of_the_team import YEAR; return roman.toRoman(YEAR)"
    repository.commit({"airflow/from_git.py": DAG.format(dag_id="from_git", body=body), "README.md": "not a DAG"})
    airflow.set(
        dagsGitUrl=repository.url,
        dagsGitRef="trunk",
        dagsGitSubdir="airflow",
        dagsRefreshSeconds=5,
        egressPorts=[repository.port],
        pipRequirements=["roman==5.0"],
        pluginsPath="plugins",
    )

    airflow.up()

    until_airflow(lambda: len(known(airflow)) == 4, REFRESH, "the DAGs of both sources")
    assert airflow.result("from_git", airflow.run_dag("from_git"), "answer") == "MMXXVI"
    loaded = airflow.rest.api("GET", "/plugins").json["plugins"]
    assert "calendar_of_the_team" in [each["name"] for each in loaded]
    assert unread(airflow) == []
    airflow.workspace.preview("--expect-no-changes")


def a_new_commit_is_followed_in_the_same_task(airflow: Airflow, repository: Repository) -> None:
    before = running(airflow)

    repository.commit({"airflow/another.py": DAG.format(dag_id="another", body="return 'ok'")})

    until_airflow(lambda: "another" in known(airflow), REFRESH, "the DAG of the new commit")
    assert airflow.result("another", airflow.run_dag("another"), "answer") == "ok"
    assert running(airflow) == before


def a_repository_that_cannot_be_read_is_said_until_it_can(airflow: Airflow, repository: Repository) -> None:
    def unread() -> list[str]:
        [task] = airflow.tasks()
        return unread_bundles(airflow.client("ecs"), airflow.client("logs"), cast(Any, task))

    assert unread() == []
    with repository.withdrawn():
        [said] = until_airflow(unread, REFRESH, "the bundle to be refreshed")
        assert said.startswith("DAG bundle git cannot be read: GitCommandError: ")
        assert f"repository '{repository.url}/' not found" in said
    until_airflow(lambda: not unread(), REFRESH, "the bundle to be refreshed again")
    assert len(known(airflow)) == 5


def packages_that_cannot_be_installed_fail_the_update_with_pips_words(airflow: Airflow, _: Repository) -> None:
    airflow.set(pipRequirements=["roman==0.0.0.1"])

    text = airflow.up(fails=True)

    assert "No matching distribution found for roman==0.0.0.1" in text
    assert "ECS deployment circuit breaker: tasks failed to start." in text


def packages_that_are_locked_are_installed_without_an_index(airflow: Airflow, _: Repository) -> None:
    project = airflow.dags.parent
    (project / "requirements.txt").write_text("roman")
    here = f"# Python {sys.version_info[0]}.{sys.version_info[1]}"
    pins = re.findall(r"^[a-z][^\s\\]*==[^\\\n]+", airflow_environment.LOCK_FILE.read_text(), re.MULTILINE)
    (project / "constraints.txt").write_text("\n".join([here, *pins, "roman==5.0"]))
    airflow.set(pipRequirements=[], requirementsPath="requirements.txt", constraintsPath="constraints.txt")

    with pytest.MonkeyPatch.context() as environment:
        for name, value in uv_environment(Path(sys.executable)).items():
            environment.setenv(name, value)
        airflow.up()
        # The containers of this machine reach no index, and neither does the program from now on.
        environment.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/")
        airflow.workspace.preview("--expect-no-changes")
    before = airflow.task_arns
    airflow.client("ecs").stop_task(cluster=airflow.workspace.outputs()["cluster_arn"], task=before[0])
    airflow.go_on(but=before)
    assert any("installing roman-5.0-" in line for line in airflow.log())
    assert airflow.result("from_git", airflow.run_dag("from_git"), "answer") == "MMXXVI"


def destroy_with_a_running_dag_leaves_nothing_and_no_process(airflow: Airflow, _: Repository) -> None:
    airflow.rest.wait_for_dag("fails_then_succeeds")
    run = f"/dags/fails_then_succeeds/dagRuns/{airflow.rest.trigger('fails_then_succeeds')}"
    until_airflow(lambda: airflow.rest.api("GET", run).json["state"] == "running", 180, "the DAG to run")
    processes = airflow.processes()

    airflow.workspace.destroy()

    assert airflow.cloud.left_behind() == set()
    assert [process for process in processes if process.is_running()] == []
