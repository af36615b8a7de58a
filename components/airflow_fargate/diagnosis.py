"""Why a service does not run: the stop reason, the exit code and the last log lines of its newest stopped task.

The AWS provider reports only that a deployment failed. ECS and CloudWatch know the rest; they are asked with boto3 and
the configuration of the default `aws` provider. When they cannot be asked, the message says so and names the commands
that a person can run.
"""

import json
from typing import TYPE_CHECKING

import boto3
import botocore.exceptions
import pulumi

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ContainerTypeDef, TaskDefinitionTypeDef, TaskTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient

LOG_LINES = 20


def explain_failed_service(failure: pulumi.ErrorHookArgs) -> bool:
    """Log why the service could not be created or updated; the error itself stays as it is, and nothing is retried."""
    inputs = failure.new_inputs
    if inputs is not None:
        pulumi.log.error(explain_service(str(inputs["cluster"]), str(inputs["taskDefinition"])))
    return False


def explain_service(cluster_arn: str, task_definition_arn: str) -> str:
    """Return what ECS and CloudWatch know of the newest stopped task of `task_definition_arn`, in a few lines."""
    try:
        return _explain(cluster_arn, task_definition_arn)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        return (
            f"Why it stopped could not be read ({error}). To look: "
            f"aws ecs describe-tasks --cluster {cluster_arn} --tasks "
            f"$(aws ecs list-tasks --cluster {cluster_arn} --desired-status STOPPED --query 'taskArns[]' --output text)"
        )


def _explain(cluster_arn: str, task_definition_arn: str) -> str:
    region = cluster_arn.split(":")[3]
    session = _session()
    ecs = session.client("ecs", region_name=region, endpoint_url=_endpoint("ecs"))
    arns = ecs.list_tasks(cluster=cluster_arn, desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster_arn, tasks=arns)["tasks"] if arns else []
    ours = [task for task in tasks if task.get("taskDefinitionArn") == task_definition_arn]
    if not ours:
        return "ECS has no stopped task of it."
    task = max(ours, key=lambda stopped: stopped["createdAt"])  # pyright: ignore[reportTypedDictNotRequiredAccess] # ECS always has it
    logs = session.client("logs", region_name=region, endpoint_url=_endpoint("logs"))
    definition = ecs.describe_task_definition(taskDefinition=task_definition_arn)["taskDefinition"]
    return "\n".join(
        [
            f"The newest of {len(ours)} stopped tasks: {task.get('stoppedReason', 'no reason given')}",
            *(_container_line(container) for container in task.get("containers", [])),
            *_last_log_lines(logs, definition, task),
        ]
    )


def _container_line(container: "ContainerTypeDef") -> str:
    line = f"  container {container.get('name')}: exit code {container.get('exitCode', 'none')}"
    reason = container.get("reason")
    return f"{line}, {reason}" if reason else line


def _last_log_lines(
    logs: "CloudWatchLogsClient", definition: "TaskDefinitionTypeDef", task: "TaskTypeDef"
) -> list[str]:
    container = definition.get("containerDefinitions", [{}])[0]
    options = container.get("logConfiguration", {"logDriver": "awslogs"}).get("options", {})
    task_id = task.get("taskArn", "").rsplit("/", 1)[-1]
    stream = f"{options.get('awslogs-stream-prefix')}/{container.get('name')}/{task_id}"
    try:
        events = logs.get_log_events(
            logGroupName=options.get("awslogs-group", ""), logStreamName=stream, limit=LOG_LINES, startFromHead=False
        )["events"]
    except logs.exceptions.ResourceNotFoundException:
        events = []
    if not events:
        return ["  it wrote no log"]
    return [f"  its last {len(events)} log lines:", *(f"    {event.get('message', '').rstrip()}" for event in events)]


def _session() -> boto3.Session:
    config = pulumi.Config("aws")
    return boto3.Session(
        aws_access_key_id=config.get("accessKey"),
        aws_secret_access_key=config.get("secretKey"),
        aws_session_token=config.get("token"),
        profile_name=config.get("profile"),
    )


def _endpoint(service: str) -> str | None:
    endpoints: list[dict[str, str]] = json.loads(pulumi.Config("aws").get("endpoints") or "[]")
    return next((endpoint[service] for endpoint in endpoints if service in endpoint), None)
