"""The address of the running task, and what is said when the one that was asked for does not run."""

import json
import time
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.exceptions
import pulumi
import pytest
from airflow_fargate.task import diagnosis
from airflow_fargate.testing import Mocks

from .conftest import Deploy, Recorder

OLD = f"arn:aws:ecs:{Mocks.region}:{Mocks.account}:task-definition/airflow:0"
NEW = f"arn:aws:ecs:{Mocks.region}:{Mocks.account}:task-definition/airflow:1"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def explained(cluster_arn: str, task_definition_arn: str) -> str:
        return f"because of {task_definition_arn} in {cluster_arn.rsplit('/', 1)[-1]}"

    monkeypatch.setattr("airflow_fargate.endpoint.public_ip.explain_service", explained)
    monkeypatch.setattr(diagnosis, "is_mocked", lambda: False)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the warnings of the program, as they come."""
    warnings: list[str] = []

    def warn(message: str, **_: object) -> None:
        warnings.append(message)

    monkeypatch.setattr(pulumi.log, "warn", warn)
    return warnings


def test_the_address_is_that_of_the_one_attached_interface_behind_the_security_group(deploy: Deploy) -> None:
    calls: dict[str, Any] = {call.token: call.args for call in deploy().recorder.calls}

    assert calls["aws:ec2/getNetworkInterfaces:getNetworkInterfaces"]["filters"] == [
        {"name": "group-id", "values": ["airflow-security-group-id"]},
        {"name": "attachment.status", "values": ["attached"]},
    ]
    assert calls["aws:ec2/getNetworkInterface:getNetworkInterface"]["id"] == "eni-0123456789abcdef0"


def test_a_rolled_back_deployment_fails_the_update_and_says_why(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError) as failed:
        deploy(recorder=Recorder(service_runs=OLD))

    assert f"{NEW} was asked for, but ECS rolled the service back to {OLD}" in str(failed.value)
    assert f"because of {NEW} in airflow-cluster-1234567" in str(failed.value)


@pytest.mark.parametrize("interfaces", [(), ("eni-0aaa", "eni-0bbb")])
def test_no_address_is_made_up_while_the_task_is_being_replaced(deploy: Deploy, interfaces: tuple[str, ...]) -> None:
    with pytest.raises(pulumi.RunError) as failed:
        deploy(recorder=Recorder(interface_ids=interfaces))

    assert f"The service has {len(interfaces)} tasks with a network interface instead of 1" in str(failed.value)


def test_a_preview_stays_possible_and_warns(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

    deployment = deploy(recorder=Recorder(interface_ids=()))

    assert deployment.outputs["public_ip"] == ""
    assert len(warnings) == 1
    assert "The service has 0 tasks" in warnings[0]


CLUSTER = f"arn:aws:ecs:{Mocks.region}:{Mocks.account}:cluster/airflow"
SERVICE = f"arn:aws:ecs:{Mocks.region}:{Mocks.account}:service/airflow/airflow"


class Aws:
    """Stands for a boto3 session: the answers of ECS and CloudWatch that a diagnosis reads."""

    class Exceptions:
        ResourceNotFoundException = KeyError

    exceptions = Exceptions

    def __init__(
        self,
        stopped: list[dict[str, Any]],
        log: list[str] | None,
        unstopped: list[dict[str, Any]] | None = None,
        events: dict[int, str] | None = None,
        bundles: list[str] | None = None,
    ) -> None:
        self.tasks = {"STOPPED": stopped, "RUNNING": unstopped or []}
        self.events = events or {}
        self.log = log
        self.bundles = bundles or []
        self.asked: list[dict[str, Any]] = []

    def client(self, service: str, **options: Any) -> "Aws":
        self.asked.append({"service": service, **options})
        return self

    def list_tasks(self, **request: Any) -> dict[str, Any]:
        assert (request["cluster"], request["family"]) == (CLUSTER, NEW.rpartition("/")[2].partition(":")[0])
        return {"taskArns": [task["taskArn"] for task in self.tasks[request["desiredStatus"]]]}

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        assert request["cluster"] == CLUSTER
        tasks = [*self.tasks["STOPPED"], *self.tasks["RUNNING"]]
        return {"tasks": [task for task in tasks if task["taskArn"] in request["tasks"]]}

    def list_services(self, **request: Any) -> dict[str, Any]:
        assert request == {"cluster": CLUSTER}
        return {"serviceArns": [SERVICE]}

    def describe_services(self, **request: Any) -> dict[str, Any]:
        assert request == {"cluster": CLUSTER, "services": [SERVICE]}
        return {"services": [{"events": [{"createdAt": at, "message": said} for at, said in self.events.items()]}]}

    def describe_task_definition(self, **request: Any) -> dict[str, Any]:
        assert request == {"taskDefinition": NEW}
        options = {"awslogs-group": "airflow-logs", "awslogs-stream-prefix": "airflow"}
        return {
            "taskDefinition": {"containerDefinitions": [{"name": "airflow", "logConfiguration": {"options": options}}]}
        }

    def get_paginator(self, name: str) -> "Aws":
        assert name == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> Generator[dict[str, Any]]:
        self.asked.append(request)
        if self.log is None:
            raise KeyError
        for line in self.bundles:
            yield {"events": [{"message": line}]}

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self.log is None:
            raise KeyError
        return {"events": [{"message": f"{line}\n"} for line in self.log]}


def stopped(task_id: str, created: int, task_definition: str = NEW) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:{Mocks.region}:{Mocks.account}:task/airflow/{task_id}",
        "taskDefinitionArn": task_definition,
        "createdAt": created,
        "stoppedReason": f"Essential container in task exited ({task_id})",
        "containers": [{"name": "airflow", "exitCode": 3, "reason": "OutOfMemoryError"}],
    }


def service_updated() -> pulumi.ResourceHookArgs:
    inputs = {"cluster": CLUSTER, "taskDefinition": NEW}
    return pulumi.ResourceHookArgs(
        urn="urn", id="id", name="airflow-service", type="aws:ecs/service:Service", new_inputs=inputs
    )


def use(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> None:
    def session(**_: object) -> Aws:
        return aws

    monkeypatch.setattr(boto3, "Session", session)


def explain(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> str:
    use(monkeypatch, aws)
    return diagnosis.explain_service(CLUSTER, NEW)


def test_a_diagnosis_names_the_newest_tasks_stop_reason_exit_code_and_last_log_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aws = Aws(
        [stopped("first", 1), stopped("newest", 3), stopped("second", 2), stopped("other", 4, OLD)], ["one", "two"]
    )

    assert explain(monkeypatch, aws).splitlines() == [
        "The newest of 3 stopped tasks: Essential container in task exited (newest)",
        "  container airflow: exit code 3, OutOfMemoryError",
        "  its last 2 log lines:",
        "    one",
        "    two",
    ]
    assert {
        "logGroupName": "airflow-logs",
        "logStreamName": "airflow/airflow/newest",
        "limit": 20,
        "startFromHead": False,
    } in aws.asked


UNREAD = "dag-processor | DAG bundle s3 cannot be read: ClientError: AccessDenied"
BUNDLES: dict[str, tuple[list[str], list[str]]] = {
    "none": ([], []),
    "one": ([UNREAD, UNREAD], ["DAG bundle s3 cannot be read: ClientError: AccessDenied"]),
    "one that is read again": ([UNREAD, "dag-processor | DAG bundle s3 is read again"], []),
    "one that is not, in the end": (
        [UNREAD, "dag-processor | DAG bundle s3 is read again", UNREAD],
        ["DAG bundle s3 cannot be read: ClientError: AccessDenied"],
    ),
    "two": (
        ["DAG bundle git cannot be read: OSError: x does not answer", "DAG bundle s3 cannot be read: E: no"],
        ["DAG bundle git cannot be read: OSError: x does not answer", "DAG bundle s3 cannot be read: E: no"],
    ),
    "lines of others": (["DAG bundles loaded: s3, git", 'a task | "DAG bundle"'], []),
}


@pytest.mark.parametrize("case", BUNDLES)
def test_bundles_that_cannot_be_read_are_a_warning_when_a_task_was_started(
    monkeypatch: pytest.MonkeyPatch, warnings: list[str], case: str
) -> None:
    log, said = BUNDLES[case]
    task = {**stopped("only", 1), "stoppedReason": None}
    aws = Aws([], [], [task, stopped("of the revision before", 1, OLD)], bundles=log)
    use(monkeypatch, aws)

    diagnosis.warn_of_unread_bundles(service_updated())

    assert [warning.partition(". Airflow runs without its DAGs")[0] for warning in warnings] == said
    [asked] = [request for request in aws.asked if "filterPattern" in request]
    assert asked.pop("startTime") == pytest.approx((time.time() - 300) * 1000, abs=60_000)
    assert asked == {
        "logGroupName": "airflow-logs",
        "logStreamNames": ["airflow/airflow/only"],
        "filterPattern": '"DAG bundle"',
    }


def test_what_aws_does_not_tell_of_bundles_is_no_warning(monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    def refused(**_: Any) -> None:
        raise botocore.exceptions.NoCredentialsError

    monkeypatch.setattr(boto3, "Session", refused)
    diagnosis.warn_of_unread_bundles(service_updated())
    use(monkeypatch, Aws([], None, [stopped("only", 1)]))
    diagnosis.warn_of_unread_bundles(service_updated())

    assert warnings == []


def test_a_diagnosis_tells_of_bundles_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_at = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    aws = Aws([{**stopped("only", 1), "stoppedAt": stopped_at}], ["a traceback"], bundles=[UNREAD])

    assert "  DAG bundle s3 cannot be read: ClientError: AccessDenied" in explain(monkeypatch, aws).splitlines()
    [asked] = [request for request in aws.asked if "filterPattern" in request]
    assert asked["startTime"] == (stopped_at.timestamp() - 300) * 1000, "what it said last, however long ago"


def test_a_task_that_wrote_no_log_is_said_to_have_written_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert explain(monkeypatch, Aws([stopped("only", 1)], None)).endswith("  it wrote no log")


def test_a_container_that_never_ran_has_neither_an_exit_code_nor_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    task = {**stopped("only", 1), "containers": [{"name": "airflow"}]}

    assert explain(monkeypatch, Aws([task], None)).splitlines()[1] == "  container airflow: exit code none"


def test_after_an_interruption_the_task_that_has_not_stopped_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    older, newest = stopped("older", 1), {**stopped("newest", 2), "lastStatus": "PENDING", "healthStatus": "UNKNOWN"}

    assert explain(monkeypatch, Aws([], ["migrating"], [newest, older])).splitlines() == [
        "No task of it has stopped; the newest is PENDING, its health UNKNOWN.",
        "  its last 1 log lines:",
        "    migrating",
    ]


def test_without_any_task_the_services_newest_event_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws([], None, events={1: "an older one", 2: "has begun draining connections"})

    assert explain(monkeypatch, aws) == "No task of it was started. ECS says: has begun draining connections"
    assert explain(monkeypatch, Aws([], None)) == "No task of it was started. ECS says nothing of it."


NO_ROOM = {1: "(service a) was unable to place a task. Reason: No room.", 2: "(service a) deployment failed."}


@pytest.mark.parametrize(
    ("stopped_tasks", "unstopped_tasks", "first_line"),
    [
        ([], [], "ECS could not start a task: No room."),
        ([stopped("earlier", 0)], [], "ECS could not start a task: No room."),
        ([stopped("at the same moment", 1)], [], "ECS could not start a task: No room."),
        (
            [stopped("earlier", 0), stopped("later", 2)],
            [],
            "The newest of 2 stopped tasks: Essential container in task exited (later)",
        ),
        ([stopped("later", 2)], [], "The newest of 1 stopped tasks: Essential container in task exited (later)"),
        ([], [stopped("later", 2)], "No task of it has stopped; the newest is None, its health None."),
        ([stopped("later", 2, OLD)], [], "ECS could not start a task: No room."),
    ],
)
def test_a_task_that_could_not_even_be_tried_is_the_reason_unless_one_was_tried_since(
    monkeypatch: pytest.MonkeyPatch,
    stopped_tasks: list[dict[str, Any]],
    unstopped_tasks: list[dict[str, Any]],
    first_line: str,
) -> None:
    aws = Aws(stopped_tasks, None, unstopped_tasks, NO_ROOM)

    assert explain(monkeypatch, aws).splitlines()[0] == first_line


@pytest.mark.parametrize(
    ("reason", "way_out"),
    [
        ("429 Too Many Requests - Server message: toomanyrequests: You have …", "let `image` name a copy in an ECR"),
        ("You've reached the limit on the number of vCPUs you can run concurrently.", "Service Quotas, AWS Fargate"),
        ("Capacity is unavailable at this time. Please try again later or …", "Run `pulumi up` again later"),
    ],
)
def test_a_limit_comes_with_the_way_out(monkeypatch: pytest.MonkeyPatch, reason: str, way_out: str) -> None:
    event = f"(service a) was unable to place a task. Reason: {reason}"

    for aws in (Aws([], None, events={1: event}), Aws([{**stopped("only", 1), "stoppedReason": reason}], None)):
        assert way_out in explain(monkeypatch, aws).splitlines()[1]


def test_credentials_of_the_provider_alone_are_not_replaced_by_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pulumi.runtime.set_config("aws:sharedConfigFiles", json.dumps(["one", "another"]))

    explained = explain(monkeypatch, Aws([stopped("only", 1)], None))

    assert (
        "could not be read (the provider alone follows aws:sharedConfigFiles of the stack's configuration)" in explained
    )


@pytest.mark.parametrize("inputs", [None, {"cluster": CLUSTER, "taskDefinition": NEW}])
def test_a_service_that_fails_is_explained_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, inputs: dict[str, str] | None
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", said.append)
    use(monkeypatch, Aws([stopped("only", 1)], None))

    again = diagnosis.explain_failed_service(pulumi.ErrorHookArgs("urn", "", "airflow-service", "type", inputs))

    assert again is False
    assert len(said) == (1 if inputs else 0)
    assert all("The newest of 1 stopped tasks" in each for each in said)


def test_the_provider_configuration_tells_where_ecs_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints = {"ecs": "http://127.0.0.1:4566", "logs": "http://127.0.0.1:4567"}
    pulumi.runtime.set_config("aws:endpoints", json.dumps([endpoints]))
    aws = Aws([stopped("only", 1)], None)

    explain(monkeypatch, aws)

    assert aws.asked[:2] == [
        {"service": service, "region_name": Mocks.region, "endpoint_url": endpoint}
        for service, endpoint in endpoints.items()
    ]


def test_a_diagnosis_that_is_not_possible_says_so_and_how_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: Any) -> None:
        raise botocore.exceptions.NoCredentialsError

    monkeypatch.setattr(boto3, "Session", refused)

    explained = diagnosis.explain_service(CLUSTER, NEW)

    assert "could not be read (Unable to locate credentials)" in explained
    assert "aws ecs describe-tasks --cluster arn:aws:ecs:us-east-1:123456789012:cluster/airflow" in explained
