"""What the program that keeps a task's data decides, as tables, and how it copies a database."""

import gzip
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow_fargate.data import keeper
from airflow_fargate.data.keeper import Snapshot

from tests.unit.databases import make_database, rows, whole

MODIFIED = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


def snapshot(version: str, minutes: float) -> Snapshot:
    return Snapshot(keeper.snapshot_key(version), version, "etag", MODIFIED + timedelta(minutes=minutes), 1)


CHOICES: dict[str, tuple[list[tuple[str, float]], str, str | None]] = {
    "nothing is there": ([], "3.3.2", None),
    "its own": ([("3.3.2", 0)], "3.3.2", "3.3.2"),
    "the one before an update": ([("3.3.1", 0)], "3.3.2", "3.3.1"),
    "the newest of several older ones": ([("3.2.0", 0), ("3.3.1", 1)], "3.3.2", "3.3.1"),
    "the newest by time, where the newest version was rolled back": ([("3.3.2", 0), ("3.3.1", 1)], "3.3.2", "3.3.1"),
    "its own, although a later version wrote after it": ([("3.3.1", 0), ("3.3.2", 1)], "3.3.1", "3.3.1"),
    "the later version, of two that were saved at once": ([("3.3.2", 0), ("3.3.1", 0)], "3.3.2", "3.3.2"),
    "as numbers, not as text": ([("3.9.0", 0), ("3.10.0", 1)], "3.10.0", "3.10.0"),
    "a release after its candidate": ([("3.3.2rc1", 0)], "3.3.2", "3.3.2rc1"),
}


@pytest.mark.parametrize(("there", "version", "chosen"), CHOICES.values(), ids=CHOICES)
def test_a_task_starts_from_the_right_snapshot(
    there: list[tuple[str, float]], version: str, chosen: str | None
) -> None:
    found = keeper.choose([snapshot(*each) for each in there], version)

    assert (found and found.version) == chosen


def test_a_database_that_only_later_versions_can_read_is_refused_by_name() -> None:
    with pytest.raises(
        SystemExit, match=r"metadata/3\.3\.2/airflow\.db\.gz was saved by Airflow 3\.3\.2, and Airflow 3\.2\.0"
    ):
        keeper.choose([snapshot("3.3.2", 0)], "3.2.0")


DATABASES: dict[str, tuple[dict[str, str], str | None]] = {
    "of the image": ({"AIRFLOW_HOME": "/opt/airflow"}, "/opt/airflow/airflow.db"),
    "without a home of Airflow": ({"HOME": "/home/eve"}, "/home/eve/airflow/airflow.db"),
    "elsewhere": ({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////data/my%20runs.db"}, "/data/my runs.db"),
    "with a driver": (
        {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite+aiosqlite:////data/x.db?timeout=3"},
        "/data/x.db",
    ),
    "relative": (
        {"AIRFLOW_HOME": "/opt/airflow", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:///x.db"},
        "/opt/airflow/x.db",
    ),
    "not SQLite": ({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://airflow@db:5432/airflow"}, None),
}


@pytest.mark.parametrize(("environment", "path"), DATABASES.values(), ids=DATABASES)
def test_the_file_of_the_database_is_found_as_airflow_finds_it(environment: dict[str, str], path: str | None) -> None:
    assert keeper.database_path(environment) == (path and Path(path))


def test_a_copy_of_a_database_in_use_has_all_that_was_committed(tmp_path: Path) -> None:
    file, packed, restored = tmp_path / "air flow.db", tmp_path / "x.gz", tmp_path / "restored"
    make_database(file, ["1"])
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("insert into run values ('2')")
        writer.commit()  # into the log, not into the file
        writer.execute("insert into run values ('3')")
        keeper.pack(file, packed)
    keeper.mark(packed)
    keeper.unpack(packed, restored)

    assert rows(restored) == ["1", "2"]
    assert sorted(tmp_path.iterdir()) == [file, restored, packed]


def test_two_copies_of_the_same_database_differ(tmp_path: Path) -> None:
    make_database(tmp_path / "db")
    keeper.pack(tmp_path / "db", tmp_path / "copy")
    copies: set[bytes] = set()
    for name in ("one", "other"):
        (tmp_path / name).write_bytes((tmp_path / "copy").read_bytes())
        keeper.mark(tmp_path / name)
        copies.add((tmp_path / name).read_bytes())
    assert len(copies) == 2


def _overwritten(data: bytes) -> bytes:
    database = bytearray(gzip.decompress(data))
    database[4096 * 20 : 4096 * 24] = b"\xff" * 4096 * 4
    return gzip.compress(bytes(database))


def _made_by(statement: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(statement)
        return gzip.compress(database.serialize())


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "not compressed": gzip.decompress,
    "not a database": lambda _: gzip.compress(b"<html>no such thing</html>"),
    "cut off": lambda data: data[: len(data) // 2],
    "cut off within the database": lambda data: gzip.compress(gzip.decompress(data)[: 4096 * 30]),
    "garbled": lambda data: data[:1000] + bytes(200) + data[1200:],
    "pages overwritten": _overwritten,
    "of another program": lambda _: _made_by("create table other (id)"),
    "never migrated": lambda _: _made_by("create table alembic_version (version_num text)"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_copy_is_known_as_one(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    (tmp_path / "copy").write_bytes(damage(whole(tmp_path)))

    with pytest.raises(keeper.Damaged):
        keeper.unpack(tmp_path / "copy", tmp_path / "restored")


@pytest.mark.parametrize(
    ("airflow", "said"),
    [
        ("assert sys.argv[1:3] == ['db', 'clean']", "deleted the runs from before "),
        ("time.sleep(60)", " took longer than 1 s: it goes on in a day"),
        (r"sys.stderr.buffer.write(b'\xff: locked'); sys.exit(1)", " could not be deleted: \ufffd: locked"),
    ],
    ids=["done", "takes long", "fails"],
)
def test_old_runs_are_deleted_once_a_day_within_some_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], airflow: str, said: str
) -> None:
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "__main__.py").write_text(f"import sys, time\n{airflow}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(keeper, "LONGEST_CLEAN", 1.0 if "sleep" in airflow else 30.0)
    variables = {"AIRFLOW_HOME": str(tmp_path), keeper.DAYS_VARIABLE: "30"}
    begin = time.monotonic()
    keeper.run("running", variables)

    assert said in capsys.readouterr().out
    assert time.monotonic() - begin < 30
    keeper.run("running", variables)
    assert capsys.readouterr().out == ""
