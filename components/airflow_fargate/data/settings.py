"""The settings of what outlives a task and a stack, and what is refused of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..database.settings import DatabaseSettings
from ..errors import Refusal
from ..settings import CapabilitySettings

LEAST_SNAPSHOT_SECONDS = 30
"""A snapshot takes a second of a vCPU: more often, it would be felt."""

# AWS: Amazon S3 user guide, "General purpose bucket naming rules".
_BUCKET_NAME = re.compile(r"(?!xn--|sthree-|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")

# AWS: Amazon RDS API reference, CreateDBSnapshot; a snapshot of another account goes by its ARN, and those that RDS
# takes by itself have the prefix.
_SNAPSHOT = re.compile(r"(arn:aws[a-z-]*:rds:[a-z0-9-]+:\d{12}:snapshot:)?(rds:)?[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class DataSettings(CapabilitySettings):
    """What is kept when a task has gone, what a destroyed stack leaves, and what a new one begins with."""

    database_snapshot_seconds: int = 300
    keep_runs_days: int = 0
    retain_data: bool = False
    restore_from: str | None = None


def refuse_data(
    settings: DataSettings, database: DatabaseSettings, *, own_command: bool, own_key: bool
) -> Iterator[Refusal]:
    """Refuse what is no time, no bucket and no snapshot, and what nobody would act on."""
    seconds = settings.database_snapshot_seconds
    if seconds != 0 and seconds < LEAST_SNAPSHOT_SECONDS:
        yield Refusal(
            "database_snapshot_seconds",
            f"is {seconds}; use {LEAST_SNAPSHOT_SECONDS} or more, or 0 for no snapshots",
        )
    if settings.keep_runs_days < 0:
        yield Refusal("keep_runs_days", f"is {settings.keep_runs_days}; use 1 or more, or 0 to keep all")
    if "database_snapshot_seconds" in settings.given and seconds != 0 and not database.in_container:
        yield Refusal("database_snapshot_seconds", "is given, but the database is not in the container; leave it out")
    if settings.restore_from is not None:
        yield from _refuse_source(settings.restore_from, database, own_key=own_key)
    yield from _refuse_without_effect(settings, database, own_command=own_command)


def _refuse_source(source: str, database: DatabaseSettings, *, own_key: bool) -> Iterator[Refusal]:
    if database.in_rds:
        if not _SNAPSHOT.fullmatch(source):
            yield Refusal("restore_from", f"is {source!r}; give the name or the ARN of a snapshot of RDS")
    elif not database.in_container:
        yield Refusal("restore_from", "is given, but database_url leads to what there is; leave it out")
    elif not _BUCKET_NAME.fullmatch(source):
        yield Refusal("restore_from", f"is {source!r}; give the name of a bucket, without s3:// and a path")
    if not own_key:
        yield Refusal(
            "restore_from",
            "is given, but fernet_key is not: the passwords in the database can be read only with the key they were "
            "written with; give that key",
        )


def _refuse_without_effect(
    settings: DataSettings, database: DatabaseSettings, *, own_command: bool
) -> Iterator[Refusal]:
    """Refuse what the supervisor would do, where there is none, and what is about data, where none is kept."""
    elsewhere = {"retain_data"} if database.has_instance else set[str]()
    elsewhere |= {"restore_from"} if database.in_rds else set[str]()
    if own_command:
        for argument in sorted(settings.given - elsewhere):
            yield Refusal(
                argument, "is given, but your command replaces ours, which would do it; leave one of them out"
            )
    elif settings.database_snapshot_seconds == 0:
        for argument in sorted(settings.given - elsewhere - {"database_snapshot_seconds", "keep_runs_days"}):
            yield Refusal(
                argument, "is given, but with database_snapshot_seconds 0 nothing is kept; leave one of them out"
            )
