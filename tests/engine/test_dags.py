"""A folder of DAGs through the real engine: what a changed file touches, and what it must not."""

import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.testing.deployed import Deployed
from local.testing.workspace import Workspace

OBJECT = "aws:s3:BucketObjectv2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dags")
    (folder / "data").mkdir()
    (folder / "data" / "orders.csv").write_text("1,2\n")
    (folder / "etl.py").write_text("x = 1\n")
    (folder / "old name.py").write_text("é = 1\n")
    (folder / ".env").write_text("PASSWORD=x\n")
    return folder


@pytest.fixture(scope="module")
def empty_stack(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Generator[Deployed]:
    """Return a stack whose provider gives every resource more tags than an object of S3 may have."""
    tags = {f"tag-{number}": "default" for number in range(11)}
    config = {"aws:defaultTags": {"tags": tags}}
    deployed = Deployed(cloud, Workspace.make(cloud, tmp_path_factory.mktemp("stack"), "", config))
    yield deployed
    deployed.workspace.destroy()


@pytest.fixture(scope="module")
def stack(empty_stack: Deployed, folder: Path) -> Deployed:
    """Return the component with a folder of DAGs; the tests below go on from what the one before has left."""
    empty_stack.configure(dags_path=str(folder))
    empty_stack.workspace.up()
    return empty_stack


def bucket(stack: Deployed) -> str:
    [bundle] = bundles(stack)
    return bundle["kwargs"]["bucket_name"]


def bundles(stack: Deployed) -> list[dict[str, Any]]:
    environment = {variable["name"]: variable["value"] for variable in stack.container["environment"]}
    return json.loads(environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])


def objects(stack: Deployed) -> dict[str, str]:
    """Every object of the bucket with its content."""
    s3 = stack.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket(stack)).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket(stack), Key=key)["Body"].read().decode() for key in keys}


def running(stack: Deployed) -> tuple[list[str], str, str]:
    """Return what must not change: the task, the revision that it runs, and where it is."""
    outputs = stack.workspace.outputs()
    return stack.task_arns, outputs["task_definition_arn"], outputs["url"]


def test_the_objects_carry_no_tags_and_the_bucket_those_of_the_provider(stack: Deployed) -> None:
    s3, name = stack.client("s3"), bucket(stack)

    assert len(s3.get_bucket_tagging(Bucket=name)["TagSet"]) == 11
    assert [key for key in objects(stack) if s3.get_object_tagging(Bucket=name, Key=key)["TagSet"]] == []


def test_every_file_but_the_hidden_ones_is_in_the_bucket(stack: Deployed) -> None:
    assert objects(stack) == {
        "dags/data/orders.csv": "1,2\n",
        "dags/etl.py": "x = 1\n",
        "dags/old name.py": "é = 1\n",
    }


def test_the_bucket_is_private_encrypted_and_for_tls_only(stack: Deployed) -> None:
    s3, name = stack.client("s3"), bucket(stack)

    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    [rule] = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    [statement] = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Condition"]) == (
        "Deny",
        "s3:*",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


def test_the_task_role_can_list_and_get_in_that_bucket_and_no_role_can_do_more(stack: Deployed) -> None:
    iam = stack.client("iam")
    arn = stack.workspace.outputs()["task_definition_arn"]
    definition = stack.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    allowed: dict[str, set[tuple[str, str]]] = {}
    for key in ("taskRoleArn", "executionRoleArn"):
        role = definition[key].rpartition("/")[2]
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        statements = [
            statement
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
            for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
        ]
        allowed[key] = {
            (action, resource.rpartition(":")[2])
            for statement in statements
            for action in _list(statement["Action"])
            for resource in _list(statement["Resource"])
        }

    assert allowed["taskRoleArn"] == {("s3:ListBucket", bucket(stack)), ("s3:GetObject", f"{bucket(stack)}/*")}
    assert {action for action, _ in allowed["executionRoleArn"]} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "ssm:GetParameters",
    }
    assert {resource for _, resource in allowed["executionRoleArn"]}.isdisjoint({"*"}) or all(
        action.startswith("logs:") for action, resource in allowed["executionRoleArn"] if resource == "*"
    ), "only the log group's own streams end in :*"


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_nothing_is_to_be_done_after_up(stack: Deployed) -> None:
    stack.workspace.preview("--expect-no-changes", "--diff")
    stack.workspace.refresh("--expect-no-changes")


def test_a_new_file_is_one_new_object_and_touches_nothing_else(stack: Deployed, folder: Path) -> None:
    before = running(stack)
    (folder / "new.py").write_text("y = 1\n")

    preview = stack.workspace.preview()
    text = stack.workspace.up()

    assert "+ 1 to create" in preview
    assert "airflow-dags/new.py" in preview
    assert counted(text) == ["+ 1 created"]
    assert objects(stack)["dags/new.py"] == "y = 1\n"
    assert running(stack) == before


def test_a_changed_file_is_one_updated_object_and_touches_nothing_else(stack: Deployed, folder: Path) -> None:
    before = running(stack)
    (folder / "etl.py").write_text("x = 2\n")

    preview = stack.workspace.preview()
    text = stack.workspace.up()

    assert "~ 1 to update" in preview
    assert "airflow-dags/etl.py" in preview
    assert counted(text) == ["~ 1 updated"]
    assert objects(stack)["dags/etl.py"] == "x = 2\n"
    assert running(stack) == before


def test_a_removed_file_is_one_deleted_object_and_touches_nothing_else(stack: Deployed, folder: Path) -> None:
    before = running(stack)
    (folder / "old name.py").unlink()

    text = stack.workspace.up()

    assert counted(text) == ["- 1 deleted"]
    assert sorted(objects(stack)) == ["dags/data/orders.csv", "dags/etl.py", "dags/new.py"]
    assert running(stack) == before


def counted(text: str) -> list[str]:
    """Return the lines of Pulumi's summary on resources that were touched."""
    summary = text.partition("Resources:")[2].splitlines()
    return [line.strip() for line in summary if line.strip()[:1] in ("+", "-", "~")]


def test_the_same_files_elsewhere_are_no_change(stack: Deployed, folder: Path, tmp_path: Path) -> None:
    """Two people deploy the same stack from two folders."""
    shutil.copytree(folder, tmp_path / "clone")

    stack.configure(dags_path=str(tmp_path / "clone"))
    stack.workspace.preview("--expect-no-changes")

    stack.configure(dags_path=str(folder))


@pytest.mark.parametrize("command", ["preview", "up"])
def test_a_broken_file_never_leaves_the_machine(stack: Deployed, folder: Path, command: str) -> None:
    before, uploaded = running(stack), objects(stack)
    (folder / "etl.py").write_text("x = 4\n")
    (folder / "broken.py").write_text("x = 1\nprint('hello'\n")

    text = stack.workspace.preview(fails=True) if command == "preview" else stack.workspace.up(fails=True)

    assert "dags_path: has broken.py, line 2: '(' was never closed" in text
    assert "Traceback" not in text
    assert (running(stack), objects(stack)) == (before, uploaded)

    (folder / "broken.py").unlink()
    (folder / "etl.py").write_text("x = 2\n")


def test_a_repository_beside_the_folder_is_a_second_bundle(stack: Deployed, folder: Path) -> None:
    url = "https://git.example.com/team/dags.git"

    stack.configure(dags_path=str(folder), dags_git_url=url, dags_git_token="a-token-of-ours")
    stack.workspace.up()

    assert [bundle["name"] for bundle in bundles(stack)] == ["s3", "git"]
    [secret] = [secret for secret in stack.container["secrets"] if secret["name"] == "AIRFLOW_CONN_DAGS_GIT"]
    name = secret["valueFrom"].partition(":parameter/")[2]
    parameter = stack.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert parameter["Type"] == "SecureString"
    assert json.loads(parameter["Value"]) == {"conn_type": "git", "host": url, "password": "a-token-of-ours"}
    assert "a-token-of-ours" not in json.dumps(stack.workspace.export())
    stack.workspace.preview("--expect-no-changes")


def test_destroy_takes_the_bucket_away_with_all_that_is_in_it(
    cloud: Cloud, folder: Path, tmp_path_factory: pytest.TempPathFactory, stack: Deployed
) -> None:
    before = cloud.left_behind()
    other = Deployed(cloud, Workspace.make(cloud, tmp_path_factory.mktemp("gone"), "", {}))
    other.configure(dags_path=str(folder))
    other.workspace.up()
    [name] = {each.rpartition(" ")[2] for each in cloud.left_behind() - before if "airflow-dags-" in each}
    # Not Pulumi's own objects only: whatever is in the bucket by then goes too.
    s3 = other.client("s3")
    s3.put_object(Bucket=name, Key="left by somebody", Body=b"")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=name)

    other.workspace.destroy()

    assert cloud.left_behind() == before
    assert stack.task_arns, "the other stack is untouched"
