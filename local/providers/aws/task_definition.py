"""ECS task definitions: immutable, so that every change but tags makes a new revision."""

import functools
import json
from collections.abc import Iterator
from typing import Any, cast

import botocore.session
from botocore.validate import ParamValidator

from local.providers.aws.cluster import EcsTaggedResource
from local.providers.aws.resource import Field
from local.providers.resource import properties, same_set
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


def _as_described(containers: list[dict[str, Any]]) -> str:
    """Return containers as ECS describes them: with no list or map that is empty, but for lists of the container's."""

    def described(value: Any) -> Any:
        if isinstance(value, dict):
            items = cast("dict[str, Any]", value).items()
            return {key: described(item) for key, item in items if item not in ([], {})}
        return [described(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value

    return json.dumps(
        [
            {key: [] if value == [] else described(value) for key, value in each.items() if value != {}}
            for each in containers
        ]
    )


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
        containerDefinitions=Field(encode=json.loads, decode=_as_described, replaces=True, same=same_containers),
        cpu=Field(replaces=True),
        ephemeralStorage=Field(
            encode=lambda storage: {"sizeInGiB": storage["sizeInGib"]},
            decode=lambda storage: {"sizeInGib": storage["sizeInGiB"]},
            replaces=True,
        ),
        executionRoleArn=Field(replaces=True),
        family=Field(replaces=True),
        memory=Field(replaces=True),
        networkMode=Field(replaces=True, computed=True, values=("awsvpc",)),
        requiresCompatibilities=Field(replaces=True, same=same_set),
        runtimePlatform=Field(replaces=True),
        taskRoleArn=Field(replaces=True),
    )
    outputs = {"arn": "taskDefinitionArn", "revision": "revision"}
    identity = "{family}"

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
        answer = self.call("register_task_definition", inputs, **self.creation_tags(inputs))
        self.created = {"arn": answer["taskDefinition"]["taskDefinitionArn"]}
        return inputs["family"]

    def describe(self, state: Properties) -> Any:
        revision = state.get("arn", self.id)
        answer = self.client(state).describe_task_definition(taskDefinition=revision, include=["TAGS"])
        found = {**answer["taskDefinition"], "tags": answer.get("tags")}
        return None if found["status"] == "INACTIVE" else found

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        family_arn = found["taskDefinitionArn"].rpartition(":")[0]
        return {**super().outputs_of(found, state), "arnWithoutRevision": family_arn}

    def delete(self, state: Properties) -> None:
        self.client(state).deregister_task_definition(taskDefinition=state["arn"])
