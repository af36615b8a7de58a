"""The state of a stack as `pulumi stack export` prints it: which operations were cut off, and adopting a resource."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

StackState = dict[str, Any]
"""The `deployment` of what `pulumi stack export` prints."""

ResourceState = dict[str, Any]
"""One of its `resources`."""


@dataclass(frozen=True)
class Found:
    """A physical resource by the id that its provider gives it."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Values that the provider needs beside the id to read it."""

    @property
    def physical(self) -> str:
        """The name that no other of its type has: the ARN of a task definition, whose id is its family."""
        return self.outputs.get("arn", self.id)


@dataclass(frozen=True)
class Adoption:
    """A found resource, and what it becomes."""

    found: Found
    replaces: bool
    """Whether it takes the place of one that the state has under the same URN; otherwise that one stays."""


def name_of(urn: str) -> str:
    """Return the name that the program gave the resource, with its type."""
    kind, _, name = urn.partition("::")[2].partition("::")[2].rpartition("::")
    return f"{name} ({kind.rpartition('$')[2]})"


def pending_creates(stack: StackState) -> list[ResourceState]:
    """Return the resources that were being created: each may be there, and the state has no id of it."""
    return [operation["resource"] for operation in _operations(stack) if operation["type"] == "creating"]


def interrupted(stack: StackState) -> list[str]:
    """Return the URNs of resources that were being updated or deleted: the state knows them, not how that ended."""
    live = {resource["urn"] for resource in _resources(stack) if not resource.get("delete")}
    urns = {op["resource"]["urn"] for op in _operations(stack) if op["type"] in ("updating", "deleting")}
    return sorted(urns & live)


def known(stack: StackState, kind: str) -> set[str]:
    """Return what the state has of a type already, each as `Found.physical` names it."""
    return {
        Found(resource["id"], resource.get("outputs", {}) if kind == TASK_DEFINITION else {}).physical
        for resource in _resources(stack)
        if resource["type"] == kind and "id" in resource
    }


TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition"


def is_live(stack: StackState, urn: str) -> bool:
    """Whether the state has a resource of this URN that is in use, rather than deleted before its replacement."""
    return any(
        resource["urn"] == urn and not resource.get("delete") and not resource.get("pendingReplacement")
        for resource in _resources(stack)
    )


def adopt(stack: StackState, adoptions: Mapping[str, Adoption]) -> StackState:
    """Return the stack with the adopted resources in it, by URN, and with no pending operations.

    The outputs of an adopted one are its inputs: a refresh reads the others. Where the state has one of the same URN
    in use, one of the two is marked for deletion, which the next `pulumi up` or `pulumi destroy` sees to.
    """
    creates = {resource["urn"]: resource for resource in pending_creates(stack)}
    resources = _resources(stack)
    for urn, adoption in adoptions.items():
        state = _with_id(creates[urn], adoption.found)
        if is_live(stack, urn) and not adoption.replaces:
            resources = [*resources, {**state, "delete": True}]
            continue
        resources = [
            {**resource, "delete": True} if resource["urn"] == urn else resource
            for resource in resources
            if not (resource["urn"] == urn and resource.get("pendingReplacement"))
        ]
        resources.append(state)
    return {**stack, "resources": list(_ordered(resources)), "pending_operations": []}


def _with_id(state: ResourceState, found: Found) -> ResourceState:
    inputs = {name: value for name, value in state["inputs"].items() if not name.startswith("__")}
    return {**state, "id": found.id, "outputs": {**inputs, **found.outputs}}


def _ordered(resources: list[ResourceState]) -> Iterator[ResourceState]:
    """Yield them so that each comes after what it needs, as the engine insists; otherwise in the order they have."""
    waiting = [resource for resource in resources if not resource.get("delete")]
    missing = {resource["urn"] for resource in waiting}
    while waiting:
        ready = next(resource for resource in waiting if missing.isdisjoint(_needs(resource)))
        waiting.remove(ready)
        missing.discard(ready["urn"])
        yield ready
    yield from (resource for resource in resources if resource.get("delete"))


def _needs(resource: ResourceState) -> Iterator[str]:
    yield from (resource.get("parent", ""), resource.get("deletedWith", ""))
    yield resource.get("provider", "").rpartition("::")[0]
    yield from resource.get("dependencies") or []
    by_property: dict[str, list[str] | None] = resource.get("propertyDependencies") or {}
    for urns in by_property.values():
        yield from urns or []


def _operations(stack: StackState) -> list[dict[str, Any]]:
    return stack.get("pending_operations") or []


def _resources(stack: StackState) -> list[ResourceState]:
    return stack.get("resources") or []
