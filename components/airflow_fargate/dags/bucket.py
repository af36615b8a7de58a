"""The bucket that the DAG folder is put into, and one object for each file of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from ..part import Part
from ..scope import Scope
from .bundles import BUCKET_PREFIX
from .folder import AIRFLOW_IGNORE_FILE, DagFile


@dataclass(frozen=True)
class DagBucket:
    """The bucket with the files, and what reading it adds to the task."""

    bucket: aws.s3.Bucket
    part: Part


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


def create_dag_bucket(scope: Scope, files: Sequence[DagFile]) -> DagBucket:
    """Create a private bucket with these files.

    Each file is one resource, found changed by its digest: a changed file is an update of its object, and of nothing
    else. The objects carry no tags, not even the provider's default ones: S3 allows ten, and a resource fifty.
    """
    bucket = aws.s3.Bucket(f"{scope.name}-dags", force_destroy=True, tags=scope.tags, opts=scope.opts)
    public_access_block = aws.s3.BucketPublicAccessBlock(
        f"{scope.name}-dags-public-access-block",
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=scope.opts,
    )
    encryption = aws.s3.BucketServerSideEncryptionConfiguration(
        f"{scope.name}-dags-encryption",
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        opts=scope.opts,
    )
    policy = aws.s3.BucketPolicy(
        f"{scope.name}-dags-policy",
        bucket=bucket.bucket,
        policy=bucket.arn.apply(lambda arn: json.dumps(tls_only_policy(arn))),
        # S3 answers 409 OperationAborted when both are set at once.
        opts=scope.options(pulumi.ResourceOptions(depends_on=[public_access_block])),
    )

    def put(file: DagFile, after: Sequence[pulumi.Resource]) -> aws.s3.BucketObjectv2:
        return aws.s3.BucketObjectv2(
            f"{scope.name}-dags/{file.name}",
            bucket=bucket.bucket,
            key=f"{BUCKET_PREFIX}/{file.name}",
            source=pulumi.FileAsset(str(file.path)),
            source_hash=file.sha256,
            override_provider={"default_tags": {"tags": {}}},
            opts=scope.options(pulumi.ResourceOptions(depends_on=after)),
        )

    # First what excludes others: a running Airflow would take an excluded file for a DAG that came before it.
    guards = (encryption, policy)
    first = [put(file, guards) for file in files if file.path.name == AIRFLOW_IGNORE_FILE]
    others = [put(file, (*guards, *first)) for file in files if file.path.name != AIRFLOW_IGNORE_FILE]
    return DagBucket(bucket, _reading_part(bucket.arn, (*first, *others)))


def _reading_part(bucket_arn: pulumi.Input[str], objects: tuple[pulumi.Resource, ...]) -> Part:
    """Let Airflow read the bucket, whose files are there before its first task.

    Listing has no condition on a prefix: HeadBucket, which the amazon provider's bundle asks first, needs the same
    permission without one.
    """
    everything = pulumi.Output.concat(bucket_arn, "/*")
    return Part(
        task_permissions=(
            [
                {"Sid": "ListDags", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket_arn},
                {"Sid": "ReadDags", "Effect": "Allow", "Action": "s3:GetObject", "Resource": everything},
            ],
        ),
        waits_for=objects,
    )
