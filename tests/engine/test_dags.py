"""A folder of DAGs through the real engine: what a changed file touches, and what it must not."""

import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from local.testing.deployed import Deployed
from local.testing.workspace import Workspace
from tests.stories import tell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dags"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "orders.csv").write_text("1,2\n")
    (folder / "etl.py").write_text("x = 1\n")
    (folder / "old name.py").write_text("é = 1\n")
    (folder / ".env").write_text("PASSWORD=x\n")
    return folder


@pytest.fixture
def stack(cloud: Cloud, tmp_path: Path) -> Generator[Deployed]:
    """Return a stack whose provider gives every resource more tags than an object of S3 may have."""
    tags = {f"tag-{number}": "default" for number in range(11)}
    (tmp_path / "stack").mkdir()
    deployed = Deployed(cloud, Workspace.make(cloud, tmp_path / "stack", "", {"aws:defaultTags": {"tags": tags}}))
    yield deployed
    deployed.workspace.destroy()


def test_a_folder_of_dags(stack: Deployed, folder: Path, subtests: pytest.Subtests) -> None:
    stack.configure(dags_path=str(folder))
    stack.workspace.up()
    tell(
        subtests,
        [
            the_objects_carry_no_tags_and_the_bucket_those_of_the_provider,
            every_file_but_the_hidden_ones_is_in_the_bucket,
            the_bucket_is_private_encrypted_and_for_tls_only,
            the_task_role_can_list_and_get_in_that_bucket_and_no_role_can_do_more,
            nothing_is_to_be_done_after_up,
            new_changed_and_removed_files_are_an_object_each_and_touch_nothing_else,
            the_same_files_elsewhere_are_no_change,
            a_broken_file_never_leaves_the_machine,
            a_repository_beside_the_folder_is_a_second_bundle,
        ],
        stack,
        folder,
    )


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


def the_objects_carry_no_tags_and_the_bucket_those_of_the_provider(stack: Deployed, _: Path) -> None:
    s3, name = stack.client("s3"), bucket(stack)

    assert len(s3.get_bucket_tagging(Bucket=name)["TagSet"]) == 11
    assert [key for key in objects(stack) if s3.get_object_tagging(Bucket=name, Key=key)["TagSet"]] == []


def every_file_but_the_hidden_ones_is_in_the_bucket(stack: Deployed, _: Path) -> None:
    assert objects(stack) == {
        "dags/data/orders.csv": "1,2\n",
        "dags/etl.py": "x = 1\n",
        "dags/old name.py": "é = 1\n",
    }


def the_bucket_is_private_encrypted_and_for_tls_only(stack: Deployed, _: Path) -> None:
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


def the_task_role_can_list_and_get_in_that_bucket_and_no_role_can_do_more(stack: Deployed, _: Path) -> None:
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


def nothing_is_to_be_done_after_up(stack: Deployed, _: Path) -> None:
    stack.workspace.preview("--expect-no-changes", "--diff")
    stack.workspace.refresh("--expect-no-changes")


def new_changed_and_removed_files_are_an_object_each_and_touch_nothing_else(stack: Deployed, folder: Path) -> None:
    before = running(stack)
    (folder / "new.py").write_text("y = 1\n")
    (folder / "etl.py").write_text("x = 2\n")
    (folder / "old name.py").unlink()

    preview = stack.workspace.preview("--json")
    text = stack.workspace.up()

    steps: list[dict[str, str]] = json.loads(preview[preview.index("{") :])["steps"]
    assert {step["op"]: step["urn"].rpartition("::")[2] for step in steps if step["op"] != "same"} == {
        "create": "airflow-dags/new.py",
        "update": "airflow-dags/etl.py",
        "delete": "airflow-dags/old name.py",
    }
    assert counted(text) == ["+ 1 created", "~ 1 updated", "- 1 deleted"]
    assert objects(stack) == {"dags/data/orders.csv": "1,2\n", "dags/etl.py": "x = 2\n", "dags/new.py": "y = 1\n"}
    assert running(stack) == before


def counted(text: str) -> list[str]:
    """Return the lines of Pulumi's summary on resources that were touched."""
    summary = text.partition("Resources:")[2].splitlines()
    return [line.strip() for line in summary if line.strip()[:1] in ("+", "-", "~")]


def the_same_files_elsewhere_are_no_change(stack: Deployed, folder: Path) -> None:
    """Two people deploy the same stack from two folders."""
    clone = shutil.copytree(folder, folder.with_name("clone"))

    stack.configure(dags_path=str(clone))
    stack.workspace.preview("--expect-no-changes")

    stack.configure(dags_path=str(folder))


def a_broken_file_never_leaves_the_machine(stack: Deployed, folder: Path) -> None:
    before, uploaded = running(stack), objects(stack)
    (folder / "etl.py").write_text("x = 4\n")
    (folder / "broken.py").write_text("x = 1\nprint('hello'\n")

    for text in (stack.workspace.preview(fails=True), stack.workspace.up(fails=True)):
        assert "dags_path: has broken.py, line 2: '(' was never closed" in text
        assert "Traceback" not in text
    assert (running(stack), objects(stack)) == (before, uploaded)

    (folder / "broken.py").unlink()
    (folder / "etl.py").write_text("x = 2\n")


def a_repository_beside_the_folder_is_a_second_bundle(stack: Deployed, folder: Path) -> None:
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
