"""A private bucket: encrypted, closed to the public, and reached over TLS alone."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from .identity import policy
from .scope import Scope


@dataclass(frozen=True)
class PrivateBucket:
    """The bucket, and what has to be there before anything is put into it."""

    bucket: aws.s3.Bucket
    guards: tuple[pulumi.Resource, ...]


def create_private_bucket(
    scope: Scope, suffix: str, opts: pulumi.ResourceOptions, *, force_destroy: bool
) -> PrivateBucket:
    """Create a bucket; with `force_destroy` it is deleted together with all that is in it."""
    name = f"{scope.name}-{suffix}"
    # Pulumi makes the bucket's name of the resource's, and S3 takes no underscore.
    bucket = aws.s3.Bucket(name.replace("_", "-"), force_destroy=force_destroy, tags=scope.tags, opts=opts)
    public_access_block = aws.s3.BucketPublicAccessBlock(
        f"{name}-public-access-block",
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    encryption = aws.s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption",
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        opts=opts,
    )
    policy = aws.s3.BucketPolicy(
        f"{name}-policy",
        bucket=bucket.bucket,
        policy=bucket.arn.apply(lambda arn: json.dumps(tls_only_policy(arn))),
        # S3 answers 409 OperationAborted when both are set at once.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[public_access_block])),
    )
    return PrivateBucket(bucket, (encryption, policy))


def tls_only_policy(bucket_arn: str) -> dict[str, Any]:
    """Refuse every request that is not encrypted on its way (AWS: S3 security best practices)."""
    return policy(
        [
            {
                "Sid": "OnlyOverTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket_arn, f"{bucket_arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
    )
