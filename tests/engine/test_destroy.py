"""`pulumi destroy` of what has changed since `pulumi up`: nothing is left, and nothing else goes."""

import json
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.deployed import AIRFLOW, OFFICIAL, Deployed
from local.testing.workspace import Workspace

PAGE = 1000
"""How many versions S3 lists at once."""

SAVING_SECONDS = 15


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


BUCKET = "kept-by-the-task"
SAVES = f"""
import boto3, signal, sys, time
def save(*_):
    # Long enough for `pulumi destroy` to delete all that does not wait for the end of the task.
    time.sleep({SAVING_SECONDS})
    boto3.client("s3").put_object(Bucket="{BUCKET}", Key=sys.argv[1], Body=b"")
    print("saved", flush=True)
    sys.exit(0)
"""
MAY_SAVE = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}


@pytest.fixture
def saved(stack: Deployed) -> Generator[Callable[[], list[str]]]:
    """Make the bucket, and return the keys of what is saved in it by now."""
    s3 = stack.client("s3")
    s3.create_bucket(Bucket=BUCKET)

    def keys() -> list[str]:
        return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    yield keys
    for key in keys():
        s3.delete_object(Bucket=BUCKET, Key=key)
    s3.delete_bucket(Bucket=BUCKET)


def test_what_a_stopping_task_saves_is_saved_before_anything_that_it_needs_goes(
    stack: Deployed, saved: Callable[[], list[str]]
) -> None:
    saves_at_its_end = SAVES + AIRFLOW.replace("sys.exit(0)", "save()")
    stack.configure(
        command=["python", "-c", saves_at_its_end, "service"],
        task_role_policy=json.dumps({"Version": "2012-10-17", "Statement": MAY_SAVE}),
    )
    stack.workspace.up()

    stack.workspace.destroy()

    assert saved() == ["service"]


def test_destroy_waits_for_a_task_that_airflow_has_started_with_all_that_it_needs(
    stack: Deployed, saved: Callable[[], list[str]]
) -> None:
    stack.configure(
        **OFFICIAL,
        executors=["AwsEcsExecutor"],
        task_role_policy=json.dumps({"Version": "2012-10-17", "Statement": MAY_SAVE}),
    )
    stack.workspace.up()
    executor = "AIRFLOW__AWS_ECS_EXECUTOR__"
    variables = {each["name"].removeprefix(executor): each["value"] for each in stack.container["environment"]}
    vpc = {"subnets": variables["SUBNETS"].split(","), "securityGroups": variables["SECURITY_GROUPS"].split(",")}
    # It ends by itself, as a task of Airflow does whose API server is gone.
    command = ["python", "-c", f"{SAVES}save()", "remote", "--"]
    stack.client("ecs").run_task(
        cluster=variables["CLUSTER"],
        taskDefinition=variables["TASK_DEFINITION"],
        networkConfiguration={"awsvpcConfiguration": {**vpc, "assignPublicIp": "ENABLED"}},
        overrides={"containerOverrides": [{"name": variables["CONTAINER_NAME"], "command": command}]},
        capacityProviderStrategy=json.loads(variables["RUN_TASK_KWARGS"])["capacity_provider_strategy"],
    )

    stack.workspace.destroy()

    assert saved() == ["remote"]


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
