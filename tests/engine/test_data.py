"""What outlives a task and a stack: the bucket, what is left of it, and backups."""

import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from airflow_fargate.data.keeper import LOGS, pack, snapshot_key, unpack

from local.testing.deployed import OFFICIAL, Deployed
from operate.waiting import until
from tests.stories import tell

VERSION = "3.3.2"
LOG = f"{LOGS}dag_id=a/run_id=b/task_id=c/attempt=1.log"


def test_what_outlives_a_task_and_a_stack(stack: Deployed, tmp_path: Path, subtests: pytest.Subtests) -> None:
    before = stack.cloud.left_behind()
    stack.configure(**OFFICIAL)
    stack.workspace.up()
    tell(
        subtests,
        [
            after_up_there_is_nothing_to_do_and_a_refresh_finds_no_change,
            before_the_first_snapshot_status_says_so_and_backup_has_nothing_to_copy,
            status_says_how_old_and_how_large_the_newest_snapshot_is,
            a_backup_is_the_newest_snapshot_and_takes_its_place_again,
            the_database_of_an_earlier_time_takes_its_place_again,
            what_cannot_be_restored_is_refused_and_nothing_changes,
            nothing_is_said_of_the_snapshots_of_a_database_that_is_not_used,
            a_stack_that_keeps_nothing_has_no_bucket_and_says_so,
        ],
        stack,
        tmp_path,
    )
    tell(
        subtests,
        [
            a_destroyed_stack_leaves_no_snapshot_and_no_log,
            one_that_retains_its_data_leaves_the_bucket_and_the_key_which_another_takes,
        ],
        stack,
        tmp_path,
        before,
    )


@dataclass(frozen=True)
class Answer:
    code: int
    message: str


def command(stack: Deployed, module: str, *arguments: str) -> Answer:
    """Run a command with the stack's name."""
    result = stack.workspace.command(module, stack.workspace.stack.name, *arguments)
    return Answer(result.returncode, result.stderr)


def save(stack: Deployed, folder: Path, *rows: str, version: str = VERSION) -> None:
    """Save a database as the task does."""
    file = folder / "airflow.db"
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values ('abc')")
        database.execute("create table run (id text)")
        database.executemany("insert into run values (?)", [(row,) for row in rows])
    pack(file, folder / "packed")
    bucket = stack.workspace.outputs()["data_bucket_name"]
    stack.client("s3").upload_file(str(folder / "packed"), bucket, snapshot_key(version))


def saved(stack: Deployed, folder: Path) -> list[str]:
    """Return what is in the newest snapshot."""
    packed, file = folder / "saved.gz", folder / "saved"
    stack.client("s3").download_file(stack.workspace.outputs()["data_bucket_name"], snapshot_key(VERSION), str(packed))
    unpack(packed, file)
    with closing(sqlite3.connect(file)) as database:
        return [row for (row,) in database.execute("select id from run")]


def after_up_there_is_nothing_to_do_and_a_refresh_finds_no_change(stack: Deployed, _folder: Path) -> None:
    stack.workspace.preview("--expect-no-changes")
    stack.workspace.refresh("--expect-no-changes")


def before_the_first_snapshot_status_says_so_and_backup_has_nothing_to_copy(stack: Deployed, _folder: Path) -> None:
    bucket = stack.workspace.outputs()["data_bucket_name"]

    assert command(stack, "operate.status").message == f"The database was not saved yet (s3://{bucket}).\n"
    answer = command(stack, "operate.backup")
    assert (answer.code, answer.message.splitlines()[0]) == (1, f"error: s3://{bucket} has no snapshot yet.")


def status_says_how_old_and_how_large_the_newest_snapshot_is(stack: Deployed, folder: Path) -> None:
    save(stack, folder, "first", version="3.3.1")
    save(stack, folder, "first")

    answer = command(stack, "operate.status")

    bucket = stack.workspace.outputs()["data_bucket_name"]
    said = rf"The database was saved \d+ s ago, 0\.00 MB compressed, by Airflow 3\.3\.2 \(s3://{bucket}/.+\)\.\n"
    assert (answer.code, bool(re.fullmatch(said, answer.message))) == (0, True), answer.message


def a_backup_is_the_newest_snapshot_and_takes_its_place_again(stack: Deployed, folder: Path) -> None:
    save(stack, folder, "before")
    assert command(stack, "operate.backup").code == 0
    [file] = stack.workspace.stack.project.glob("*.db.gz")
    assert re.fullmatch(rf"{stack.workspace.stack.name}-airflow-3\.3\.2-\d{{8}}T\d{{6}}Z\.db\.gz", file.name)
    save(stack, folder, "before", "after")
    [task] = stack.task_arns

    answer = command(stack, "operate.backup", "--restore", file.name)

    assert answer.code == 0, answer.message
    assert saved(stack, folder) == ["before"]
    until(lambda: stack.task_arns and task not in stack.task_arns, 60, "another task")


def the_database_of_an_earlier_time_takes_its_place_again(stack: Deployed, folder: Path) -> None:
    time.sleep(1.1)  # S3 tells whole seconds
    save(stack, folder, "then", version="3.3.1")  # the newest of them all until an update
    time.sleep(1.1)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    save(stack, folder, "then", "now")

    answer = command(stack, "operate.backup", "--restore", moment)

    assert answer.code == 0, answer.message
    assert saved(stack, folder) == ["then"]


REFUSED = {
    "missing": "error: missing is neither a file nor a time.",
    "1999-01-01T00:00Z": "error: No snapshot of 1999-01-01 00:00:00 UTC or before is kept: the earliest is of ",
    "x-airflow-3.3.2-20261125T120000Z.db.gz": "is not a database that was backed up: ",
    "x-airflow-99.0.0-20261125T120000Z.db.gz": "is of Airflow 99.0.0, and the stack has 3.3.2, which cannot read it",
}


def what_cannot_be_restored_is_refused_and_nothing_changes(stack: Deployed, folder: Path) -> None:
    save(stack, folder, "kept")
    damaged, later = (folder / name for name in REFUSED if name.endswith(".gz"))
    damaged.write_text("no database")
    later.write_bytes((folder / "packed").read_bytes())
    for name, message in REFUSED.items():
        source = str(folder / name) if name.endswith(".gz") else name

        answer = command(stack, "operate.backup", "--restore", source)

        assert (answer.code, message in answer.message) == (1, True), answer.message
    assert saved(stack, folder) == ["kept"]


def nothing_is_said_of_the_snapshots_of_a_database_that_is_not_used(stack: Deployed, folder: Path) -> None:
    save(stack, folder, "kept")
    stack.configure(**OFFICIAL, database_url="postgresql://airflow:word@db.example.com/airflow", egress_ports=[5432])
    stack.workspace.up()

    assert command(stack, "operate.status").message == ""
    for more in ((), ("--restore", "2999-01-01T00:00Z")):
        answer = command(stack, "operate.backup", *more)
        assert (answer.code, answer.message.splitlines()[0]) == (
            1,
            "error: Airflow's database is in PostgreSQL, of which the task saves nothing.",
        )
    assert saved(stack, folder) == ["kept"]


def a_stack_that_keeps_nothing_has_no_bucket_and_says_so(stack: Deployed, _folder: Path) -> None:
    stack.configure(**OFFICIAL, database_snapshot_seconds=0)
    stack.workspace.up()

    assert stack.workspace.outputs()["data_bucket_name"] == ""
    answer = command(stack, "operate.backup")
    assert (answer.code, answer.message.splitlines()[0]) == (1, "error: The stack has no snapshots of its database.")
    assert command(stack, "operate.status").message == ""


def a_destroyed_stack_leaves_no_snapshot_and_no_log(stack: Deployed, folder: Path, before: set[str]) -> None:
    stack.configure(**OFFICIAL)
    stack.workspace.up()
    fill(stack, folder)

    stack.workspace.destroy()

    assert stack.cloud.left_behind() == before


def one_that_retains_its_data_leaves_the_bucket_and_the_key_which_another_takes(
    stack: Deployed, folder: Path, before: set[str]
) -> None:
    stack.configure(**OFFICIAL, retain_data=True)
    stack.workspace.up()
    outputs = stack.workspace.outputs()
    bucket, s3, ssm = outputs["data_bucket_name"], stack.client("s3"), stack.client("ssm")
    fill(stack, folder)

    stack.workspace.destroy()

    left = stack.cloud.left_behind() - before
    [parameter] = left - {bucket}
    assert "FERNET_KEY" in parameter
    assert {each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {snapshot_key(VERSION), LOG}
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "OnlyOverTls" in s3.get_bucket_policy(Bucket=bucket)["Policy"]

    key = ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]
    stack.configure(**OFFICIAL, restore_from=bucket, fernet_key=key)
    stack.workspace.up()
    environment = {each["name"]: each["value"] for each in stack.container["environment"]}
    assert environment["AIRFLOW_FARGATE_RESTORE_FROM"] == bucket
    stack.workspace.destroy()
    assert stack.cloud.left_behind() - before == left


def fill(stack: Deployed, folder: Path) -> None:
    """Put into the bucket what a task does, more than once."""
    for rows in (("first",), ("first", "second")):
        save(stack, folder, *rows)
        stack.client("s3").put_object(Bucket=stack.workspace.outputs()["data_bucket_name"], Key=LOG, Body=repr(rows))
