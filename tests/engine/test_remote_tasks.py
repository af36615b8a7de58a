"""Tasks that RunTask starts, as AwsEcsExecutor does: overrides, tags, many at once; asked through boto3."""

import json
import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.testing.controls import limits
from local.testing.emulated import ACCOUNT, CLUSTER, EmulatedAccount, Emulator
from operate.waiting import until
from tests.engine.conftest import refused

PYTHON = ["python", "-c"]
SHOW = [*PYTHON, "import os, sys; print(sys.argv[1:], *map(os.environ.get, ('KEPT', 'CHANGED', 'ADDED')))"]
VARIABLES = [{"name": "KEPT", "value": "kept"}, {"name": "CHANGED", "value": "defined"}]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}],
}


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> EmulatedAccount:
    return EmulatedAccount(emulator.endpoint)


@pytest.fixture(scope="module")
def definition(account: EmulatedAccount) -> str:
    """Register one of 0.25 vCPU and 512 MiB."""
    secret = {"name": "PASSWORD", "valueFrom": "/tests/password"}
    return account.register([*SHOW, "defined"], environment=VARIABLES, secrets=[secret], portMappings=[])


def overriding(**container: Any) -> dict[str, Any]:
    """Return overrides of the container alone."""
    return {"containerOverrides": [{"name": "app", **container}]}


def test_the_container_runs_with_its_overrides_and_is_described_with_them(
    account: EmulatedAccount, definition: str
) -> None:
    changed = [{"name": "CHANGED", "value": "overridden"}, {"name": "ADDED", "value": "added"}]
    container = {"name": "app", "command": [*SHOW, "overridden"], "environment": changed, "cpu": 512, "memory": 900}
    storage = {"sizeInGiB": 30}
    overrides = {"cpu": "512", "memory": "1024", "ephemeralStorage": storage, "containerOverrides": [container]}

    task = account.run_until_stopped(definition, overrides=overrides)

    assert account.log(task) == ["['overridden'] kept overridden added"]
    assert (task["cpu"], task["memory"], task["ephemeralStorage"]) == ("512", "1024", storage)
    assert task["overrides"] == {**overrides, "inferenceAcceleratorOverrides": []}
    [described] = task["containers"]
    assert (described["cpu"], described["memory"], described["exitCode"]) == ("512", "900", 0)


def test_without_overrides_a_task_is_as_its_definition_says(account: EmulatedAccount, definition: str) -> None:
    task = account.run_until_stopped(definition)

    assert account.log(task) == ["['defined'] kept defined None"]
    assert (task["cpu"], task["memory"], task["ephemeralStorage"]) == ("256", "512", {"sizeInGiB": 20})
    assert task["overrides"] == {"containerOverrides": [{"name": "app"}], "inferenceAcceleratorOverrides": []}


@pytest.mark.parametrize(
    ("overrides", "exit_code"),
    [({}, 137), ({"memory": "1024"}, 0), ({"memory": "1024", **overriding(memory=512)}, 137)],
    ids=["as defined", "of the task", "of the container"],
)
def test_the_memory_of_a_task_is_what_it_was_overridden_to(
    account: EmulatedAccount, overrides: dict[str, Any], exit_code: int
) -> None:
    filling = account.register([*PYTHON, "data = b'x' * (520 << 20)"])

    task = account.run_until_stopped(filling, overrides=overrides)

    assert task["containers"][0]["exitCode"] == exit_code


def test_a_task_acts_as_the_roles_that_override_its_own(account: EmulatedAccount, definition: str) -> None:
    roles = {
        name: account.iam.create_role(RoleName=uuid.uuid4().hex, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        for name in ("task", "execution")
    }
    who = [*PYTHON, "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"]
    overrides = {**overriding(command=who), "taskRoleArn": roles["task"]["Arn"]}

    task = account.run_until_stopped(definition, overrides=overrides)

    session = f"{roles['task']['RoleName']}/{task['taskArn'].rpartition('/')[2]}"
    assert account.log(task) == [f"arn:aws:sts::{ACCOUNT}:assumed-role/{session}"]
    without_rights = account.run_until_stopped(definition, overrides={"executionRoleArn": roles["execution"]["Arn"]})
    assert re.search("AccessDeniedException.*ssm:GetParameters", without_rights["stoppedReason"])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a size that Fargate does not have": (
        {"overrides": {"memory": "1536"}},
        "ClientException: No Fargate configuration exists for given values: 256 CPU, 1536 memory",
    ),
    "a size with a unit": ({"overrides": {"cpu": "1 vCPU", "memory": "2GB"}}, "No Fargate configuration exists"),
    "a container that there is not": (
        {"overrides": {"containerOverrides": [{"name": "other"}]}},
        "InvalidParameterException: Override for container named other is not a container in the TaskDefinition.",
    ),
    "a container without a name": (
        {"overrides": {"containerOverrides": [{"command": ["true"]}]}},
        "InvalidParameterException: Override for container named None",
    ),
    "a container twice": (
        {"overrides": {"containerOverrides": [{"name": "app"}, {"name": "app"}]}},
        "InvalidParameterException: There is more than one override for container app",
    ),
    "more memory than the task's": (
        {"overrides": overriding(memory=1024)},
        "InvalidParameterException: 'memory' setting for container 'app' is greater than for task.",
    ),
    "more reserved memory than the task's": (
        {"overrides": overriding(memoryReservation=513)},
        "'memoryReservation' setting for container 'app' is greater than for task.",
    ),
    "more CPU than the task's": ({"overrides": overriding(cpu=257)}, "'cpu' setting for container 'app' is greater"),
    "a variable that is a secret": (
        {"overrides": overriding(environment=[{"name": "PASSWORD", "value": ""}])},
        "ClientException: The secret name must be unique and not shared with any new or existing environment variables",
    ),
    "storage below the least": ({"overrides": {"ephemeralStorage": {"sizeInGiB": 20}}}, "20 GiB is not in 21 to 200"),
    "files with variables": (
        {"overrides": overriding(environmentFiles=[{"value": "arn:aws:s3:::b/k", "type": "s3"}])},
        "The local Fargate agent does not know the override environmentFiles",
    ),
    "over 8192 characters": (
        {"overrides": overriding(command=["x" * (8193 - len(json.dumps(overriding(command=[""]))))])},
        "InvalidParameterException: Container Overrides length must be at most 8192",
    ),
    "a launch type and a strategy": (
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
        "InvalidParameterException: Specifying both a launch type and capacity provider strategy is not supported.",
    ),
    "more than ten at once": ({"count": 11}, "InvalidParameterException: Count must be between 1 and 10"),
    "whose request it is, in other characters": ({"startedBy": "a b"}, "startedBy contains invalid characters"),
    "the tags of a service": ({"propagateTags": "SERVICE"}, "propagateTags must be TASK_DEFINITION or NONE"),
}


@pytest.mark.parametrize(("request_", "words"), REFUSED.values(), ids=REFUSED)
def test_run_task_refuses_what_aws_refuses(
    account: EmulatedAccount, definition: str, request_: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError) as refused:
        account.run_tasks(definition, **request_)
    error = refused.value.response.get("Error", {})
    assert words in f"{error.get('Code')}: {error.get('Message')}"


def test_a_task_has_the_tags_that_are_propagated_and_its_own(account: EmulatedAccount) -> None:
    both = [{"key": "team", "value": "data"}, {"key": "stage", "value": "defined"}]
    definition = account.register([*PYTHON, ""], tags_of_definition=both)

    own = [{"key": "stage", "value": "own"}]
    task = account.run_task(
        definition, propagateTags="TASK_DEFINITION", tags=own, enableECSManagedTags=True, startedBy="a/scheduler-1_2"
    )

    tags = {"team": "data", "stage": "own", "aws:ecs:clusterName": CLUSTER}
    assert {each["key"]: each["value"] for each in task["tags"]} == tags
    assert task["startedBy"] == "a/scheduler-1_2"
    assert account.run_task(definition, tags=own)["tags"] == own


def test_what_there_is_no_room_for_is_told_beside_the_tasks_that_run(
    emulator: Emulator, account: EmulatedAccount
) -> None:
    waiting = account.register([*PYTHON, "import signal; signal.pause()"], portMappings=[])
    for task in account.ecs.list_tasks(cluster=CLUSTER)["taskArns"]:
        account.wait_until_stopped({"taskArn": task})

    with limits(emulator.endpoint, vcpus=0.5):
        answer = account.run_tasks(waiting, count=3)

    for task in answer["tasks"]:
        account.ecs.stop_task(cluster=CLUSTER, task=task["taskArn"])
        account.wait_until_stopped(task)
    assert len(answer["tasks"]) == 2
    [failure] = answer["failures"]
    assert "limit on the number of vCPUs" in failure["reason"]


def test_many_tasks_without_ports_run_at_once_each_with_addresses_of_its_own(account: EmulatedAccount) -> None:
    waiting = account.register([*PYTHON, "import signal; signal.pause()"], portMappings=[])
    group = account.create_group()

    tasks = [task for _ in range(2) for task in account.run_tasks(waiting, group=group, count=10)["tasks"]]

    try:
        until(lambda: len(account.interfaces(group)) == len(tasks), 20, "network interfaces of all tasks")
        interfaces = account.interfaces(group)
        assert len({each["PrivateIpAddress"] for each in interfaces}) == len(tasks)
        assert len({each["Association"]["PublicIp"] for each in interfaces}) == len(tasks)
    finally:
        for task in tasks:
            account.ecs.stop_task(cluster=CLUSTER, task=task["taskArn"])
        for task in tasks:
            account.wait_until_stopped(task)


def test_a_cluster_and_its_capacity_stay_while_a_task_uses_them(account: EmulatedAccount) -> None:
    ecs, cluster = account.ecs, "with-capacity"
    ecs.create_cluster(clusterName=cluster, capacityProviders=["FARGATE", "FARGATE_SPOT"])
    vpc = {"subnets": [account.subnet], "securityGroups": [account.group], "assignPublicIp": "ENABLED"}
    [task] = ecs.run_task(
        cluster=cluster,
        taskDefinition=account.register([*PYTHON, "import signal; signal.pause()"]),
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        networkConfiguration={"awsvpcConfiguration": vpc},
    )["tasks"]

    def keep(*providers: str) -> None:
        ecs.put_cluster_capacity_providers(
            cluster=cluster, capacityProviders=providers, defaultCapacityProviderStrategy=[]
        )

    keep("FARGATE_SPOT")
    with refused("ResourceInUseException", "in use and cannot be removed"):
        keep("FARGATE")
    with refused("ClusterContainsTasksException"):
        ecs.delete_cluster(cluster=cluster)
    ecs.stop_task(cluster=cluster, task=task["taskArn"])
    ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=[task["taskArn"]], WaiterConfig={"Delay": 1})
    keep()
    ecs.delete_cluster(cluster=cluster)
