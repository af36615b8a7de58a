"""`pulumi destroy` of what has changed since `pulumi up`: nothing is left, and nothing else goes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.deployed import Deployed
from local.testing.workspace import Workspace

PAGE = 1000
"""How many versions S3 lists at once."""


def test_neither_a_task_that_just_stopped_nor_a_full_bucket_is_in_the_way(
    cloud: Cloud, stack: Deployed, tmp_path: Path
) -> None:
    other = stack
    other.configure()
    other.workspace.up()
    before = cloud.left_behind()
    stack = Deployed(cloud, Workspace.make(cloud, tmp_path, "", {}))
    stack.configure(dags_path=str(ROOT / "dags"))
    stack.workspace.up()
    [bucket] = {name for name in cloud.left_behind() - before if name.startswith("airflow-dags-")}
    fill(stack.client("s3"), bucket)
    [task_arn] = stack.task_arns
    stack.client("ecs").stop_task(cluster=stack.workspace.outputs()["cluster_arn"], task=task_arn, reason="a test")

    stack.workspace.destroy()

    assert cloud.left_behind() == before
    assert other.task_arns, "the other stack is untouched"

    stack.workspace.destroy()  # with nothing there, it is no error


def fill(s3: Any, bucket: str) -> None:
    """Put into the bucket what is not Pulumi's own: more versions and deletions of objects than a page of S3's list."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def put_twice_and_delete(number: int) -> None:
        for body in (b"first", b"second"):
            s3.put_object(Bucket=bucket, Key=f"written/by/a/dag/{number}", Body=body)
        s3.delete_object(Bucket=bucket, Key=f"written/by/a/dag/{number}")

    with ThreadPoolExecutor() as pool:
        list(pool.map(put_twice_and_delete, range(PAGE // 3 + 10)))
    s3.put_object(Bucket=bucket, Key="left by somebody", Body=b"")
    assert s3.list_object_versions(Bucket=bucket)["IsTruncated"]
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=bucket)
