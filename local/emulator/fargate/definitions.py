"""Task definitions: their optional members, and what RegisterTaskDefinition refuses for Fargate and moto does not."""

import re
from collections.abc import Mapping
from typing import Any

from moto.ecs.exceptions import EcsClientException

# MiB for each CPU size (ECS developer guide, "Task size").
_MEMORY = {
    "256": [512, 1024, 2048],
    "512": range(1024, 4096 + 1, 1024),
    "1024": range(2048, 8192 + 1, 1024),
    "2048": range(4096, 16384 + 1, 1024),
    "4096": range(8192, 30720 + 1, 1024),
    "8192": range(16384, 61440 + 1, 4096),
    "16384": range(32768, 122880 + 1, 8192),
}
# Seconds (ECS API reference, HealthCheck and ContainerRestartPolicy).
_RANGES = {
    ("healthCheck", "interval"): (5, 300),
    ("healthCheck", "timeout"): (2, 60),
    ("healthCheck", "retries"): (1, 10),
    ("healthCheck", "startPeriod"): (0, 300),
    ("restartPolicy", "restartAttemptPeriod"): (60, 1800),
}
_LONGEST_STOP_TIMEOUT = 120
# Of those that Fargate takes (ECS API reference, SystemControl), the ones that the agent can set.
_SYSTEM_CONTROLS = "net."
# GiB (ECS API reference, EphemeralStorage): the 20 that every task has are asked for by nobody.
_LEAST_STORAGE, _MOST_STORAGE = 21, 200
# Stricter than AWS, which takes others, although its API reference (HealthCheck) asks for one of these.
_WAYS_TO_CHECK = ("CMD", "CMD-SHELL", "NONE")
# All three are required on Fargate (ECS developer guide, "Send Amazon ECS logs to CloudWatch").
_LOG_OPTIONS = {"awslogs-group", "awslogs-region", "awslogs-stream-prefix"}
_LOG_MODES = ("blocking", "non-blocking")
# Docker's spelling of a size (docker/go-units), which ECS hands on.
_BUFFER_SIZE = re.compile(r"[1-9]\d*[bkmg]?b?")


def items(structure: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a list of an API structure; one that is absent is empty."""
    return structure.get(name) or []


def part(structure: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a nested structure of an API structure; one that is absent is empty."""
    return structure.get(name) or {}


def health_check(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container definition's health check; empty without one, and with one that turns the image's own off."""
    check = part(container, "healthCheck")
    return check if check and check["command"][0] != "NONE" else {}


def refuse_task_definition(request: Mapping[str, Any]) -> None:
    """Raise AWS's ClientException for a definition that Fargate does not take, or that the local agent does not run."""
    if "FARGATE" not in (request.get("requiresCompatibilities") or []):
        raise EcsClientException("The local cloud has Fargate only: requiresCompatibilities must contain FARGATE.")
    refuse_size(request.get("cpu"), request.get("memory"))
    if request.get("networkMode") != "awsvpc":
        raise EcsClientException("Fargate only supports network mode 'awsvpc'.")
    containers = request["containerDefinitions"]
    if len(containers) != 1:
        raise EcsClientException(
            f"The local Fargate agent runs one container a task, and this definition has {len(containers)}."
        )
    _refuse_container(containers[0], request)
    _refuse_ports(containers[0])
    if sum(each.get("cpu") or 0 for each in containers) > int(request["cpu"]):
        raise EcsClientException(
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
        )
    if wrong := wrong_storage(request):
        raise EcsClientException(wrong)


def refuse_size(cpu: str | None, memory: str | None) -> None:
    """Raise AWS's ClientException for a size of a task, in CPU units and MiB, that Fargate does not have."""
    if str(memory) not in map(str, _MEMORY.get(str(cpu), [])):
        raise EcsClientException(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
            "See the Amazon ECS documentation for the valid values."
        )


def wrong_storage(structure: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the `ephemeralStorage` of a definition, or of overrides of it."""
    size: int | None = part(structure, "ephemeralStorage").get("sizeInGiB")
    if size is None or _LEAST_STORAGE <= size <= _MOST_STORAGE:
        return None
    return f"Invalid setting for ephemeralStorage: {size} GiB is not in {_LEAST_STORAGE} to {_MOST_STORAGE}."


def refuse_shared_names(container: Mapping[str, Any]) -> None:
    """Raise AWS's ClientException for a secret of a container that has the name of another, or of a variable."""
    secrets = [each["name"] for each in items(container, "secrets")]
    if repeated := sorted({name for name in secrets if secrets.count(name) > 1}):
        raise EcsClientException(
            f"Duplicate secret names found: {', '.join(repeated)}. Each secret name must be unique."
        )
    plain = {each["name"] for each in items(container, "environment")}
    for name in secrets:
        if name in plain:
            raise EcsClientException(
                "The secret name must be unique and not shared with any new or existing environment variables "
                f"set on the container, such as '{name}'."
            )


def _refuse_ports(container: Mapping[str, Any]) -> None:
    if any(each.get("hostPort") not in (None, each["containerPort"]) for each in items(container, "portMappings")):
        raise EcsClientException(
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
        )


def _refuse_container(container: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    name = container.get("name")
    if (check := container.get("healthCheck")) and next(iter(check["command"]), "") not in _WAYS_TO_CHECK:
        raise EcsClientException(
            f"Invalid setting for container '{name}'. healthCheck.command begins with none of "
            f"{', '.join(_WAYS_TO_CHECK)}."
        )
    for (member, field), (least, most) in _RANGES.items():
        value: int | None = part(container, member).get(field)
        if value is not None and not least <= value <= most:
            raise EcsClientException(
                f"Invalid setting for container '{name}'. {member}.{field} is {value}, not in {least} to {most}."
            )
    if (container.get("stopTimeout") or 0) > _LONGEST_STOP_TIMEOUT:
        raise EcsClientException(
            f"Invalid setting for container '{name}'. The maximum stop timeout is {_LONGEST_STOP_TIMEOUT} seconds."
        )
    if (container.get("memory") or 0) > int(request["memory"]):
        raise EcsClientException(
            f"Invalid setting for container '{name}'. The container's 'memory' exceeds the task's."
        )
    for control in items(container, "systemControls"):
        if not (namespace := control.get("namespace") or "").startswith(_SYSTEM_CONTROLS) or not control.get("value"):
            raise EcsClientException(
                f"Invalid setting for container '{name}'. The local Fargate agent has systemControls with a namespace "
                f"net.* and a value, not {namespace!r}."
            )
    refuse_shared_names(container)
    log = part(container, "logConfiguration")
    if log:
        if log["logDriver"] != "awslogs":
            raise EcsClientException(
                f"The local Fargate agent has the log driver awslogs only, not {log['logDriver']}."
            )
        _refuse_log_options(part(log, "options"))
    if not request.get("executionRoleArn"):
        if container.get("secrets"):
            raise EcsClientException(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            )
        if log:
            raise EcsClientException(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            )


def _refuse_log_options(options: Mapping[str, str]) -> None:
    """Refuse what the driver does not take. Here it takes every line at once, in both modes."""
    if missing := _LOG_OPTIONS - options.keys():
        raise EcsClientException(f"Log driver awslogs requires options: {', '.join(sorted(missing))}")
    if unknown := options.keys() - _LOG_OPTIONS - {"mode", "max-buffer-size"}:
        raise EcsClientException(f"The local awslogs driver has no options: {', '.join(sorted(unknown))}")
    # What follows keeps a task from starting on AWS; nobody is to find it out there.
    if (mode := options.get("mode", "non-blocking")) not in _LOG_MODES:
        raise EcsClientException(f"Log driver awslogs: logging mode {mode!r} is none of {', '.join(_LOG_MODES)}")
    if (size := options.get("max-buffer-size")) is None:
        return
    if options.get("mode") != "non-blocking":
        raise EcsClientException("Log driver awslogs: max-buffer-size goes with mode non-blocking only")
    if not _BUFFER_SIZE.fullmatch(size.lower()):
        raise EcsClientException(f"Log driver awslogs: max-buffer-size {size!r} is no size")
