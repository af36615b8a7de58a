"""The bucket that the folders of DAGs and plugins are put into, and one object for each file of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from ..bucket import create_private_bucket
from ..part import Part
from ..scope import Scope
from .bundles import BUCKET_PREFIX
from .folder import AIRFLOW_IGNORE_FILE, DagFile, DagFolder
from .requirements.locked import Locked

Object = aws.s3.BucketObjectv2


@dataclass(frozen=True)
class DagBucket:
    """The bucket with the files, and what reading it adds to the task."""

    bucket: aws.s3.Bucket
    part: Part


def create_dag_bucket(scope: Scope, dags: DagFolder, plugins: DagFolder, packages: Locked) -> DagBucket:
    """Create a private bucket with the files of both folders, and with wheels.

    Each file is one resource, found changed by its digest: a changed DAG is an update of its object, and of nothing
    else. Plugins, which a task reads when it starts, are below a digest of all of them: a task that is started again
    finds those that it began with. So it does with wheels, below the digest of each. The objects carry no tags, not
    even the provider's default ones: S3 allows ten, and a resource fifty.
    """
    private = create_private_bucket(scope, "dags", scope.opts, force_destroy=True)
    bucket = private.bucket

    def put(name: str, key: str, source: pulumi.Asset, digest: str, after: Sequence[pulumi.Resource]) -> Object:
        return aws.s3.BucketObjectv2(
            f"{scope.name}-{name}",
            bucket=bucket.bucket,
            key=key,
            source=source,
            source_hash=digest,
            override_provider={"default_tags": {"tags": {}}},
            opts=scope.options(pulumi.ResourceOptions(depends_on=after)),
        )

    def put_file(file: DagFile, kind: str, prefix: str, after: Sequence[pulumi.Resource]) -> Object:
        source = pulumi.FileAsset(str(file.path))
        return put(f"{kind}/{file.name}", f"{prefix}/{file.name}", source, file.sha256, after)

    # First what excludes others: a running Airflow would take an excluded file for a DAG that came before it.
    excluding = [file for file in dags.files if file.path.name == AIRFLOW_IGNORE_FILE]
    first = [put_file(file, "dags", BUCKET_PREFIX, private.guards) for file in excluding]
    after = (*private.guards, *first)
    objects = [
        *first,
        *(put_file(file, "dags", BUCKET_PREFIX, after) for file in dags.files if file not in excluding),
        *(put_file(file, "plugins", plugins_prefix(plugins), private.guards) for file in plugins.files),
        *(
            put(
                f"wheels/{wheel.name}",
                f"wheels/{wheel.sha256}/{wheel.name}",
                pulumi.FileAsset(str(wheel.path)),
                wheel.sha256,
                private.guards,
            )
            for wheel in packages.wheels
        ),
    ]
    if packages.wheels:
        listed = "".join(f"{wheel.sha256} {wheel.name}\n" for wheel in packages.wheels)
        source = pulumi.StringAsset(listed)
        objects.append(put("wheels", packages_key(packages), source, packages.digest, private.guards))
    return DagBucket(bucket, _reading_part(bucket.arn, tuple(objects)))


def packages_key(packages: Locked) -> str:
    """Return the name of the object that lists the wheels."""
    return f"wheels/{packages.digest}.txt"


def plugins_prefix(plugins: DagFolder) -> str:
    """Return what the names of the objects with the plugins begin with."""
    return f"plugins/{plugins.digest}"


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
