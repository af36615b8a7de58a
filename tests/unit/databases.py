"""Databases as Airflow has them, for the tests of the program that keeps them."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from airflow_fargate.data import keeper


def make_database(file: Path, rows: Iterable[str] = ()) -> None:
    """Write a database in SQLite's WAL mode, as Airflow has it."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("pragma journal_mode=wal")
        database.execute("create table alembic_version (version_num text)")
        database.execute("create table run (id text)")
        database.execute("insert into alembic_version values ('abc')")
        database.executemany("insert into run values (?)", [(row,) for row in rows])
        database.commit()


def rows(file: Path) -> list[str]:
    """Return what is in a database."""
    with closing(sqlite3.connect(file)) as database:
        return [row for (row,) in database.execute("select id from run")]


def whole(folder: Path) -> bytes:
    """Return a compressed copy of a database of many pages."""
    make_database(folder / "whole", map(str, range(20_000)))
    keeper.pack(folder / "whole", folder / "whole.gz")
    return (folder / "whole.gz").read_bytes()
