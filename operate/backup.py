"""`make backup STACK=…` and `make restore STACK=… FROM=…`: a stack's database into a file, and an earlier one back.

The task itself saves its database every few minutes, and when it ends (docs/durability.md). A backup is a copy of the
newest of these snapshots. A restore puts an earlier one in its place, and has the service start a task with it.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.exceptions
from airflow_fargate.data import keeper
from airflow_fargate.data.keeper import SNAPSHOTS, Snapshot, listed_snapshots
from airflow_fargate.session import ReadKey, clients
from packaging.version import Version

from operate.console import CommandError, age, ended, say
from operate.pulumi_cli import pulumi, short_name
from operate.snapshots import are_kept, newest_snapshot
from operate.status import aws_configuration

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_s3 import S3Client

_FILE_NAME = re.compile(r".+-airflow-(?P<version>[^-]+)-\d{8}T\d{6}Z\.db\.gz")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m operate.backup", description=__doc__)
    parser.add_argument("stack", help="the name of a stack of the project in this folder")
    parser.add_argument("--restore", metavar="FROM", help="restore a file, or what was at a time (2026-11-25T12:00Z)")
    options = parser.parse_args()
    stack: str = options.stack

    def copy() -> int:
        outputs = json.loads(pulumi("stack", "output", "--json", "--stack", stack))
        read = aws_configuration(pulumi("config", "--json", "--show-secrets", "--stack", stack))
        if options.restore is None:
            back_up(outputs, read, Path(), stack)
        else:
            restore(outputs, read, options.restore)
        return 0

    return ended(copy)


def back_up(outputs: Mapping[str, Any], read: ReadKey, folder: Path, stack: str) -> Path:
    """Copy the newest snapshot into a file of `folder`, and return the file.

    :param outputs: The stack's outputs: of the component, `data_bucket_name` and `cluster_arn`.
    :param read: Reads the stack's `aws:` configuration.
    """
    with _saved(outputs, read) as saved:
        of = f"{saved.newest.version}-{saved.newest.modified:%Y%m%dT%H%M%SZ}"
        file = folder / f"{short_name(stack)}-airflow-{of}.db.gz"
        _download(saved, file)
    old = age((datetime.now(UTC) - saved.newest.modified).total_seconds())
    say(f"{file} is the database as it was saved {old} ago.")
    say("Its passwords are encrypted: keep the value of the stack's parameter AIRFLOW__CORE__FERNET_KEY too.")
    return file


def _download(saved: "_Saved", file: Path) -> None:
    """Write the newest snapshot into a file that its owner alone can read; an earlier one is replaced."""
    whole = file.with_name(f"{file.name}.part")
    try:
        with open(whole, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as body:
            saved.s3.download_fileobj(saved.bucket, saved.newest.key, body)
        whole.replace(file)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error}.") from error
    finally:
        whole.unlink(missing_ok=True)


def restore(outputs: Mapping[str, Any], read: ReadKey, source: str) -> None:
    """Put a database in the place of the newest snapshot, and stop the task, which then can no longer save its own.

    :param outputs: The stack's outputs: of the component, `data_bucket_name`, `cluster_arn` and `service_arn`.
    :param read: Reads the stack's `aws:` configuration.
    :param source: A file that `back_up` made, or a time in ISO 8601: the snapshot that was the newest then.
    """
    with _saved(outputs, read) as saved, tempfile.TemporaryDirectory() as temporary:
        file = Path(source)
        version = saved.newest.version
        if file.is_file():
            named = _FILE_NAME.fullmatch(file.name)
            version = named["version"] if named else version
        else:
            file, version = _as_of(saved, source, Path(temporary))
        _check(file, Path(temporary) / "database")
        if Version(version) > Version(saved.newest.version):
            raise CommandError(
                f"{source} is of Airflow {version}, and the stack has {saved.newest.version}, which cannot read it.",
                "Update `image` first.",
            )
        marked = Path(temporary) / "marked"
        marked.write_bytes(file.read_bytes())
        _replace(saved, marked, version)
        try:
            stopped = _stop_tasks(saved.ecs, outputs["cluster_arn"], outputs["service_arn"])
        except BaseException:
            say(f"{source} is the database of the next task. The one that runs saves nothing any more: stop it, with")
            say(f"  aws ecs stop-task --cluster {outputs['cluster_arn']} --task …  (ecs:StopTask)")
            raise
    say(f"{source} is the database now. {stopped} task{'' if stopped == 1 else 's'} of the former one stopped;")
    say("the service starts the next: `make status` shows when it is healthy, and where.")


@dataclass(frozen=True)
class _Saved:
    """What a stack has saved, and what to ask AWS with."""

    s3: "S3Client"
    ecs: "ECSClient"
    bucket: str
    newest: Snapshot


@contextmanager
def _saved(outputs: Mapping[str, Any], read: ReadKey) -> Generator["_Saved"]:
    bucket: str = outputs.get("data_bucket_name", "")
    if not bucket:
        raise CommandError(
            "The stack has no snapshots of its database.", "`pulumi up` with databaseSnapshotSeconds makes them."
        )
    try:
        client = clients(read, outputs["cluster_arn"].split(":")[3])
        s3, ecs = client("s3"), client("ecs")
        _refuse_elsewhere(ecs, outputs)
        newest = newest_snapshot(s3, bucket)
        if newest is None:
            raise CommandError(f"s3://{bucket} has no snapshot yet.", "The first is saved minutes after the start.")
        yield _Saved(s3, ecs, bucket, newest)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise CommandError(
            f"AWS could not be asked: {error}",
            "docs/deployer.md says what is needed; `aws sts get-caller-identity` shows whose credentials yours are.",
        ) from error


def _refuse_elsewhere(ecs: "ECSClient", outputs: Mapping[str, Any]) -> None:
    found = ecs.describe_services(cluster=outputs["cluster_arn"], services=[outputs["service_arn"]])["services"]
    for service in found:
        if not are_kept(ecs, service):
            raise CommandError(
                "Airflow's database is in PostgreSQL, of which the task saves nothing.",
                "RDS backs up an instance of the stack by itself (docs/databases.md); another is yours to back up.",
            )


def _as_of(saved: _Saved, text: str, folder: Path) -> tuple[Path, str]:
    """Get what was the newest snapshot at a time, of those that are still kept, and the Airflow that had written it.

    Each version of Airflow has its own, and those of a later one than the stack has cannot be read.
    """
    try:
        then = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"{text} is neither a file nor a time.",
            "Give a file from `make backup`, or one such as 2026-11-25T12:00Z.",
        ) from error
    then = then if then.tzinfo else then.astimezone()
    pages = saved.s3.get_paginator("list_object_versions").paginate(Bucket=saved.bucket, Prefix=SNAPSHOTS)
    kept = [
        (snapshot, version.get("VersionId", ""))
        for page in pages
        for version in page.get("Versions", [])
        for snapshot in listed_snapshots([version])
        if Version(snapshot.version) <= Version(saved.newest.version)
    ]
    # Of two that are of the same second, the later Airflow's; of the same one's, that which S3 lists first.
    found = max(
        (each for each in kept if each[0].modified <= then),
        key=lambda each: (each[0].modified, Version(each[0].version)),
        default=None,
    )
    if found is None:
        earliest = min(snapshot.modified for snapshot, _ in kept)
        raise CommandError(
            f"No snapshot of {then:%Y-%m-%d %H:%M:%S %Z} or before is kept: the earliest is of {earliest}."
        )
    snapshot, version = found
    file = folder / "earlier"
    saved.s3.download_file(saved.bucket, snapshot.key, str(file), ExtraArgs={"VersionId": version})
    told = saved.s3.head_object(Bucket=saved.bucket, Key=snapshot.key, VersionId=version)["Metadata"]
    say(
        f"The snapshot of {snapshot.modified:%Y-%m-%d %H:%M:%S %Z} by Airflow {snapshot.version} "
        "is the newest that is not later."
    )
    return file, told.get("airflow-version", snapshot.version)


def _check(file: Path, scratch: Path) -> None:
    try:
        keeper.unpack(file, scratch)
    except keeper.Damaged as error:
        raise CommandError(f"{file} is not a database that was backed up: {error}.") from error


def _replace(saved: _Saved, file: Path, version: str) -> None:
    """Put the file in the place of the newest snapshot, as one that no task has saved: the running one is fenced."""
    keeper.mark(file)
    metadata = {"airflow-version": version, "stage": "final", "task": "restored"}
    try:
        with file.open("rb") as body:
            saved.s3.put_object(
                Bucket=saved.bucket, Key=saved.newest.key, Body=body, IfMatch=saved.newest.etag, Metadata=metadata
            )
    except botocore.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
            raise
        raise CommandError(
            "The task has saved its database meanwhile, so nothing was restored.", "Try again."
        ) from None


def _stop_tasks(ecs: "ECSClient", cluster: str, service: str) -> int:
    arns = ecs.list_tasks(cluster=cluster, serviceName=service.rpartition("/")[2])["taskArns"]
    for arn in arns:
        ecs.stop_task(cluster=cluster, task=arn, reason="Another database was put in the place of this task's.")
    return len(arns)


if __name__ == "__main__":
    sys.exit(main())
