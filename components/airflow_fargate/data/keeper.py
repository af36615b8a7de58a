"""What runs in the container to keep its data: snapshots of the database, and logs that Airflow leaves, in a bucket.

The source of this module is run as a short-lived child, ``python -c SOURCE STAGE``, so that nothing of it stays in
memory between two snapshots. It uses the standard library, and the image's ``boto3`` and ``packaging`` inside
functions, on Python 3.10 and later. The stages, in the order in which a task goes through them:

``start``     before the database is migrated: restore, unless the container was restarted in place
``running``   every so many seconds: save
``stopping``  at once after SIGTERM: save, in case that the end is never reached
``final``     when every other process has ended: save for the last time

A wrong database is worse than none: ``start`` fails on all but a clear answer, and what is saved replaces only what
this task has itself restored or saved. ``docs/durability.md`` has the whole protocol.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import importlib.metadata
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

T = TypeVar("T")

BUCKET_VARIABLE = "AIRFLOW_FARGATE_DATA_BUCKET"
"""The name of the bucket; without one there are no snapshots, and no logs in it."""

SECONDS_VARIABLE = "AIRFLOW_FARGATE_KEEPER_SECONDS"
"""The time between two snapshots of the database, or from one look at what else is due to the next."""

DEFAULT_SECONDS = 3600
"""The same where there are no snapshots."""

DAYS_VARIABLE = "AIRFLOW_FARGATE_KEEP_RUNS_DAYS"
"""The age from which Airflow is to delete runs; without it, it keeps all."""

LONGEST_CLEAN = 600.0
"""Seconds that Airflow has for it: meanwhile there are no snapshots. The rest is for the next day."""

RESTORE_VARIABLE = "AIRFLOW_FARGATE_RESTORE_FROM"
"""The name of another bucket, for a stack whose own has no snapshot yet."""

SNAPSHOTS = "metadata/"
"""Below which the snapshots are: ``metadata/<version of Airflow>/airflow.db.gz``."""

LOGS = "logs/"
"""Below which the logs of tasks are, as Airflow names them."""

PATIENCE = {"start": 90.0, "running": 60.0, "stopping": 15.0, "final": 65.0}
"""Seconds for which a call is repeated, by stage. After SIGTERM all of it fits into the container's stopTimeout."""

LOG_PATIENCE = 10.0
"""The same for the logs: a start waits for them, and Airflow does without."""

LONGEST_STOP = 120.0
"""Seconds from SIGTERM to SIGKILL at most (AWS: ``stopTimeout`` on Fargate)."""

_LONGEST_PAUSE = 8.0
_POLL = 2.0
_DAY = 86400
_MISSING = ("NoSuchKey", "404")
_ANSWERS = (*_MISSING, "PreconditionFailed")
"""What S3 says of an object, not of its own state: asking again would not change it."""


class Snapshot(NamedTuple):
    """A snapshot as S3 lists it."""

    key: str
    version: str
    """Of the Airflow that wrote it."""
    etag: str
    modified: datetime
    size: int


class Found(NamedTuple):
    """An object as S3 gives it, without its content."""

    etag: str
    modified: datetime
    metadata: Mapping[str, str]


class State(NamedTuple):
    """What this task remembers, beside its database, from one stage to the next."""

    task: str
    """An id of its own."""
    etag: str | None
    """The snapshot that it has restored or saved last; None before there is one."""
    taken_over: bool = False


class TakenOver(Exception):  # noqa: N818 - it is no error: another task goes on
    """The snapshot is no longer the one that this task has restored or saved."""


class Damaged(Exception):  # noqa: N818 - named for what the file is
    """The file is not a whole database."""


def database_path(environment: Mapping[str, str]) -> Path | None:
    """Return the file of Airflow's database; None when that is not SQLite."""
    home = _home(environment)
    url = urlsplit(environment.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN") or f"sqlite:///{home}/airflow.db")
    return home / unquote(url.path[1:]) if url.scheme.partition("+")[0] == "sqlite" else None


def snapshot_key(version: str) -> str:
    """Return the key of the snapshots that this version of Airflow writes."""
    return f"{SNAPSHOTS}{version}/airflow.db.gz"


def listed_snapshots(contents: Iterable[Mapping[str, Any]]) -> list[Snapshot]:
    """Return the snapshots in a listing of S3: the newest of each version of Airflow."""
    return [
        Snapshot(each["Key"], version, each["ETag"], each["LastModified"], each["Size"])
        for each in contents
        if each["Key"] == snapshot_key(version := each["Key"].split("/")[1]) and _is_version(version)
    ]


def by_age(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """Return them with the newest last. S3 tells whole seconds: within one the later version of Airflow is newer."""
    return sorted(snapshots, key=lambda each: (each.modified, _order(each.version)))


def choose(snapshots: Iterable[Snapshot], version: str) -> Snapshot | None:
    """Return the newest of the snapshots that this version of Airflow can read; None when there are none at all.

    The newest by time, not by version: after an update that was rolled back, the later version's is the older one.
    """
    known = by_age(snapshots)
    readable = [each for each in known if _order(each.version) <= _order(version)]
    if known and not readable:
        _refuse(known[-1].key, known[-1].version, version)
    if readable and readable[-1] is not known[-1]:
        later = known[-1]
        say(f"{later.key}, saved at {_at(later.modified)}, is of a later Airflow than this {version}, and left alone")
    return readable[-1] if readable else None


def pack(database: Path, packed: Path) -> None:
    """Write a compressed copy of a database that is in use."""
    plain = packed.with_suffix(".plain")
    plain.unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=30)) as source,
            contextlib.closing(sqlite3.connect(plain)) as target,
        ):
            source.backup(target)
        check(plain)
        with plain.open("rb") as read, gzip.open(packed, "wb", compresslevel=1) as write:
            shutil.copyfileobj(read, write, 1024 * 1024)
    finally:
        plain.unlink(missing_ok=True)


def mark(packed: Path) -> None:
    """Make a compressed copy differ from every other: an ETag is a digest, and must change with each upload.

    What is added is an empty member of the archive with a name of its own.
    """
    with packed.open("ab") as file, gzip.GzipFile(uuid.uuid4().hex, "wb", fileobj=file):
        pass


def unpack(packed: Path, database: Path) -> None:
    """Write the database that a compressed copy holds, or raise :class:`Damaged`."""
    try:
        with gzip.open(packed) as read, database.open("wb") as write:
            shutil.copyfileobj(read, write, 1024 * 1024)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Damaged(str(error)) from error
    check(database)


def check(database: Path) -> None:
    """Raise :class:`Damaged` unless the file, which nobody uses, is a whole database that Airflow has migrated."""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as connection:
            result: str = connection.execute("pragma quick_check(1)").fetchone()[0]
            revision = connection.execute("select version_num from alembic_version").fetchone()
    except sqlite3.Error as error:
        raise Damaged(str(error)) from error
    if result != "ok" or revision is None:
        raise Damaged(result if result != "ok" else "it has no revision of Airflow's schema")


class Bucket:
    """A bucket, asked with patience: a call is repeated until S3 answers it, or ``seconds`` are over."""

    def __init__(self, name: str, seconds: float) -> None:
        boto3: Any = importlib.import_module("boto3")
        config: Any = importlib.import_module("botocore.config")
        self._errors: Any = importlib.import_module("botocore.exceptions")
        # The role of the task, whatever keys its DAGs have been given.
        if "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in os.environ:
            for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
                os.environ.pop(variable, None)
        once = config.Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
        self._s3: Any = boto3.client("s3", config=once)
        self._seconds = seconds
        self.name = name

    def snapshots(self) -> list[Snapshot]:
        """Return the newest snapshot of each version of Airflow."""
        return listed_snapshots(self._list("list_objects_v2", "Contents", SNAPSHOTS))

    def earlier_versions(self, key: str) -> list[str]:
        """Return the ids of the versions of an object before the current one, the newest first."""
        versions = self._list("list_object_versions", "Versions", key)
        return [each["VersionId"] for each in versions if each["Key"] == key and not each["IsLatest"]]

    def head(self, key: str) -> Found | None:
        """Return what is known of an object; None when it is not there."""
        return self._found(lambda: self._s3.head_object(Bucket=self.name, Key=key))

    def get(self, key: str, file: Path, **version: str) -> Found | None:
        """Write an object into a file; None when it is not there."""

        def get() -> Mapping[str, Any]:
            answer = self._s3.get_object(Bucket=self.name, Key=key, **version)
            with contextlib.closing(answer["Body"]) as body, file.open("wb") as write:
                for chunk in body.iter_chunks(1024 * 1024):
                    write.write(chunk)
            return answer

        return self._found(get)

    def put(self, key: str, file: Path) -> None:
        """Write an object, whatever was there."""
        self._ask(lambda: self._put(key, file))

    def replace(self, key: str, file: Path, etag: str | None, metadata: Mapping[str, str]) -> str:
        """Replace the object that ``etag`` names, None for one that is not there, and return the new ETag.

        What this task has written itself, of which the answer got lost, is no take-over: ``metadata`` has its id.
        """
        for _ in range(3):
            condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
            try:
                return self._ask(lambda: self._put(key, file, Metadata=metadata, **condition))["ETag"]  # noqa: B023 - called at once
            except self._errors.ClientError as error:
                if _code(error) not in _ANSWERS:
                    raise
            there = self.head(key)
            if there is not None and there.metadata.get("task") != metadata["task"]:
                break
            etag = None if there is None else there.etag
        raise TakenOver

    def _put(self, key: str, file: Path, **parameters: Any) -> Mapping[str, Any]:
        with file.open("rb") as body:
            return self._s3.put_object(Bucket=self.name, Key=key, Body=body, **parameters)

    def _list(self, operation: str, kind: str, prefix: str) -> list[Mapping[str, Any]]:
        pages = self._s3.get_paginator(operation)
        return self._ask(
            lambda: [each for page in pages.paginate(Bucket=self.name, Prefix=prefix) for each in page.get(kind, [])]
        )

    def _found(self, call: Callable[[], Mapping[str, Any]]) -> Found | None:
        try:
            answer = self._ask(call)
        except self._errors.ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        return Found(answer["ETag"], answer["LastModified"], answer["Metadata"])

    def _ask(self, call: Callable[[], T]) -> T:
        deadline, pause = time.monotonic() + self._seconds, 0.25
        while True:
            try:
                return call()
            except (self._errors.BotoCoreError, self._errors.ClientError) as error:
                pause = min(2 * pause, _LONGEST_PAUSE)
                if _code(error) in _ANSWERS or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the calls


class Keeper:
    """Takes one task's database through its stages; ``version`` is that of Airflow."""

    def __init__(self, database: Path, version: str, environment: Mapping[str, str]) -> None:
        self._database = database
        self._version = version
        self._bucket = environment[BUCKET_VARIABLE]
        self._restore_from = environment.get(RESTORE_VARIABLE)
        self._state_file = database.with_name(f"{database.name}.kept.json")
        self._packed = database.with_name(f"{database.name}.gz")
        self._restored = database.with_name(f"{database.name}.restored")

    def start(self) -> None:
        """Bring the database back. A container that was restarted in place has a newer one."""
        if self._state() is not None:
            return
        state = State(uuid.uuid4().hex, None)
        try:
            bucket = Bucket(self._bucket, PATIENCE["start"])
            while True:
                with contextlib.suppress(TakenOver):
                    state = state._replace(etag=self._restore(bucket, state.task))
                    break
        finally:
            self._tidy()
        # Last: whatever ends this before has restored nothing.
        self._remember(state)

    def keep(self, stage: str) -> None:
        """Save the database, unless another task has taken over."""
        state = self._state()
        if state is None or state.taken_over or not self._database.exists():
            return
        begin = time.monotonic()
        try:
            pack(self._database, self._packed)
            bucket = Bucket(self._bucket, PATIENCE[stage])
            etag = self._replace(bucket, snapshot_key(self._version), state, stage, self._version)
            self._remember(state._replace(etag=etag))
            if stage != "running":
                size = self._packed.stat().st_size
                say(f"saved the database, {size / 1e6:.2f} MB compressed, in {time.monotonic() - begin:.1f} s")
        except TakenOver:
            self._remember(state._replace(taken_over=True))
            say("another task has taken over the database: nothing more is saved of what happens here")
        finally:
            self._tidy()

    def _restore(self, bucket: Bucket, task: str) -> str | None:
        """Restore the newest snapshot, and make it this task's own; return its ETag, None when there is none."""
        own = snapshot_key(self._version)
        snapshots = bucket.snapshots()
        newest, source = choose(snapshots, self._version), bucket
        if newest is None and self._restore_from:
            source = Bucket(self._restore_from, PATIENCE["start"])
            newest = choose(source.snapshots(), self._version)
            if newest is None:
                raise SystemExit(f"restore_from names {source.name}, in which nothing is below {SNAPSHOTS}")
        if newest is None:
            say("there is no snapshot yet: Airflow starts with a new database")
            return None
        if source is bucket:
            self._wait_for_final(bucket, newest.key)
        found = self._fetch(source, newest.key)
        written_by = found.metadata.get("airflow-version", newest.version)
        if _order(written_by) > _order(self._version):
            _refuse(newest.key, written_by, self._version)
        if source is bucket and newest.key != own:
            # Whoever still writes there is to see that it goes on here.
            self._replace(bucket, newest.key, State(task, newest.etag), "start", written_by)
        etag = next((each.etag for each in snapshots if each.key == own), None)
        etag = self._replace(bucket, own, State(task, etag), "start", written_by)
        for suffix in ("-wal", "-shm"):
            self._database.with_name(self._database.name + suffix).unlink(missing_ok=True)
        self._restored.replace(self._database)
        say(f"restored the database of {_at(found.modified)} from s3://{source.name}/{newest.key}")
        return etag

    def _fetch(self, bucket: Bucket, key: str) -> Found:
        """Unpack the snapshot, or the latest version of it that is whole."""
        for found in self._versions(bucket, key):
            try:
                unpack(self._packed, self._restored)
            except Damaged as error:
                say(f"s3://{bucket.name}/{key} of {_at(found.modified)} is damaged ({error}): trying the one before")
            else:
                return found
        raise SystemExit(f"no version of s3://{bucket.name}/{key} is whole: restore a backup of yours there")

    def _versions(self, bucket: Bucket, key: str) -> Iterator[Found]:
        """Get the snapshot and then its earlier versions, one after the other."""
        current = bucket.get(key, self._packed)
        if current is None:
            raise TakenOver
        yield current
        for version in bucket.earlier_versions(key):
            if found := bucket.get(key, self._packed, VersionId=version):
                yield found

    def _wait_for_final(self, bucket: Bucket, key: str) -> None:
        """Wait while the task before this one is stopping: the last that it saves is yet to come."""
        waiting = False
        while (found := bucket.head(key)) and found.metadata.get("stage") == "stopping":
            left = LONGEST_STOP - (datetime.now(timezone.utc) - found.modified).total_seconds()  # noqa: UP017 - newer than 3.10
            if left <= 0:
                say("the task before this one has not saved its last state")
                return
            if not waiting:
                say(f"the task before this one is stopping: waiting up to {left:.0f} s for its last state")
            waiting = True
            time.sleep(min(left, _POLL))

    def _replace(self, bucket: Bucket, key: str, state: State, stage: str, version: str) -> str:
        mark(self._packed)
        metadata = {"airflow-version": version, "stage": stage, "task": state.task}
        return bucket.replace(key, self._packed, state.etag, metadata)

    def _state(self) -> State | None:
        try:
            state = State(**json.loads(self._state_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        # Without the database that it is about, it is worth nothing.
        return state if state.etag is None or self._database.exists() else None

    def _remember(self, state: State) -> None:
        new = self._state_file.with_name(f"{self._state_file.name}.new")
        new.write_text(json.dumps(state._asdict()))
        new.replace(self._state_file)

    def _tidy(self) -> None:
        for file in (self._packed, self._restored):
            file.unlink(missing_ok=True)


def left_logs(environment: Mapping[str, str]) -> dict[str, Path]:
    """Return the logs of tasks that Airflow has not uploaded, by key; none unless its remote logs are in the bucket.

    Airflow uploads the log of a task that ends, and deletes the file. It does not when everything ends at once.
    """
    ours = f"s3://{environment.get(BUCKET_VARIABLE)}/{LOGS[:-1]}"
    if environment.get("AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER") != ours:
        return {}
    folder = Path(environment.get("AIRFLOW__LOGGING__BASE_LOG_FOLDER") or _home(environment) / "logs")
    files = sorted(file for file in folder.glob("dag_id=*/**/*.log*") if file.is_file() and file.stat().st_size)
    return {f"{LOGS}{file.relative_to(folder).as_posix()}": file for file in files}


def upload_logs(environment: Mapping[str, str], seconds: float) -> None:
    """Upload the logs that Airflow has left, each behind what is there: a deferred task has more than one process."""
    logs = left_logs(environment)
    if not logs:
        return
    bucket = Bucket(environment[BUCKET_VARIABLE], seconds)
    for key, file in logs.items():
        whole = file.with_name(".whole")
        bucket.get(key, whole)
        with file.open("rb") as rest, whole.open("ab") as write:
            shutil.copyfileobj(rest, write, 1024 * 1024)
        bucket.put(key, whole)
        whole.unlink()
        file.unlink()
    say(f"uploaded the logs of {len(logs)} tasks that were still running")


def delete_old_runs(environment: Mapping[str, str]) -> None:
    """Have Airflow delete the runs that have reached the age, with all that belongs to them; once a day."""
    days, done = environment.get(DAYS_VARIABLE), _home(environment) / ".runs-deleted"
    if not days or (done.exists() and time.time() - done.stat().st_mtime < _DAY):
        return
    done.touch()
    before = datetime.now(timezone.utc) - timedelta(days=int(days))  # noqa: UP017 - newer than 3.10
    command = ["db", "clean", "--clean-before-timestamp", before.isoformat(), "--skip-archive", "--yes"]
    try:
        ended = subprocess.run(  # noqa: S603 - this container's Airflow
            [sys.executable, "-m", "airflow", *command],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=LONGEST_CLEAN,
        )
    except subprocess.TimeoutExpired:
        say(f"deleting the runs from before {_at(before)} took longer than {LONGEST_CLEAN:g} s: it goes on in a day")
        return
    if ended.returncode:
        say(f"the runs from before {_at(before)} could not be deleted: {ended.stderr.strip()[-1000:]}")
    else:
        say(f"deleted the runs from before {_at(before)}")


def say(message: str) -> None:
    """Write a line to the container's log."""
    print(message, flush=True)


def run(stage: str, environment: Mapping[str, str]) -> None:
    """Do what is due at this stage of a task. Failures are logged; only a failed restore ends the start."""
    if stage == "running":
        delete_old_runs(environment)
    database = database_path(environment) if environment.get(BUCKET_VARIABLE) else None
    if database is not None:
        keeper = Keeper(database, importlib.metadata.version("apache-airflow"), environment)
        try:
            keeper.start() if stage == "start" else keeper.keep(stage)
        except Exception as error:
            if stage == "start":
                raise SystemExit(
                    f"the database could not be restored: {_told(error)}. Airflow does not start with another one, "
                    "which would take its place."
                ) from error
            say(f"the database could not be saved: {_told(error)}")
    if stage in ("start", "final"):  # when no task runs
        try:
            upload_logs(environment, LOG_PATIENCE)
        except Exception as error:  # noqa: BLE001 - whatever it is, Airflow does without the log
            say(f"the logs of tasks that were running could not be uploaded: {_told(error)}")


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("AIRFLOW_HOME") or Path(environment.get("HOME", "~")).expanduser() / "airflow")


def _refuse(key: str, wrote: str, version: str) -> NoReturn:
    raise SystemExit(
        f"{key} was saved by Airflow {wrote}, and Airflow {version}, which this image has, cannot read it: "
        f"use an image with Airflow {wrote} or later"
    )


def _order(version: str) -> Any:
    versions: Any = importlib.import_module("packaging.version")
    return versions.Version(version)


def _is_version(text: str) -> bool:
    try:
        _order(text)
    except ValueError:
        return False
    return True


def _code(error: Exception) -> str:
    response: Mapping[str, Any] = getattr(error, "response", {})
    return response.get("Error", {}).get("Code", "")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


if __name__ == "__main__":
    run(sys.argv[1], os.environ)
