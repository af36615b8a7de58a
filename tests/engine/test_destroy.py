"""`pulumi destroy` of what has changed since `pulumi up`: nothing is left. The tests go on from one another."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.deployed import Deployed

PAGE = 1000
"""How many versions S3 lists at once."""


@pytest.fixture(scope="module")
def before(cloud: Cloud) -> set[str]:
    """Return what other tests have in the same emulator."""
    return cloud.left_behind()


@pytest.fixture(scope="module")
def stack(empty_stack: Deployed, before: set[str]) -> Deployed:
    empty_stack.configure(dags_path=str(ROOT / "dags"))
    empty_stack.workspace.up()
    assert empty_stack.cloud.left_behind() > before
    return empty_stack


def test_neither_a_task_that_just_stopped_nor_a_full_bucket_is_in_the_way(stack: Deployed, before: set[str]) -> None:
    [bucket] = {name for name in stack.cloud.left_behind() - before if name.startswith("airflow-dags-")}
    s3 = stack.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def put_twice_and_delete(number: int) -> None:
        for body in (b"first", b"second"):
            s3.put_object(Bucket=bucket, Key=f"written/by/a/dag/{number}", Body=body)
        s3.delete_object(Bucket=bucket, Key=f"written/by/a/dag/{number}")

    with ThreadPoolExecutor() as pool:
        list(pool.map(put_twice_and_delete, range(PAGE // 3 + 10)))
    assert s3.list_object_versions(Bucket=bucket)["IsTruncated"]
    [task_arn] = stack.task_arns
    stack.client("ecs").stop_task(cluster=stack.workspace.outputs()["cluster_arn"], task=task_arn, reason="a test")

    stack.workspace.destroy()

    assert stack.cloud.left_behind() == before


def test_destroying_twice_is_no_error(stack: Deployed, before: set[str]) -> None:
    stack.workspace.destroy()

    assert stack.cloud.left_behind() == before
