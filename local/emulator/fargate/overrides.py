"""What RunTask overrides of a task definition: what ECS refuses, and the container that comes of it. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import TaskDefinition

from local.emulator.fargate.definitions import items, refuse_shared_names, refuse_size, wrong_storage

# ECS API reference, RunTask.
_CHARACTERS = 8192
_OF_TASK = frozenset({"containerOverrides", "cpu", "ephemeralStorage", "executionRoleArn", "memory", "taskRoleArn"})
_OF_CONTAINER = frozenset({"name", "command", "cpu", "environment", "memory", "memoryReservation"})


def overridden_container(container: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container definition as a task with these overrides runs it; variables are merged by their names."""
    for override in items(overrides, "containerOverrides"):
        given = {name: value for name, value in override.items() if value is not None}
        variables = {each["name"]: each for each in (*items(container, "environment"), *items(given, "environment"))}
        container = {**container, **given, "environment": list(variables.values())}
    return container


def refuse_overrides(definition: TaskDefinition, overrides: Mapping[str, Any]) -> None:
    """Raise AWS's exception for overrides that RunTask does not take, or that the local agent does not know."""
    # As boto3 sends them: AWS says that the characters of the JSON count, and not whether blanks between them do.
    if len(json.dumps(overrides)) > _CHARACTERS:
        raise InvalidParameterException(f"Container Overrides length must be at most {_CHARACTERS}")
    _refuse_unknown(overrides, _OF_TASK)
    cpu, memory = (overrides.get(name) or getattr(definition, name) for name in ("cpu", "memory"))
    refuse_size(cpu, memory)
    if wrong := wrong_storage(overrides):
        raise InvalidParameterException(wrong)
    definitions: list[dict[str, Any]] = definition.container_definitions
    _refuse_container_overrides(definitions[0]["name"], items(overrides, "containerOverrides"))
    container = overridden_container(definitions[0], overrides)
    refuse_shared_names(container)
    for setting, of_task in (("cpu", cpu), ("memory", memory), ("memoryReservation", memory)):
        if (container.get(setting) or 0) > int(of_task):
            raise InvalidParameterException(
                f"'{setting}' setting for container '{container['name']}' is greater than for task."
            )


def _refuse_container_overrides(container: str, overrides: Sequence[Mapping[str, Any]]) -> None:
    for override in overrides:
        if (name := override.get("name")) != container:
            raise InvalidParameterException(
                f"Override for container named {name} is not a container in the TaskDefinition."
            )
        _refuse_unknown(override, _OF_CONTAINER)
    if len(overrides) > 1:
        raise InvalidParameterException(f"There is more than one override for container {container}.")


def _refuse_unknown(override: Mapping[str, Any], known: frozenset[str]) -> None:
    for name, value in override.items():
        if name not in known and value:
            raise InvalidParameterException(
                f"The local Fargate agent does not know the override {name}; it knows {', '.join(sorted(known))}."
            )
