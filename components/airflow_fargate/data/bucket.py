"""The bucket of what outlives a task: snapshots of the database, and the logs of its tasks."""

import pulumi
import pulumi_aws as aws

from ..bucket import PrivateBucket, create_private_bucket
from ..scope import Scope
from .keeper import LOGS, SNAPSHOTS

KEPT_DAYS = 7
"""How many days a replaced snapshot is kept."""

KEPT_VERSIONS = 10
"""How many replaced snapshots are kept beyond that."""


def create_data_bucket(scope: Scope, *, log_days: int, retain: bool) -> PrivateBucket:
    """Create a private bucket that keeps versions; with `retain` it stays, with all that is in it, when the stack goes.

    It is not the bucket of the DAGs: a task may write here, and must not write what it will run.
    """
    opts = scope.kept(retain=retain)
    private = create_private_bucket(scope, "data", opts, force_destroy=not retain)
    name = private.bucket.bucket
    versioning = aws.s3.BucketVersioning(
        f"{scope.name}-data-versioning", bucket=name, versioning_configuration={"status": "Enabled"}, opts=opts
    )
    lifecycle = aws.s3.BucketLifecycleConfiguration(
        f"{scope.name}-data-lifecycle",
        bucket=name,
        rules=[
            {
                "id": "snapshots",
                "status": "Enabled",
                "filter": {"prefix": SNAPSHOTS},
                "noncurrent_version_expiration": {
                    "noncurrent_days": KEPT_DAYS,
                    "newer_noncurrent_versions": KEPT_VERSIONS,
                },
            },
            {
                "id": "logs",
                "status": "Enabled",
                "filter": {"prefix": LOGS},
                "expiration": {"days": log_days},
                # What is added to a log makes another version of it.
                "noncurrent_version_expiration": {"noncurrent_days": 1},
                # Airflow uploads a log of more than 8 MB in parts.
                "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
            },
        ],
        # S3 takes rules on versions only of a bucket that has them.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[versioning])),
    )
    return PrivateBucket(private.bucket, (*private.guards, versioning, lifecycle))
