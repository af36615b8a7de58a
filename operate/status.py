"""`make status STACK=…`: what runs now, asked of AWS, and whether the stack's output still says where.

`.venv/bin/python -m operate.status dev` ends with 0 if a task runs at the URL that the stack's output says, 1 if not,
and 2 if that could not be found out; `make` ends with 2 for both.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import botocore.exceptions
from airflow_fargate.executor.settings import REMOTE_SUFFIX
from airflow_fargate.session import ReadKey, clients
from airflow_fargate.task.running import (
    active_service,
    container_of,
    port_and_path,
    public_address_of,
    services_of,
    tasks_of,
)
from airflow_fargate.task.unread import warnings_of_unread

from operate.console import CommandError, age, aligned, say
from operate.pulumi_cli import pulumi
from operate.snapshots import are_kept, describe, newest_snapshot

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class TaskStatus:
    """One line of the table."""

    service: str
    task: str
    status: str
    health: str
    age: str
    url: str

    HEADINGS = ("SERVICE", "TASK", "STATUS", "HEALTH", "AGE", "URL")

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.service, self.task, self.status, self.health, self.age, self.url)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m operate.status", description=__doc__)
    parser.add_argument("stack", help="the name of a stack of the project in this folder")
    stack: str = parser.parse_args().stack
    try:
        outputs = json.loads(pulumi("stack", "output", "--json", "--stack", stack))
        if "service_arn" not in outputs:
            say(f"The stack {stack} has no outputs: it was never deployed, or its last `pulumi up` did not succeed.")
            say(f"  `pulumi up --stack {stack}` deploys it.")
            return 1
        return report(
            outputs,
            aws_configuration(pulumi("config", "--json", "--show-secrets", "--stack", stack)),
            update=f"`pulumi up --stack {stack}` or `pulumi refresh --run-program --stack {stack}`",
            restore=f"`pulumi up --refresh --stack {stack}`",
        )
    except CommandError as error:
        say(f"error: {error}")
        return 2


def report(outputs: Mapping[str, Any], read: ReadKey, *, update: str, restore: str) -> int:
    """Print the service's tasks and what is not as the stack's outputs say, and return the exit code.

    :param outputs: The stack's outputs: of the component, `cluster_arn`, `service_arn`, `url` and, from versions that
        have it, `data_bucket_name`.
    :param read: Reads the stack's `aws:` configuration.
    :param update: The command that brings the outputs up to date.
    :param restore: The command that makes again what was changed or deleted by others.
    """
    cluster: str = outputs["cluster_arn"]
    try:
        client = clients(read, cluster.split(":")[3])
        ecs, ec2, logs, s3 = (client(service) for service in ("ecs", "ec2", "logs", "s3"))
        service = _service(ecs, cluster, outputs["service_arn"])
        if service is None:
            say(f"{outputs['service_arn']} was deleted, and not by Pulumi. {restore} makes it again.")
            return 1
        found = _described(ecs, cluster, outputs["service_arn"])
        rows = [_row(ecs, ec2, outputs["service_arn"], task) for task in found]
        unread = [line for task in found if "stoppedAt" not in task for line in warnings_of_unread(ecs, logs, task)]
        remote = _remote(ecs, cluster)
        workers = _workers(ecs, outputs)
        saved = _saved(s3, outputs) if are_kept(ecs, service) else ""
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise CommandError(
            f"AWS could not be asked: {error}",
            "The same credentials are needed as for `pulumi up`; `aws sts get-caller-identity` shows yours. Those of a "
            "Pulumi ESC environment: `pulumi env run <environment> -- make status STACK=…`.",
        ) from error
    if rows:
        print(aligned([TaskStatus.HEADINGS, *(row.cells for row in rows)]))
    if remote:
        say(f"{remote} {'task' if remote == 1 else 'tasks'} of Airflow beside, each a Fargate task of its own.")
    if workers:
        say(workers)
    if saved:
        say(saved)
    for line in unread:
        say(line)
    urls = [row.url for row in rows if row.url]
    if not urls:
        events = [event.get("message", "") for event in service.get("events", [])]
        say(f"No task runs, of {service.get('desiredCount')} wanted. ECS says: {events[0] if events else 'nothing'}")
        say(f"If ECS does not start one by itself, {restore} does.")
        return 1
    if outputs["url"] not in urls:
        say(f"The stack's output says {outputs['url']}: the task was replaced since. {update} brings it up to date.")
        return 1
    return 0


def aws_configuration(config: str) -> ReadKey:
    """Return what reads the `aws:` keys in the answer of `pulumi config --json --show-secrets`."""
    values = {key: entry.get("value") for key, entry in json.loads(config).items()}
    return lambda key: values.get(f"aws:{key}")


def tasks(ecs: "ECSClient", ec2: "EC2Client", cluster: str, service: str) -> list[TaskStatus]:
    """Return the tasks of a service that run or are about to, the newest first; without any, those that stopped last.

    :param cluster: ARN or name of the cluster.
    :param service: ARN or name of the service.
    """
    return [_row(ecs, ec2, service, task) for task in _described(ecs, cluster, service)]


def _row(ecs: "ECSClient", ec2: "EC2Client", service: str, task: "TaskTypeDef") -> TaskStatus:
    return TaskStatus(
        service=service.rpartition("/")[2],
        task=task.get("taskArn", "").rpartition("/")[2],
        status=_status(task),
        health=task.get("healthStatus", "UNKNOWN"),
        age=age((datetime.now(UTC) - _created(task)).total_seconds()),
        url=_url(ecs, ec2, task),
    )


def _service(ecs: "ECSClient", cluster: str, service: str) -> "ServiceTypeDef | None":
    """Return the service, unless it or its cluster was deleted; ECS shows both for a while after that."""
    try:
        return active_service(ecs, cluster, service)
    except ecs.exceptions.ClusterNotFoundException:
        return None


def _described(ecs: "ECSClient", cluster: str, service: str) -> "list[TaskTypeDef]":
    name = service.rpartition("/")[2]
    found = tasks_of(ecs, cluster, serviceName=name) or tasks_of(
        ecs, cluster, serviceName=name, desiredStatus="STOPPED"
    )
    return sorted(found, key=_created, reverse=True)


def _remote(ecs: "ECSClient", cluster: str) -> int:
    """Return how many tasks there are that AwsEcsExecutor has started."""
    family = f"{cluster.rpartition('/')[2]}{REMOTE_SUFFIX}"
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, family=family)
    return sum(len(page["taskArns"]) for page in pages)


def _workers(ecs: "ECSClient", outputs: Mapping[str, Any]) -> str:
    """Say how many workers of Celery run; nothing of a stack without."""
    cluster: str = outputs.get("worker_cluster_arn", "")
    if not cluster:
        return ""
    services = services_of(ecs, cluster)
    running, wanted = (sum(each.get(count, 0) for each in services) for count in ("runningCount", "desiredCount"))
    return f"{running} of {wanted} workers of Celery run."


def _saved(s3: "S3Client", outputs: Mapping[str, Any]) -> str:
    """Say what is saved of the database; nothing of a stack that saves none."""
    bucket: str = outputs.get("data_bucket_name", "")
    return describe(newest_snapshot(s3, bucket), bucket) if bucket else ""


def _created(task: "TaskTypeDef") -> datetime:
    return task.get("createdAt", datetime.fromtimestamp(0, UTC))


def _status(task: "TaskTypeDef") -> str:
    reason = task.get("stoppedReason")
    return f"{task.get('lastStatus', '')} ({reason})" if reason else task.get("lastStatus", "")


def _url(ecs: "ECSClient", ec2: "EC2Client", task: "TaskTypeDef") -> str:
    """Return where a task answers: nothing of one that has stopped, or that has no public address."""
    address = None if task.get("lastStatus") == "STOPPED" else public_address_of(ec2, task)
    return f"http://{address}{port_and_path(container_of(ecs, task.get('taskDefinitionArn', '')))}" if address else ""


if __name__ == "__main__":
    sys.exit(main())
