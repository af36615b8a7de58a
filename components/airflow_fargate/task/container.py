"""The container definition: what ECS is told to run, how to tell its health and where its log goes. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from ..errors import Refusal
from ..part import Part, Variables
from .log import Log
from .workload import Workload

# AWS: Amazon ECS service quotas, "Task definition size limit".
_MAX_BYTES = 64 * 1024
# With some room: the ARN of a parameter and the label with its version, and all that the component itself puts there.
_BYTES_OF_A_SECRET = 190
_BYTES_OF_THE_REST = 6 * 1024


def supervisor_command(*arguments: str) -> tuple[str, ...]:
    """Return the command that starts all components of Airflow, and ends when one of them does.

    :param arguments: The components to start, if not all; or ``--`` and a command that is run once there is a login.
    """
    return ("python", "-c", Path(__file__).with_name("supervisor.py").read_text(encoding="utf-8"), *arguments)


def refuse_large(command: Sequence[str], environment: Variables, secrets: Variables) -> Iterator[Refusal]:
    """Refuse what makes the task definition larger than ECS takes; what is not known yet counts as nothing."""
    shares = {
        "command": _bytes(list(command)),
        "environment": _bytes([{"name": name, "value": _plain(value)} for name, value in environment.items()]),
        "secrets": sum(3 * len(name) + _BYTES_OF_A_SECRET for name in secrets),
    }
    if sum(shares.values()) + _BYTES_OF_THE_REST > _MAX_BYTES:
        largest = max(("command", "environment", "secrets"), key=lambda argument: shares[argument])
        told = ", ".join(f"{argument} {size:,}" for argument, size in shares.items())
        yield Refusal(
            largest,
            f"makes a task definition over the {_MAX_BYTES:,} bytes that ECS takes ({told}, "
            f"the rest {_BYTES_OF_THE_REST:,}); shorten it, or put long values into a file of the image or the DAGs",
        )


def _bytes(part: Any) -> int:
    return len(json.dumps(part).encode())


def _plain(value: pulumi.Input[str]) -> str:
    return value if isinstance(value, str) else ""


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
    """
    ports = () if workload.port is None else (workload.port,)
    return {
        "name": f"airflow{workload.suffix}",
        **image,
        "essential": True,
        "memory": workload.size.memory,
        **({"entryPoint": list(workload.entrypoint)} if workload.entrypoint else {}),
        "command": list(workload.command),
        "portMappings": [{"containerPort": port, "hostPort": port, "protocol": "tcp"} for port in ports],
        "environment": [{"name": key, "value": value} for key, value in sorted(part.variables().items())],
        "secrets": [{"name": key, "valueFrom": arn} for key, arn in sorted(parameter_arns.items())],
        "healthCheck": workload.health_check.definition(),
        "restartPolicy": {
            "enabled": True,
            "ignoredExitCodes": [0],
            "restartAttemptPeriod": workload.health_check.longest_start,
        },
        "stopTimeout": 60,
        "dockerLabels": {
            f"airflow-fargate.parameter-version.{key}": version for key, version in sorted(parameter_versions.items())
        },
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log.group.name,
                "awslogs-region": log.region,
                "awslogs-stream-prefix": "airflow",
            },
        },
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
    }
