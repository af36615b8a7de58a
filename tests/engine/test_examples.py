"""Every example, as committed, deployed to one local cloud and destroyed; a stand-in for Airflow is in the images."""

import shutil
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.deployed import health
from local.testing.emulated import acting_as
from local.testing.workspace import Workspace

EXAMPLES = ROOT / "examples"
CONFIG: dict[str, Any] = {"allowedCidrs": ["127.0.0.0/8"]}

Example = Callable[..., Workspace]


@pytest.fixture
def example(cloud: Cloud, tmp_path: Path) -> Generator[Example]:
    """Copy an example and gives it a stack; when the test is over, it is destroyed, and nothing may be left of it."""
    before = cloud.left_behind()
    (tmp_path / "components").symlink_to(ROOT / "components")
    with ExitStack() as cleanup:

        def copy(name: str, config: dict[str, Any] = CONFIG) -> Workspace:
            folder = tmp_path / "examples" / name
            shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("Pulumi.*.yaml", "venv"))
            project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
            workspace = Workspace.of(cloud, folder, {f"{project}:{key}": value for key, value in config.items()})
            cleanup.callback(workspace.destroy)
            return workspace

        yield copy
    assert cloud.left_behind() == before


def test_the_minimal_one_answers_at_its_url_and_another_stack_reads_it(example: Example) -> None:
    minimal = example("minimal")
    minimal.up()
    assert health(minimal.outputs()["url"]) == "healthy"
    assert len(minimal.outputs()["admin_password"]) == 24

    consumer = example("stack-reference", {"airflowStack": f"organization/airflow-minimal/{minimal.stack.name}"})
    consumer.up()
    assert health(consumer.outputs()["health_url"]) == "healthy"
    assert all(resource["type"].startswith("pulumi:") for resource in consumer.export()["resources"])


def test_two_airflows_share_one_vpc_and_nothing_else(example: Example) -> None:
    two = example("two-airflows-one-vpc")
    two.up()

    outputs = two.outputs()
    assert outputs["finance_url"] != outputs["research_url"]
    assert outputs["finance_password"] != outputs["research_password"]
    assert {health(outputs[name]) for name in ("finance_url", "research_url")} == {"healthy"}
    types = [resource["type"] for resource in two.export()["resources"]]
    assert types.count("aws:ec2/vpc:Vpc") == 1
    assert types.count("aws:ecs/service:Service") == 2


def test_an_explicit_provider_and_a_transform_reach_everything(cloud: Cloud, example: Example) -> None:
    local = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())["config"]
    ours: dict[str, Any] = {"endpoints": [dict.fromkeys(local["aws:endpoints"][0], cloud.emulator.endpoint)]}
    ours |= {"access_key": "test", "secret_key": "test", "s3_use_path_style": True}
    ours |= dict.fromkeys(
        ("skip_credentials_validation", "skip_metadata_api_check", "skip_requesting_account_id"), True
    )
    explicit = example("explicit-provider", {**CONFIG, "provider": ours})
    explicit.up()

    assert ":eu-central-1:" in explicit.outputs()["cluster_arn"]
    resources = [each for each in explicit.export()["resources"] if each["type"].startswith("aws:")]
    assert [each["urn"] for each in resources if "::frankfurt::" not in each["provider"]] == []
    tagged = {each["type"] for each in resources if each["inputs"].get("tags", {}).get("cost-center") == "4711"}
    assert tagged >= {"aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ecs/service:Service", "aws:iam/role:Role"}


@pytest.mark.usefixtures("pulumi_yaml")
def test_the_one_in_yaml_answers_at_its_url(example: Example) -> None:
    program = example("yaml")
    program.up()

    assert health(program.outputs()["url"]) == "healthy"
    assert len(program.outputs()["adminPassword"]) == 24


def test_the_guides_answers_at_its_url_and_has_no_login(example: Example) -> None:
    guide = example("guide", {"allowedCidrs": ["127.0.0.1/32"]})
    guide.up()

    assert health(guide.outputs()["url"]) == "healthy"
    assert not [each["urn"] for each in guide.export()["resources"] if each["urn"].endswith("::airflow-admin-password")]


def test_the_dags_of_the_one_with_permissions_may_do_what_they_need_and_no_more(cloud: Cloud, example: Example) -> None:
    program = example("dags-with-permissions")
    program.up()

    outputs = program.outputs()
    assert health(outputs["url"]) == "healthy"
    incoming, reports = outputs["incoming"], outputs["reports"]
    cloud.client("s3").put_object(Bucket=incoming, Key="monday", Body=b"1,2")
    s3 = acting_as(cloud.emulator.endpoint, outputs["task_role_arn"], "s3")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=incoming)["Contents"]] == ["monday"]
    assert s3.get_object(Bucket=incoming, Key="monday")["Body"].read() == b"1,2"
    s3.put_object(Bucket=reports, Key="monday", Body=b"1,2")
    for refused in (
        lambda: s3.put_object(Bucket=incoming, Key="tuesday", Body=b""),
        lambda: s3.get_object(Bucket=reports, Key="monday"),
        lambda: s3.delete_object(Bucket=reports, Key="monday"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()


def test_every_example_says_what_it_makes_and_how_it_is_taken_away() -> None:
    folders = {folder.name: folder for folder in EXAMPLES.iterdir() if folder.is_dir()}

    assert set(folders) == {
        "dags-with-permissions",
        "explicit-provider",
        "guide",
        "minimal",
        "stack-reference",
        "two-airflows-one-vpc",
        "yaml",
    }
    for folder in folders.values():
        readme = (folder / "README.md").read_text()
        assert "```mermaid" in readme, folder.name
        assert "`pulumi destroy && pulumi stack rm`" in readme, folder.name
        assert (
            cast(dict[str, Any], yaml.safe_load((folder / "Pulumi.yaml").read_text()))["name"]
            == f"airflow-{folder.name}"
        )
