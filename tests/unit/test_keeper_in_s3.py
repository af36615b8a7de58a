"""The program that keeps a task's data, and S3: two tasks, answers that fail or get lost, objects that are damaged."""

import gzip
import importlib.metadata
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from airflow_fargate.data import keeper
from botocore.config import Config
from moto.moto_server.werkzeug_app import (  # pyright: ignore[reportMissingTypeStubs] - its own flask_cors has no types
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from tests.unit.databases import make_database, rows, whole


@dataclass
class Outage:
    """What S3 answers to so many of the calls with one of the methods."""

    calls: int
    status: int = 503
    code: str = "SlowDown"
    methods: tuple[str, ...] = ("GET", "HEAD", "PUT")
    applied: bool = False
    """Whether the call is carried out, and only its answer lost."""


class S3:
    """moto's S3, in this process; `outage` is the one that it has now."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.outage: Outage | None = None
        self.meanwhile: dict[str, Callable[[], object]] = {}
        """What happens just before the next call with a method."""
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @cached_property
    def client(self) -> Any:
        """A client that repeats no call by itself, as the program makes one."""
        session: Any = boto3.Session("test", "test", region_name="us-east-1")
        once = Config(retries={"total_max_attempts": 1})
        return session.client("s3", endpoint_url=self.endpoint, config=once)

    def make_bucket(self) -> str:
        """Return the name of a new bucket that keeps versions."""
        name = f"data-{uuid.uuid4().hex[:8]}"
        self.client.create_bucket(Bucket=name)
        self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def _answer(self, environ: Any, start_response: Any) -> Any:
        outage, method = self.outage, environ["REQUEST_METHOD"]
        self.meanwhile.pop(method, _nobody_listens)()
        self.calls.append(method)
        if outage is None or outage.calls == 0 or method not in outage.methods:
            return self._moto(environ, start_response)
        outage.calls -= 1
        if outage.applied:
            list(self._moto(environ, _nobody_listens))
        else:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = f"<Error><Code>{outage.code}</Code><Message>no</Message></Error>"
        return Response(body, outage.status, content_type="text/xml")(environ, start_response)


_installed = threading.local()
"""The version of Airflow in the thread that plays a task."""


def _nobody_listens(*_: object) -> None: ...


@pytest.fixture(scope="module")
def server() -> Generator[S3]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = S3()
    yield server
    server.stop()


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> Generator[S3]:
    """Return the server, which the program asks only once each time; its pauses are short."""

    def client(*_: object, **__: object) -> Any:
        return server.client

    def version(_: str) -> str:
        return _installed.version

    def sleep(seconds: float) -> None:
        time.sleep(seconds / 20)

    monkeypatch.setattr(boto3, "client", client)
    monkeypatch.setattr(keeper, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep, time=time.time))
    monkeypatch.setattr(keeper, "PATIENCE", dict.fromkeys(keeper.PATIENCE, 0.0))
    monkeypatch.setattr(keeper, "LOG_PATIENCE", 0.0)
    monkeypatch.setattr(importlib.metadata, "version", version)
    yield server
    server.outage = None
    server.meanwhile.clear()


@dataclass
class Stack:
    """A bucket, and the tasks that one after the other, or side by side, work with it."""

    s3: S3
    folder: Path
    bucket: str

    def task(self, version: str = "3.3.1", **environment: str) -> "Task":
        """Return a new task: one with an empty disk."""
        home = self.folder / uuid.uuid4().hex[:8]
        home.mkdir()
        return Task(self, home, version, environment)

    def stages(self) -> dict[str, str]:
        """Return the stage in which each current snapshot was saved, by the version of Airflow."""
        listed = self.s3.client.list_objects_v2(Bucket=self.bucket, Prefix="metadata/").get("Contents", [])
        versions = [each["Key"].split("/")[1] for each in listed]
        return {version: self.metadata(version)["stage"] for version in versions}

    def metadata(self, version: str) -> dict[str, str]:
        return self.s3.client.head_object(Bucket=self.bucket, Key=keeper.snapshot_key(version))["Metadata"]

    def put(self, body: bytes, version: str = "3.3.1", **metadata: str) -> None:
        """Put an object in the place of a snapshot."""
        self.s3.client.put_object(
            Bucket=self.bucket, Key=keeper.snapshot_key(version), Body=body, Metadata={"task": "other", **metadata}
        )


@dataclass
class Task:
    """A task: the disk that its Airflow has to itself, and the stages that it goes through."""

    stack: Stack
    home: Path
    version: str
    environment: dict[str, str]

    @property
    def database(self) -> Path:
        return self.home / "airflow.db"

    def run(self, stage: str) -> None:
        variables = {
            "AIRFLOW_HOME": str(self.home),
            keeper.BUCKET_VARIABLE: self.stack.bucket,
            **self.environment,
        }
        _installed.version = self.version
        keeper.run(stage, variables)

    def start(self) -> "Task":
        """Start as a container does: restore, and migrate."""
        self.run("start")
        if not self.database.exists():
            make_database(self.database)
        return self

    def add(self, *rows: str) -> None:
        with closing(sqlite3.connect(self.database)) as database:
            database.executemany("insert into run values (?)", [(row,) for row in rows])
            database.commit()

    def rows(self) -> list[str]:
        return rows(self.database)


@pytest.fixture
def stack(s3: S3, tmp_path: Path) -> Stack:
    return Stack(s3, tmp_path, s3.make_bucket())


def test_a_task_goes_on_from_what_the_one_before_saved(stack: Stack) -> None:
    first = stack.task().start()
    first.add("before the snapshot")
    first.run("running")
    first.add("after it")
    second = stack.task().start()

    assert second.rows() == ["before the snapshot"]


@pytest.mark.parametrize("stage", ["running", "stopping", "final"])
def test_each_stage_saves_all_that_there_is_and_says_which_it_was(
    stack: Stack, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stack.task().start()
    for number in range(3):
        first.add(str(number))
        first.run(stage)
    assert stack.stages() == {"3.3.1": stage}
    monkeypatch.setattr(keeper, "LONGEST_STOP", 0.0)
    assert stack.task().start().rows() == ["0", "1", "2"]


def test_a_container_restarted_in_place_keeps_its_own_newer_database(stack: Stack) -> None:
    task = stack.task().start()
    task.run("running")
    task.add("not saved")
    stack.s3.calls.clear()

    assert task.start().rows() == ["not saved"]
    assert stack.s3.calls == []
    task.run("final")
    assert stack.task().start().rows() == ["not saved"]


def test_a_start_that_was_cut_off_after_it_took_over_starts_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stack.task().start()
    first.add("kept")
    first.run("final")
    second = stack.task()

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut_off)
        with pytest.raises(KeyboardInterrupt):
            second.run("start")
    assert not second.database.exists()

    assert second.start().rows() == ["kept"]
    second.run("final")
    assert stack.stages() == {"3.3.1": "final"}


def test_a_state_without_its_database_restores(stack: Stack) -> None:
    task = stack.task().start()
    task.add("kept")
    task.run("running")
    for file in task.home.glob("airflow.db*"):
        if "kept" not in file.name:
            file.unlink()

    assert task.start().rows() == ["kept"]


def test_a_task_that_lives_on_does_not_overwrite_what_its_successor_saves(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    old = stack.task().start()
    old.run("running")
    new = stack.task().start()
    old.add("seen by nobody")
    old.run("running")
    new.add("kept")
    new.run("running")
    for stage in ("running", "stopping", "final"):
        old.run(stage)
    assert stack.task().start().rows() == ["kept"]
    assert capsys.readouterr().out.count("another task has taken over the database") == 1


def test_a_successor_with_another_airflow_takes_over_too(stack: Stack) -> None:
    old = stack.task("3.3.1").start()
    old.run("running")
    new = stack.task("3.3.2").start()
    old.add("seen by nobody")
    old.run("final")

    assert new.rows() == []
    assert stack.stages() == {"3.3.1": "start", "3.3.2": "start"}
    assert {stack.metadata(version)["airflow-version"] for version in ("3.3.1", "3.3.2")} == {"3.3.1"}
    assert stack.task("3.3.1").start().rows() == []


def test_of_two_first_tasks_one_alone_saves(stack: Stack) -> None:
    one, other = stack.task().start(), stack.task().start()
    one.add("one")
    other.add("other")
    for task in (one, other, one, other):
        task.run("running")

    assert stack.task().start().rows() == ["one"]


def test_of_two_that_start_at_once_one_alone_goes_on(stack: Stack) -> None:
    keeper.PATIENCE.update(dict.fromkeys(keeper.PATIENCE, 5.0))
    stack.task().start().run("final")
    tasks = [stack.task() for _ in range(4)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Task.start, tasks))
    for task in tasks:
        task.add(task.home.name)
        task.run("running")

    [row] = stack.task().start().rows()
    assert row in {task.home.name for task in tasks}


def test_a_start_waits_for_the_last_state_of_a_task_that_is_stopping(stack: Stack) -> None:
    old = stack.task().start()
    old.run("stopping")

    def end() -> None:
        time.sleep(1)
        old.add("while it stopped")
        old.run("final")

    ending = threading.Thread(target=end)
    ending.start()
    new = stack.task().start()
    ending.join()

    assert new.rows() == ["while it stopped"]


def test_a_start_does_not_wait_for_the_end_of_one_that_can_run_no_more(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.task().start().run("stopping")
    monkeypatch.setattr(keeper, "LONGEST_STOP", 1.0)
    begin = time.monotonic()
    stack.task().start()

    assert time.monotonic() - begin < 3
    assert "has not saved its last state" in capsys.readouterr().out


def test_an_update_that_was_rolled_back_leaves_the_database_that_the_earlier_airflow_had(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    before = stack.task("3.3.1").start()
    before.add("1")
    before.run("final")
    failed = stack.task("3.3.2").start()
    failed.add("of the failed update")
    failed.run("running")
    back = stack.task("3.3.1").start()
    assert back.rows() == ["1"]
    assert "metadata/3.3.2/airflow.db.gz, saved at" in capsys.readouterr().out
    time.sleep(1)  # S3 tells the times of objects in whole seconds
    back.add("2")
    back.run("final")

    again = stack.task("3.3.2").start()
    assert again.rows() == ["1", "2"]
    again.run("final")
    assert stack.task("3.3.2").start().rows() == ["1", "2"]


@pytest.mark.parametrize("method", ["HEAD", "PUT"])
def test_what_another_task_saves_while_this_one_starts_is_what_it_starts_from(stack: Stack, method: str) -> None:
    old = stack.task().start()
    old.run("running")

    def save() -> None:
        old.add("saved meanwhile")
        old.run("running")

    stack.s3.meanwhile[method] = save
    new = stack.task().start()

    assert new.rows() == ["saved meanwhile"]
    new.run("final")
    assert stack.task().start().rows() == ["saved meanwhile"]


def test_a_snapshot_that_goes_away_while_a_task_starts_is_one_that_is_not_there(stack: Stack) -> None:
    stack.task().start().run("final")
    key = keeper.snapshot_key("3.3.1")
    stack.s3.meanwhile["HEAD"] = lambda: stack.s3.client.delete_object(Bucket=stack.bucket, Key=key)
    new = stack.task().start()
    new.add("new")
    new.run("final")

    assert stack.task().start().rows() == ["new"]


UNCLEAR: dict[str, tuple[int, str]] = {
    "InternalError": (500, "InternalError"),
    "SlowDown": (503, "SlowDown"),
    "AccessDenied": (403, "AccessDenied"),
    "no such bucket": (404, "NoSuchBucket"),
    "a page of a proxy": (502, ""),
}


@pytest.mark.parametrize(("status", "code"), UNCLEAR.values(), ids=UNCLEAR)
@pytest.mark.parametrize("there", [True, False], ids=["with a snapshot", "without one"])
def test_a_start_without_a_clear_answer_is_none(stack: Stack, status: int, code: str, there: bool) -> None:
    if there:
        stack.task().start().run("final")
    task = stack.task()
    stack.s3.outage = Outage(1000, status, code)
    with pytest.raises(SystemExit, match=r"the database could not be restored: .* Airflow does not start"):
        task.run("start")

    assert list(task.home.iterdir()) == []


@pytest.mark.parametrize(("status", "code"), UNCLEAR.values(), ids=UNCLEAR)
def test_an_outage_that_ends_in_time_delays_a_start(stack: Stack, status: int, code: str) -> None:
    keeper.PATIENCE.update(dict.fromkeys(keeper.PATIENCE, 5.0))
    first = stack.task().start()
    first.add("kept")
    first.run("final")
    stack.s3.outage = Outage(2, status, code)

    assert stack.task().start().rows() == ["kept"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_an_outage_of_any_call_of_a_start_restores_nothing_or_all(stack: Stack, method: str) -> None:
    first = stack.task().start()
    first.add("kept")
    first.run("final")
    task = stack.task()
    stack.s3.outage = Outage(1000, methods=(method,))
    with pytest.raises(SystemExit):
        task.run("start")
    assert list(task.home.iterdir()) == []
    stack.s3.outage = None

    assert task.start().rows() == ["kept"]


def test_a_snapshot_that_cannot_be_saved_is_said_and_the_next_one_is(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    task = stack.task().start()
    task.run("running")
    stack.s3.outage = Outage(1000)
    task.add("kept")
    task.run("running")
    assert "the database could not be saved: ClientError: An error occurred (SlowDown)" in capsys.readouterr().out
    stack.s3.outage = None
    task.run("running")

    assert stack.task().start().rows() == ["kept"]


def test_a_database_that_was_damaged_is_not_saved(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    task = stack.task().start()
    task.add(*map(str, range(2000)))
    task.run("final")
    with task.database.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096)
    task.run("running")

    assert "the database could not be saved: Da" in capsys.readouterr().out
    assert len(stack.task().start().rows()) == 2000


@pytest.mark.parametrize("calls", [1, 1000], ids=["one", "all"])
@pytest.mark.parametrize("first", [True, False], ids=["the first snapshot", "a later one"])
def test_an_answer_that_gets_lost_is_no_take_over(
    stack: Stack, calls: int, first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper.PATIENCE.update(dict.fromkeys(keeper.PATIENCE, 5.0))
    task = stack.task().start()
    if not first:
        task.run("running")
    task.add("1")
    stack.s3.outage = Outage(calls, 500, "InternalError", methods=("PUT",), applied=True)
    task.run("running")
    assert ("could not be saved" in capsys.readouterr().out) == (calls > 1)
    stack.s3.outage = None
    task.add("2")
    task.run("running")

    assert stack.task().start().rows() == ["1", "2"]


def test_what_s3_says_of_an_object_is_not_asked_again(stack: Stack) -> None:
    keeper.PATIENCE.update(dict.fromkeys(keeper.PATIENCE, 5.0))
    old = stack.task().start()
    old.run("running")
    stack.task().start()
    stack.s3.calls.clear()
    old.run("running")

    assert stack.s3.calls == ["PUT", "HEAD"]


def test_a_snapshot_that_somebody_deleted_is_saved_again(stack: Stack) -> None:
    task = stack.task().start()
    task.run("running")
    stack.s3.client.delete_object(Bucket=stack.bucket, Key=keeper.snapshot_key("3.3.1"))
    task.add("kept")
    task.run("running")

    assert stack.task().start().rows() == ["kept"]


def test_without_a_snapshot_airflow_starts_with_a_new_database(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.put(b"", "not-a-version")
    task = stack.task()

    task.run("start")
    assert not task.database.exists()
    assert "there is no snapshot yet" in capsys.readouterr().out


def test_a_damaged_snapshot_gives_way_to_the_version_before_and_says_so(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    first = stack.task().start()
    first.add("kept")
    first.run("final")
    stack.put(b"damaged")
    stack.put(gzip.compress(b"damaged"))
    second = stack.task().start()
    assert second.rows() == ["kept"]
    assert capsys.readouterr().out.count("is damaged") == 2
    second.add("2")
    second.run("final")

    assert stack.task().start().rows() == ["kept", "2"]


def test_without_any_whole_version_airflow_does_not_start(stack: Stack) -> None:
    stack.put(b"damaged")
    stack.put(b"damaged too")
    task = stack.task()
    with pytest.raises(SystemExit, match=r"no version of s3://.*/metadata/3\.3\.1/airflow\.db\.gz is whole"):
        task.run("start")

    assert list(task.home.iterdir()) == []


def test_a_database_of_a_later_airflow_in_the_place_of_this_ones_is_refused(stack: Stack, tmp_path: Path) -> None:
    stack.put(whole(tmp_path), "3.3.1", **{"airflow-version": "3.4.0"})

    with pytest.raises(SystemExit, match=r"was saved by Airflow 3\.4\.0, and Airflow 3\.3\.1"):
        stack.task("3.3.1").run("start")


def test_a_new_stack_starts_from_the_bucket_of_another_and_leaves_it_alone(stack: Stack) -> None:
    kept = stack.task().start()
    kept.add("kept")
    kept.run("final")
    other = Stack(stack.s3, stack.folder, stack.s3.make_bucket())
    task = other.task("3.3.2", **{keeper.RESTORE_VARIABLE: stack.bucket}).start()
    assert task.rows() == ["kept"]
    task.add("new")
    task.run("final")
    assert stack.stages() == {"3.3.1": "final"}

    assert other.task("3.3.2", **{keeper.RESTORE_VARIABLE: stack.bucket}).start().rows() == ["kept", "new"]


def test_another_bucket_without_a_snapshot_is_refused(stack: Stack) -> None:
    empty = stack.s3.make_bucket()

    with pytest.raises(SystemExit, match=f"restore_from names {empty}, in which"):
        stack.task(**{keeper.RESTORE_VARIABLE: empty}).run("start")


@pytest.mark.parametrize(
    "environment",
    [{keeper.BUCKET_VARIABLE: ""}, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://db/airflow"}],
    ids=["switched off", "another database"],
)
def test_without_snapshots_nothing_is_asked_of_s3(stack: Stack, environment: dict[str, str]) -> None:
    stack.s3.calls.clear()
    task = stack.task(**environment)
    make_database(task.database)

    for stage in keeper.PATIENCE:
        task.run(stage)
    assert stack.s3.calls == []


def task_log(task: Task, name: str, text: str) -> Path:
    file = task.home / "logs" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


LOG = "dag_id=a/run_id=manual__2026-11-25T12:00:00+00:00/task_id=t/attempt=1.log"
MAPPED = "dag_id=a/run_id=r/task_id=t/map_index=0/attempt=2.log"
TRIGGER = f"{LOG}.trigger.7.log"


def test_the_logs_that_airflow_leaves_are_uploaded_at_the_end(stack: Stack) -> None:
    task = stack.task(AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER=f"s3://{stack.bucket}/logs").start()
    for name in (LOG, MAPPED, TRIGGER):
        task_log(task, name, f"{name}, first é\n")
    uploaded = task_log(task, "dag_id=a/run_id=r/task_id=u/attempt=1.log", "")
    others = task_log(task, "dag_processor/latest.log", "not of a task")
    for stage in ("running", "stopping"):
        task.run(stage)
    assert logs(stack) == {}
    task.run("final")
    assert logs(stack) == {name: f"{name}, first é\n" for name in (LOG, MAPPED, TRIGGER)}
    assert sorted(file for file in (task.home / "logs").rglob("*") if file.is_file()) == sorted([uploaded, others])

    task_log(task, LOG, "second\n")
    task.start().run("final")
    assert logs(stack)[LOG] == f"{LOG}, first é\nsecond\n"


def test_the_logs_that_a_container_left_are_uploaded_when_it_is_restarted_in_place(stack: Stack) -> None:
    task = stack.task(
        AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER=f"s3://{stack.bucket}/logs",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="postgresql://db/airflow",
    )
    task_log(task, LOG, "of a task that was killed\n")

    task.run("start")
    assert logs(stack) == {LOG: "of a task that was killed\n"}


def test_logs_that_cannot_be_uploaded_keep_nothing_from_starting_and_are_not_lost(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    task = stack.task(AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER=f"s3://{stack.bucket}/logs").start()
    log = task_log(task, LOG, "kept\n")
    stack.s3.outage = Outage(1000, methods=("PUT",))

    task.run("start")
    assert log.read_text() == "kept\n"
    assert "the logs of tasks that were running could not be uploaded: ClientError" in capsys.readouterr().out


def test_logs_that_go_elsewhere_are_left_alone(stack: Stack) -> None:
    task = stack.task(AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER="s3://mine/logs").start()
    log = task_log(task, LOG, "kept\n")
    task.run("final")

    assert log.exists()
    assert logs(stack) == {}


def logs(stack: Stack) -> dict[str, str]:
    """Return the logs in the bucket, by the name that Airflow gives them."""
    s3 = stack.s3.client
    listed = s3.list_objects_v2(Bucket=stack.bucket, Prefix=keeper.LOGS).get("Contents", [])
    return {
        each["Key"].removeprefix(keeper.LOGS): s3.get_object(Bucket=stack.bucket, Key=each["Key"])["Body"]
        .read()
        .decode()
        for each in listed
    }


def test_the_source_alone_is_the_program(s3: S3, tmp_path: Path) -> None:
    (tmp_path / "apache_airflow-3.3.1.dist-info").mkdir()
    (tmp_path / "apache_airflow-3.3.1.dist-info" / "METADATA").write_text("Name: apache-airflow\nVersion: 3.3.1\n")
    stack = Stack(s3, tmp_path, s3.make_bucket())
    task = stack.task()
    make_database(task.database)
    (task.home / "airflow.db.kept.json").write_text('{"task": "1", "etag": null}')
    environment = {
        "PYTHONPATH": str(tmp_path),
        "AIRFLOW_HOME": str(task.home),
        keeper.BUCKET_VARIABLE: stack.bucket,
        "AWS_ENDPOINT_URL": s3.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    command = [sys.executable, "-c", Path(keeper.__file__).read_text(), "final"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("saved the database, 0.00 MB compressed, in ")
    assert stack.stages() == {"3.3.1": "final"}


def test_s3_is_asked_as_the_task_whatever_keys_its_dags_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()

    def client(*_: object, **__: object) -> None:
        seen.update(os.environ)

    monkeypatch.setattr(boto3, "client", client)
    of_dags = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"}
    for variable in of_dags:
        monkeypatch.setenv(variable, "of another account")
    keeper.Bucket("data", 0)
    assert seen >= of_dags
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials")
    seen.clear()
    keeper.Bucket("data", 0)

    assert seen & of_dags == set()
