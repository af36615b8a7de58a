"""The container definition: what ECS is told to run, how to tell its health and where its log goes. Pure."""

from collections.abc import Mapping
from typing import Any

import pulumi

from ..packed import packed_program
from ..part import Part
from . import supervisor
from .log import Log
from .workload import Workload


def supervisor_command(*arguments: str) -> tuple[str, ...]:
    """Return the command that starts all components of Airflow, and ends when one of them does.

    :param arguments: The components to start, if not all, and what a Python is given that keeps what outlives the task;
        or ``--`` and a command that is run once there is a login.
    """
    return ("python", *packed_program(supervisor.__file__), *arguments)


def container_definition(
    workload: Workload,
    part: Part,
    *,
    image: Mapping[str, Any],
    log: Log,
    parameter_arns: Mapping[str, pulumi.Input[str]],
    parameter_versions: Mapping[str, pulumi.Input[str]],
) -> dict[str, Any]:
    """Return the container of the task definition in the words of ECS's RegisterTaskDefinition.

    It says all that ECS would fill in itself (`hostPort`, empty lists), in ECS's order, and nothing that is null: what
    is read back then equals what was sent, and a later preview shows no change. ECS reads the parameters when it starts
    a task: the labels make another revision, and with it another task, when the value of one changes.

    A container is restarted in place only when it has run for longer than any start takes: one that ends before ends
    its task as well, which counts for the circuit breaker. ECS allows 60 to 1800 seconds for that. The exit code 0 is
    the supervisor's after SIGTERM; an empty list would read back as none at all, and make another revision every time.
    One that ends when its work is done is not restarted; it has no limit but the task's, which an override may raise.
    """
    ports = () if workload.port is None else (workload.port,)
    check = workload.health_check
    labels = {
        f"airflow-fargate.parameter-version.{key}": version for key, version in sorted(parameter_versions.items())
    }
    return {
        "name": f"airflow{workload.suffix}",
        **image,
        "essential": True,
        **({"memory": workload.size.memory} if check else {}),
        **({"entryPoint": list(workload.entrypoint)} if workload.entrypoint else {}),
        "command": list(workload.command),
        "portMappings": [{"containerPort": port, "hostPort": port, "protocol": "tcp"} for port in ports],
        "environment": [{"name": key, "value": value} for key, value in sorted(part.variables().items())],
        "secrets": [{"name": key, "valueFrom": arn} for key, arn in sorted(parameter_arns.items())],
        **(
            {
                "healthCheck": check.definition(),
                "restartPolicy": {
                    "enabled": True,
                    "ignoredExitCodes": [0],
                    "restartAttemptPeriod": check.longest_start,
                },
            }
            if check
            else {}
        ),
        "stopTimeout": workload.stop_timeout,
        **({"dockerLabels": labels} if labels else {}),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log.group.name,
                "awslogs-region": log.region,
                "awslogs-stream-prefix": "airflow",
                # ECS's own default (Amazon ECS API, LogConfiguration), unless the account has another one.
                "mode": "non-blocking",
                "max-buffer-size": "10m",
            },
        },
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [{"namespace": name, "value": value} for name, value in sorted(part.system_controls.items())],
    }
