"""The snapshots of a stack's database, as S3 lists them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_fargate.data.keeper import SNAPSHOTS, Snapshot, by_age, listed_snapshots
from airflow_fargate.database.url import CONNECTION_VARIABLE
from airflow_fargate.task.running import container_of

from operate.console import age

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
    from mypy_boto3_s3 import S3Client


def are_kept(ecs: "ECSClient", service: "ServiceTypeDef") -> bool:
    """Whether the database is in the service's task, which saves it, and not elsewhere."""
    container = container_of(ecs, service.get("taskDefinition", ""))
    return CONNECTION_VARIABLE not in [
        each["name"] for kind in ("environment", "secrets") for each in container.get(kind, [])
    ]


def newest_snapshot(s3: "S3Client", bucket: str) -> Snapshot | None:
    """Return the snapshot that was saved last, of whatever version of Airflow; None before there is one."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=SNAPSHOTS)
    found = by_age(listed_snapshots(each for page in pages for each in page.get("Contents", [])))
    return found[-1] if found else None


def describe(snapshot: Snapshot | None, bucket: str) -> str:
    """Say how old and how large it is, and where."""
    if snapshot is None:
        return f"The database was not saved yet (s3://{bucket})."
    seconds = (datetime.now(UTC) - snapshot.modified).total_seconds()
    return (
        f"The database was saved {age(max(0.0, seconds))} ago, {snapshot.size / 1e6:.2f} MB compressed, "
        f"by Airflow {snapshot.version} (s3://{bucket}/{snapshot.key})."
    )
