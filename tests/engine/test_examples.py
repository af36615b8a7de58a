"""Every example, as committed, deployed to one local cloud and destroyed; a stand-in for Airflow is in the images."""

import re
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
from operate.waiting import until
from tests.engine.conftest import EXAMPLE_CONFIG, EXAMPLES, Example


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
    explicit = example("explicit-provider", {**EXAMPLE_CONFIG, "provider": ours})
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


def test_airflow_in_the_one_with_heavy_tasks_may_start_them_and_nothing_else(cloud: Cloud, example: Example) -> None:
    program = example("heavy-tasks")
    program.up()

    outputs = program.outputs()
    assert health(outputs["url"]) == "healthy"
    ecs, cluster = acting_as(cloud.emulator.endpoint, outputs["task_role_arn"], "ecs"), outputs["cluster_arn"]
    family, size = cluster.rpartition("/")[2], {"cpu": "4096", "memory": "16384"}
    vpc = cloud.client("ecs").describe_services(cluster=cluster, services=[outputs["service_arn"]])["services"][0]
    asked = {
        "cluster": cluster,
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        "networkConfiguration": vpc["networkConfiguration"],
        "propagateTags": "TASK_DEFINITION",
    }

    [task] = ecs.run_task(**asked, taskDefinition=f"{family}-remote", overrides=size)["tasks"]
    assert (task["cpu"], task["memory"]) == ("4096", "16384")
    ecs.stop_task(cluster=cluster, task=task["taskArn"])
    for refused in (
        lambda: ecs.run_task(**asked, taskDefinition=family),
        lambda: ecs.run_task(
            **asked, taskDefinition=f"{family}-remote", overrides={"taskRoleArn": outputs["execution_role_arn"]}
        ),
        lambda: ecs.register_task_definition(family=family, containerDefinitions=[]),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()


def test_the_one_with_workers_has_a_broker_and_as_many_as_it_asks_for_which_the_clock_changes(
    cloud: Cloud, example: Example
) -> None:
    caches, ecs = cloud.client("elasticache"), cloud.client("ecs")

    def groups() -> dict[str, dict[str, Any]]:
        found = caches.describe_replication_groups()["ReplicationGroups"]
        return {group["ReplicationGroupId"]: group for group in found}

    def clusters() -> set[str]:
        return {arn for arn in ecs.list_clusters()["clusterArns"] if "/airflow-worker-cluster-" in arn}

    # Other tests' stacks may be there, too.
    other_groups, other_clusters = groups().keys(), clusters()
    program = example("celery")
    program.up()

    outputs = program.outputs()
    assert health(outputs["url"]) == "healthy"
    assert round(outputs["monthly_cost"]) == 100
    [(name, group)] = [(name, group) for name, group in groups().items() if name not in other_groups]
    assert (group["Status"], group["Engine"], group["MemberClusters"]) == ("available", "valkey", [f"{name}-001"])
    [cluster] = clusters() - other_clusters
    [service] = ecs.list_services(cluster=cluster)["serviceArns"]
    scaling, worker = cloud.client("application-autoscaling"), service.rpartition(":")[2]
    actions = scaling.describe_scheduled_actions(ServiceNamespace="ecs", ResourceId=worker)["ScheduledActions"]
    assert sorted(each["ScalableTargetAction"]["MinCapacity"] for each in actions) == [2, 4]
    bounds = [each["inputs"] for each in program.export()["resources"] if each["type"].endswith(":Target")]
    assert [(each["minCapacity"], each["maxCapacity"]) for each in bounds] == [(2, 4)]

    def counts() -> tuple[int, ...]:
        [target] = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[worker])["ScalableTargets"]
        [now] = ecs.describe_services(cluster=cluster, services=[service])["services"]
        return target["MinCapacity"], now["desiredCount"], now["runningCount"]

    # The hour of an action may have come meanwhile.
    until(lambda: counts() in ((2, 2, 2), (4, 4, 4)), 60, "as many workers as are the least now")
    program.preview("--expect-no-changes")


def test_every_example_says_what_it_makes_and_how_it_is_taken_away() -> None:
    folders = {folder.name: folder for folder in EXAMPLES.iterdir() if folder.is_dir()}

    assert set(folders) == {
        "celery",
        "dags-with-permissions",
        "explicit-provider",
        "go",
        "guide",
        "heavy-tasks",
        "minimal",
        "stack-reference",
        "two-airflows-one-vpc",
        "typescript",
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


@pytest.mark.usefixtures("pulumi_yaml")
@pytest.mark.parametrize("template", ["python", "yaml"])
def test_a_project_that_pulumi_new_makes_of_a_template_previews(cloud: Cloud, tmp_path: Path, template: str) -> None:
    made = Workspace.of(cloud, tmp_path, {"made:allowedCidr": "127.0.0.0/8"})
    # By force: the stack's configuration is in the folder already.
    made.stack.pulumi(
        *("new", str(ROOT / "templates" / template), "--name", "made", "--generate-only", "--yes", "--force")
    )
    project = made.stack.project / "Pulumi.yaml"
    # The repository's address leads to what is published, and not to what is tried here.
    project.write_text(re.sub(r"github\.com/\S+/components", str(ROOT / "components"), project.read_text()))

    assert "airflow-service create" in made.preview()
