"""The bucket that the DAG folder is put into, and one object for each file of it."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from ..settings import Settings
from .bundles import BUCKET_PREFIX


@dataclass(frozen=True)
class DagBucket:
    """The bucket, and what is in it when a task starts."""

    bucket: aws.s3.Bucket
    objects: tuple[aws.s3.BucketObjectv2, ...]


def tls_only_policy(bucket_arn: str) -> dict[str, Any]:
    """Refuse every request that is not encrypted on its way (AWS: S3 security best practices)."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyOverTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket_arn, f"{bucket_arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def create_dag_bucket(name: str, settings: Settings, opts: pulumi.ResourceOptions) -> DagBucket | None:
    """Create a private bucket with the files of `dags_path`; nothing without it.

    Each file is a resource of its own, found changed by its digest: a changed file is an update of its object, and of
    nothing else. The objects carry no tags, since S3 allows ten and a resource fifty.
    """
    if not settings.dag_folder.files:
        return None
    bucket = aws.s3.Bucket(f"{name}-dags", force_destroy=True, tags=settings.tags, opts=opts)
    public_access_block = aws.s3.BucketPublicAccessBlock(
        f"{name}-dags-public-access-block",
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    encryption = aws.s3.BucketServerSideEncryptionConfiguration(
        f"{name}-dags-encryption",
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        opts=opts,
    )
    policy = aws.s3.BucketPolicy(
        f"{name}-dags-policy",
        bucket=bucket.bucket,
        policy=bucket.arn.apply(lambda arn: json.dumps(tls_only_policy(arn))),
        # S3 answers 409 OperationAborted when both are set at once.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[public_access_block])),
    )
    guarded = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[encryption, policy]))
    return DagBucket(
        bucket=bucket,
        objects=tuple(
            aws.s3.BucketObjectv2(
                f"{name}-dags/{file.name}",
                bucket=bucket.bucket,
                key=f"{BUCKET_PREFIX}/{file.name}",
                source=pulumi.FileAsset(str(file.path)),
                source_hash=file.sha256,
                opts=guarded,
            )
            for file in settings.dag_folder.files
        ),
    )
