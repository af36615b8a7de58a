"""Why a service does not run: the stop reason, the exit code and the last log lines of its newest stopped task.

The AWS provider reports only that a deployment failed. ECS and CloudWatch know the rest; they are asked with boto3 and
the configuration of the default `aws` provider. When they cannot be asked, the message says so and names the commands
that a person can run.
"""

import contextlib
from typing import TYPE_CHECKING, Literal

import botocore.exceptions
import pulumi

from ..engine import is_mocked
from ..session import program_clients
from .rollout import ask
from .running import log_stream, services_of, tasks_of
from .unread import unread_bundles, warnings_of_unread

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ContainerTypeDef, ServiceEventTypeDef, TaskTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient

LOG_LINES = 20

WAYS_OUT = {
    "toomanyrequests": (
        "The registry limits how often an address may pull, and Fargate's addresses are shared with others. Run "
        "`pulumi up` again in some hours, or let `image` name a copy in an ECR repository of yours."
    ),
    "limit on the number of vCPUs": (
        'Ask for more under Service Quotas, AWS Fargate: "Fargate On-Demand vCPU resource count", or with `spot` '
        '"Fargate Spot vCPU resource count"; new accounts have little. Or stop other tasks, or take a smaller `cpu`.'
    ),
    "Capacity is unavailable": (
        "AWS has no room for the task there at the moment. Run `pulumi up` again later, name subnets in other zones "
        "in `subnet_ids`, or with `spot` set it to false."
    ),
}
"""The way out of each reason that ECS gives, by words that are in it."""


def explain_failed_service(failure: pulumi.ErrorHookArgs) -> bool:
    """Log why the service could not be created or updated; the error itself stays as it is, and nothing is retried."""
    inputs = failure.new_inputs
    if inputs is not None:
        cluster_arn, wanted = str(inputs["cluster"]), str(inputs["taskDefinition"])
        pulumi.log.error(
            "\n".join([explain_service(cluster_arn, wanted), *_after_failure(cluster_arn, wanted, failure.urn)])
        )
    return False


def _after_failure(cluster_arn: str, wanted: str, service_urn: str) -> list[str]:
    """Return what became of the service, and the command that deploys the task definition `wanted` once more.

    The same `pulumi up` sees what ECS has given up or rolled back; where ECS cannot be asked, it does not.
    """
    try:
        rollout = ask(cluster_arn)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        return [f"Once the cause is gone, run: pulumi up --replace '{service_urn}'"]
    again = "Once the cause is gone, run: pulumi up"
    before = rollout.task_definition_arn
    if rollout.state != "FAILED" or before in ("", wanted):
        return [again]
    return [f"What ran before, {before}, does not start any more either. {explain_service(cluster_arn, before)}", again]


def warn_of_unread_bundles(done: pulumi.ResourceHookArgs) -> None:
    """Warn of DAG bundles that the service's new task cannot read; nothing is said when AWS cannot be asked."""
    inputs = done.new_inputs or {}
    cluster_arn, task_definition_arn = str(inputs.get("cluster")), str(inputs.get("taskDefinition"))
    with contextlib.suppress(botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        ecs, logs = _clients(cluster_arn)
        for task in _tasks(ecs, cluster_arn, task_definition_arn, "RUNNING"):
            for line in warnings_of_unread(ecs, logs, task):
                pulumi.log.warn(line)


def explain_service(cluster_arn: str, task_definition_arn: str) -> str:
    """Return what ECS and CloudWatch know of the newest stopped task of `task_definition_arn`, in a few lines.

    Nobody is asked in a unit test, whose mocks know no reason, and which would ask with the credentials of who runs it.
    """
    if is_mocked():
        return "Mocks do not know why it stopped."
    try:
        return "\n".join(_explain(cluster_arn, task_definition_arn))
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        return (
            f"Why it stopped could not be read ({error}). To look: "
            f"aws ecs describe-tasks --cluster {cluster_arn} --tasks "
            f"$(aws ecs list-tasks --cluster {cluster_arn} --desired-status STOPPED --query 'taskArns[]' --output text)"
        )


def _explain(cluster_arn: str, task_definition_arn: str) -> list[str]:
    ecs, logs = _clients(cluster_arn)
    events = _events(ecs, cluster_arn)
    stopped = _tasks(ecs, cluster_arn, task_definition_arn, "STOPPED")
    unstopped = _tasks(ecs, cluster_arn, task_definition_arn, "RUNNING")
    if refused := _not_placed(events, [*stopped, *unstopped]):
        return [f"ECS could not start a task: {refused}", *_ways_out(refused)]
    if stopped:
        newest = stopped[-1]
        reason = newest.get("stoppedReason", "no reason given")
        return [
            f"The newest of {len(stopped)} stopped tasks: {reason}",
            *_ways_out(reason),
            *(_container_line(container) for container in newest.get("containers", [])),
            *_last_log_lines(ecs, logs, newest),
        ]
    # The wait was interrupted, or took too long.
    if unstopped:
        newest = unstopped[-1]
        state = f"{newest.get('lastStatus')}, its health {newest.get('healthStatus')}"
        return [f"No task of it has stopped; the newest is {state}.", *_last_log_lines(ecs, logs, newest)]
    said = f"ECS says: {events[0].get('message', '')}" if events else "ECS says nothing of it."
    return [f"No task of it was started. {said}"]


def _clients(cluster_arn: str) -> "tuple[ECSClient, CloudWatchLogsClient]":
    client = program_clients(cluster_arn)
    return client("ecs"), client("logs")


def _ways_out(reason: str) -> list[str]:
    return [f"  {way_out}" for words, way_out in WAYS_OUT.items() if words in reason]


def _tasks(
    ecs: "ECSClient", cluster_arn: str, task_definition_arn: str, status: Literal["RUNNING", "STOPPED"]
) -> list["TaskTypeDef"]:
    """Return the tasks of a task definition, newest last; RUNNING are those that shall run, whatever they do now."""
    family = task_definition_arn.rpartition("/")[2].rpartition(":")[0]
    tasks = tasks_of(ecs, cluster_arn, family=family, desiredStatus=status)
    ours = [task for task in tasks if task.get("taskDefinitionArn") == task_definition_arn]
    return sorted(ours, key=lambda task: task["createdAt"])  # pyright: ignore[reportTypedDictNotRequiredAccess] - ECS always has it


def _events(ecs: "ECSClient", cluster_arn: str) -> list["ServiceEventTypeDef"]:
    """Return what ECS has said of the cluster's services, newest first."""
    events = [event for service in services_of(ecs, cluster_arn) for event in service.get("events", [])]
    return sorted(events, key=lambda event: event["createdAt"], reverse=True)  # pyright: ignore[reportTypedDictNotRequiredAccess] - ECS always has it


def _not_placed(events: list["ServiceEventTypeDef"], tasks: list["TaskTypeDef"]) -> str | None:
    """Return why the last task could not even be tried, if so: that is an event of the service, and no task."""
    for event in events:
        _, could_not, reason = event.get("message", "").partition("unable to place a task. Reason: ")
        if could_not:
            said_at = event["createdAt"]  # pyright: ignore[reportTypedDictNotRequiredAccess] - as above
            return None if any(task.get("createdAt", said_at) > said_at for task in tasks) else reason
    return None


def _container_line(container: "ContainerTypeDef") -> str:
    line = f"  container {container.get('name')}: exit code {container.get('exitCode', 'none')}"
    reason = container.get("reason")
    return f"{line}, {reason}" if reason else line


def _last_log_lines(ecs: "ECSClient", logs: "CloudWatchLogsClient", task: "TaskTypeDef") -> list[str]:
    group, stream = log_stream(ecs, task)
    try:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=LOG_LINES, startFromHead=False)[
            "events"
        ]
    except logs.exceptions.ResourceNotFoundException:
        events = []
    if not events:
        return ["  it wrote no log"]
    lines = (event.get("message", "").rstrip() for event in events)
    return [
        *(f"  {line}" for line in unread_bundles(ecs, logs, task)),
        f"  its last {len(events)} log lines:",
        *(f"    {line}" for line in lines),
    ]
