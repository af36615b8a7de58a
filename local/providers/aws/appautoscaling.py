"""Application Auto Scaling: what may be scaled between which bounds, and what does so: policies, and the clock."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from local.providers.aws.resource import AwsResource, Field, TaggedResource, pascal_case
from local.providers.naming import AutoName
from local.providers.resource import properties
from local.providers.schema import Violation
from local.providers.values import UNKNOWN, Properties

_SCALED = {
    "resourceId": Field(replaces=True),
    "scalableDimension": Field(replaces=True),
    "serviceNamespace": Field(replaces=True),
}


class Target(TaggedResource):
    sdk = "pulumi_aws.appautoscaling:Target"
    title = "Application AutoScaling Target"
    service = "application-autoscaling"
    inputs = properties(maxCapacity=Field(), minCapacity=Field(), **_SCALED)
    outputs = {"arn": "ScalableTargetARN"}
    identity = "{resourceId}"
    creates, updates, deletes = "register_scalable_target", "register_scalable_target", "deregister_scalable_target"

    def describe(self, state: Properties) -> Any:
        client = self.client(state)
        found = client.describe_scalable_targets(
            ServiceNamespace=state["serviceNamespace"],
            ResourceIds=[state["resourceId"]],
            ScalableDimension=state["scalableDimension"],
        )["ScalableTargets"]
        if not found:
            return None
        tags = client.list_tags_for_resource(ResourceARN=found[0]["ScalableTargetARN"])["Tags"]
        return {**found[0], "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def creation_tags(self, inputs: Properties) -> Properties:
        tags = self.tags_all(inputs)
        return {"Tags": tags} if tags else {}

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        if removed:
            self.client(state).untag_resource(ResourceARN=state["arn"], TagKeys=list(removed))
        if added:
            self.client(state).tag_resource(ResourceARN=state["arn"], Tags=dict(added))


class Policy(AwsResource):
    sdk = "pulumi_aws.appautoscaling:Policy"
    title = "Application AutoScaling Policy"
    service = "application-autoscaling"
    inputs = properties(
        name=Field(api="PolicyName", replaces=True, computed=True),
        policyType=Field(default="StepScaling", values=("TargetTrackingScaling",)),
        targetTrackingScalingPolicyConfiguration=Field(
            encode=lambda given: _spelled(given, pascal_case), decode=lambda found: _spelled(found, _camel_case)
        ),
        **_SCALED,
    )
    outputs = {"alarmArns": "Alarms[].AlarmARN", "arn": "PolicyARN"}
    identity = "{name}"
    creates, updates, deletes = "put_scaling_policy", "put_scaling_policy", "delete_scaling_policy"
    auto_name = AutoName(max_length=255)

    def describe(self, state: Properties) -> Any:
        found = self.client(state).describe_scaling_policies(
            PolicyNames=[state["name"]],
            ServiceNamespace=state["serviceNamespace"],
            ResourceId=state["resourceId"],
            ScalableDimension=state["scalableDimension"],
        )["ScalingPolicies"]
        return next((each for each in found if each["PolicyName"] == state["name"]), None)


def _same_time(old: str, new: str) -> bool:
    return _time(old) == _time(new)


def _time(text: str) -> datetime | None:
    """Return a time as RFC 3339 has it, with its zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _bound() -> Field:
    return Field(same=_same_time, decode=lambda found: f"{found.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")


class ScheduledAction(AwsResource):
    sdk = "pulumi_aws.appautoscaling:ScheduledAction"
    title = "Application AutoScaling Scheduled Action"
    service = "application-autoscaling"
    inputs = properties(
        endTime=_bound(),
        name=Field(api="ScheduledActionName", replaces=True, computed=True),
        scalableTargetAction=Field(
            encode=lambda given: _spelled(given, pascal_case), decode=lambda found: _spelled(found, _camel_case)
        ),
        schedule=Field(),
        startTime=_bound(),
        timezone=Field(default="UTC"),
        **_SCALED,
    )
    outputs = {"arn": "ScheduledActionARN"}
    identity = "{name}-{serviceNamespace}-{resourceId}"
    creates, updates, deletes = "put_scheduled_action", "put_scheduled_action", "delete_scheduled_action"
    auto_name = AutoName(max_length=256)

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        for name in ("startTime", "endTime"):
            given = inputs.get(name)
            if given not in (None, UNKNOWN) and _time(given) is None:
                yield Violation(name, f"expected a time as RFC 3339 has it, got {given!r}")
        action = inputs.get("scalableTargetAction")
        if action is not UNKNOWN and not action:
            yield Violation("scalableTargetAction", "one of minCapacity and maxCapacity must be given")

    def describe(self, state: Properties) -> Any:
        found = self.client(state).describe_scheduled_actions(
            ScheduledActionNames=[state["name"]],
            ServiceNamespace=state["serviceNamespace"],
            ResourceId=state["resourceId"],
            ScalableDimension=state["scalableDimension"],
        )["ScheduledActions"]
        return found[0] if found else None

    def identified(self) -> Properties:
        # A name may have hyphens, too; the real provider imports none.
        return {}


def _camel_case(name: str) -> str:
    return f"{name[0].lower()}{name[1:]}"


def _spelled(value: Any, spell: Any) -> Any:
    """Return a structure with the names in it spelled otherwise, and without what is not given."""
    if isinstance(value, Mapping):
        fields = cast(Mapping[str, Any], value)
        return {spell(name): _spelled(each, spell) for name, each in fields.items() if each is not None}
    return [_spelled(each, spell) for each in cast(list[Any], value)] if isinstance(value, list) else value
