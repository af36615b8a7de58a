"""ECS task definitions: immutable, so that every change but tags makes a new revision."""

import functools
import json
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from local.providers.aws.cluster import EcsTaggedResource, ecs_plain_tags, ecs_tags
from local.providers.aws.resource import REGION, TAGS, given
from local.providers.resource import Change, Property, properties, same_set
from local.providers.schema import Violation
from local.providers.values import UNKNOWN, Properties

HEALTH_CHECK_DEFAULTS = {"interval": 30, "retries": 3, "timeout": 5}


def same_containers(old: str, new: str) -> bool:
    """Whether two JSON lists of container definitions mean the same, by the rules of the real provider.

    Order of containers, environment and secrets does not count, nor do empty lists and AWS's defaults.
    """
    try:
        return [*map(_reduced, _by_name(json.loads(old)))] == [*map(_reduced, _by_name(json.loads(new)))]
    except ValueError:
        return old == new


def _by_name(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: str(item.get("name")))


def _reduced(container: dict[str, Any]) -> dict[str, Any]:
    reduced: dict[str, Any] = {"essential": True, **container}
    for key in ("environment", "secrets"):
        if reduced.get(key):
            reduced[key] = _by_name(reduced[key])
    if reduced.get("healthCheck"):
        reduced["healthCheck"] = HEALTH_CHECK_DEFAULTS | reduced["healthCheck"]
    if reduced.get("portMappings"):
        # Every task definition here has the network mode awsvpc, where both ports are one.
        reduced["portMappings"] = [
            {**mapping, "hostPort": mapping.get("hostPort") or mapping.get("containerPort")}
            | {"protocol": mapping.get("protocol") or "tcp"}
            for mapping in reduced["portMappings"]
        ]
    # AWS reports 0 where no CPU shares were asked for.
    return {key: value for key, value in reduced.items() if value not in ([], None) and (key, value) != ("cpu", 0)}


@functools.cache
def _container_shape() -> Any:
    model = botocore.session.get_session().get_service_model("ecs")
    return model.shape_for("ContainerDefinitions")


class TaskDefinition(EcsTaggedResource):
    sdk = "pulumi_aws.ecs:TaskDefinition"
    title = "ECS Task Definition"
    inputs = properties(
        containerDefinitions=Property(replaces=True, same=same_containers),
        cpu=Property(replaces=True),
        enableFaultInjection=Property(replaces=True, computed=True),
        ephemeralStorage=Property(replaces=True),
        executionRoleArn=Property(replaces=True),
        family=Property(replaces=True),
        memory=Property(replaces=True),
        networkMode=Property(replaces=True, computed=True, values=("awsvpc",)),
        region=REGION,
        requiresCompatibilities=Property(replaces=True, same=same_set),
        runtimePlatform=Property(replaces=True),
        skipDestroy=Property(default=False),
        tags=TAGS,
        taskRoleArn=Property(replaces=True),
        trackLatest=Property(default=False),
    )

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        text = inputs.get("containerDefinitions")
        if text is None or text is UNKNOWN:
            return
        try:
            containers = json.loads(text)
        except ValueError as error:
            yield Violation("containerDefinitions", f"not JSON: {error}")
            return
        report = ParamValidator().validate(containers, _container_shape())
        if report.has_errors():
            yield Violation("containerDefinitions", report.generate_report())

    def create(self, inputs: Properties) -> str:
        storage = inputs.get("ephemeralStorage")
        answer = self.client(inputs).register_task_definition(
            family=inputs["family"],
            containerDefinitions=json.loads(inputs["containerDefinitions"]),
            **given(
                cpu=inputs.get("cpu"),
                enableFaultInjection=inputs.get("enableFaultInjection"),
                ephemeralStorage=storage and {"sizeInGiB": storage["sizeInGib"]},
                executionRoleArn=inputs.get("executionRoleArn"),
                memory=inputs.get("memory"),
                networkMode=inputs.get("networkMode"),
                requiresCompatibilities=inputs.get("requiresCompatibilities"),
                runtimePlatform=inputs.get("runtimePlatform"),
                taskRoleArn=inputs.get("taskRoleArn"),
            ),
            **given(tags=ecs_tags(self.tags_all(inputs)) or None),
        )
        self.created = {"arn": answer["taskDefinition"]["taskDefinitionArn"]}
        return inputs["family"]

    def read(self, state: Properties) -> Properties | None:
        which = self.id if state.get("trackLatest") else state.get("arn", self.id)
        answer = self.client(state).describe_task_definition(taskDefinition=which, include=["TAGS"])
        definition = answer["taskDefinition"]
        if definition["status"] == "INACTIVE":
            return None
        arn: str = definition["taskDefinitionArn"]
        storage = definition.get("ephemeralStorage")
        return {
            **self.tag_outputs(ecs_plain_tags(answer.get("tags", []))),
            **given(enableFaultInjection=definition.get("enableFaultInjection")),
            "arn": arn,
            "arnWithoutRevision": arn.rpartition(":")[0],
            "containerDefinitions": json.dumps(definition["containerDefinitions"]),
            "cpu": definition.get("cpu"),
            "ephemeralStorage": storage and {"sizeInGib": storage["sizeInGiB"]},
            "executionRoleArn": definition.get("executionRoleArn"),
            "family": definition["family"],
            "memory": definition.get("memory"),
            "networkMode": definition.get("networkMode"),
            "region": self.region(state),
            "requiresCompatibilities": definition.get("requiresCompatibilities"),
            "revision": definition["revision"],
            "runtimePlatform": definition.get("runtimePlatform"),
            "taskRoleArn": definition.get("taskRoleArn"),
        }

    def update(self, change: Change) -> None:
        # skipDestroy and trackLatest are the provider's own; AWS has nothing to change.
        super().update(change)

    def delete(self, state: Properties) -> None:
        if not state.get("skipDestroy"):
            self.client(state).deregister_task_definition(taskDefinition=state["arn"])


RESOURCES = (TaskDefinition,)
