"""Application Auto Scaling on top of moto's: target tracking of a metric of one's own, which acts on ECS services.

Targets, policies and metrics are kept by moto, which acts on none of them.
"""

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any, cast

from moto.applicationautoscaling import urls
from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import (
    ApplicationAutoscalingBackend,
    FakeApplicationAutoscalingPolicy,
    FakeScalableTarget,
    applicationautoscaling_backends,
)
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.cloudwatch.models import Alarm, CloudWatchBackend, MetricDatum, cloudwatch_backends
from moto.core.exceptions import JsonRESTError
from moto.utilities.tagging_service import TaggingService

from local.emulator.api.ecs import ControlPlane
from local.emulator.fargate import clock
from local.emulator.fargate.definitions import items
from local.emulator.fargate.scaling import Series, Tracked, Tracking, dimensions_of, wanted
from local.emulator.fargate.service import Service

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 0.2

_COOLDOWN = 300
"""Seconds, unless the policy says otherwise (Application Auto Scaling API reference)."""


def serve_scaling() -> None:
    """Have moto's API know tags, alarms of the metric that is tracked, and what AWS, or this machine, does not serve.

    Must run before the first request.
    """
    urls.url_paths["{0}/$"] = _Response.dispatch
    FakeApplicationAutoscalingPolicy._generate_ecs_alarms = _alarms  # pyright: ignore[reportPrivateUsage] - moto's are of another metric


class Scaling:
    """The policies of every region at work."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._ended = threading.Event()
        self._tracked: dict[str, Tracked] = {}
        self._thread = threading.Thread(target=self._act, name="scaling", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Act no more, and return when that is so."""
        self._ended.set()
        self._thread.join()

    def _act(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            for backend in _backends():
                for policy in list(backend.policies.values()):
                    try:
                        self._follow(backend, policy)
                    except Exception:  # noqa: BLE001 - one policy's failure must not end the loop of all; logged with its traceback
                        _LOG.exception("policy %s", policy.policy_name)

    def _follow(self, backend: ApplicationAutoscalingBackend, policy: FakeApplicationAutoscalingPolicy) -> None:
        target = backend.targets.get(policy.scalable_dimension, {}).get(policy.resource_id)
        if target is None:
            return
        tracking = _tracking(policy, target)
        tracked = self._tracked.setdefault(policy.policy_arn, Tracked())
        values = _values(backend, tracking.series)
        for value in values[tracked.seen :]:
            tracked.course.say(value, tracking.target)
        tracked.seen = len(values)
        with self._plane.lock:
            _, cluster, name = policy.resource_id.split("/")
            service = cast("Service | None", backend.ecs_backend.services.get(f"{cluster}:{name}"))
            if service is None or service.status != "ACTIVE":
                return
            is_deploying = len(service.deployments) > 1
            count = wanted(tracking, tracked, service.desired_count, clock.now(), is_deploying=is_deploying)
            if count != service.desired_count:
                _LOG.info(
                    "service %s: %s has it scaled from %d to %d", name, policy.policy_name, service.desired_count, count
                )
                service.scale(count)
                # What was said before was said of another number of tasks.
                self._tracked[policy.policy_arn] = Tracked(seen=tracked.seen, scaled_at=clock.now())


def _tracking(policy: FakeApplicationAutoscalingPolicy, target: FakeScalableTarget) -> Tracking:
    configuration = _configuration(policy)
    return Tracking(
        series=_series(configuration["CustomizedMetricSpecification"]),
        target=float(configuration["TargetValue"]),
        least=int(target.min_capacity or 0),
        most=int(target.max_capacity or 0),
        scale_out_cooldown=configuration.get("ScaleOutCooldown", _COOLDOWN),
        scale_in_cooldown=configuration.get("ScaleInCooldown", _COOLDOWN),
        scales_in=not configuration.get("DisableScaleIn", False),
    )


def _configuration(policy: FakeApplicationAutoscalingPolicy) -> Mapping[str, Any]:
    return policy.target_tracking_scaling_policy_configuration or {}


def _series(specification: dict[str, Any]) -> Series:
    dimensions = {each["Name"]: each["Value"] for each in items(specification, "Dimensions")}
    return specification["Namespace"], specification["MetricName"], dimensions_of(dimensions)


def _values(backend: ApplicationAutoscalingBackend, series: Series) -> list[float]:
    cloudwatch: CloudWatchBackend = cloudwatch_backends[backend.account_id][backend.region_name]
    namespace, name, dimensions = series
    return [
        each.value
        for each in list(cloudwatch.metric_data)
        if isinstance(each, MetricDatum)
        and (each.namespace, each.name) == (namespace, name)
        and dimensions_of({str(known.name): str(known.value) for known in each.dimensions}) == dimensions
    ]


def _alarms(self: FakeApplicationAutoscalingPolicy) -> list[Alarm]:
    """Return the two alarms of a policy; refuse one that is not served here."""
    specification: dict[str, Any] = _configuration(self).get("CustomizedMetricSpecification") or {}
    if self.scalable_dimension != "ecs:service:DesiredCount" or "MetricName" not in specification:
        raise AWSValidationException(
            "The local cloud scales the desired count of ECS services, by target tracking with a "
            "CustomizedMetricSpecification of one metric"
        )
    cloudwatch: CloudWatchBackend = cloudwatch_backends[self.account_id][self.region_name]
    target = float(_configuration(self)["TargetValue"])
    return [
        cloudwatch.put_metric_alarm(
            name=f"TargetTracking-{self.resource_id}-{name}-{self.policy_arn.split(':')[6]}",
            namespace=specification["Namespace"],
            metric_name=specification["MetricName"],
            comparison_operator=comparison,
            evaluation_periods=periods,
            period=60,
            threshold=threshold,
            statistic=specification["Statistic"],
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {self.policy_arn}",
            dimensions=items(specification, "Dimensions"),
            alarm_actions=[self.policy_arn],
        )
        for name, comparison, periods, threshold in (
            ("AlarmHigh", "GreaterThanThreshold", 3, target),
            ("AlarmLow", "LessThanThreshold", 15, target * 0.9),
        )
    ]


_tags: TaggingService = TaggingService()


class _Response(ApplicationAutoScalingResponse):
    """moto's endpoint, with what it lacks."""

    def register_scalable_target(self) -> str:
        answer = super().register_scalable_target()
        if tags := self._get_param("Tags"):
            arn: str = json.loads(answer)["ScalableTargetARN"]
            _tags.tag_resource(arn, TaggingService.convert_dict_to_tags_input(tags))
        return answer

    def deregister_scalable_target(self) -> str:
        backend, resource = self.applicationautoscaling_backend, self._get_param("ResourceId")
        for policy in [each for each in backend.policies.values() if each.resource_id == resource]:
            backend.delete_scaling_policy(
                policy.policy_name, policy.service_namespace, policy.resource_id, policy.scalable_dimension
            )
        try:
            return super().deregister_scalable_target()
        except AWSValidationException as error:
            raise self._missing("No scalable target found") from error

    def put_scaling_policy(self) -> str:
        dimension, resource = self._get_param("ScalableDimension"), self._get_param("ResourceId")
        if resource not in self.applicationautoscaling_backend.targets.get(dimension, {}):
            raise self._missing("No scalable target registered")
        return super().put_scaling_policy()

    def delete_scaling_policy(self) -> str:
        try:
            return super().delete_scaling_policy()
        except AWSValidationException as error:
            raise self._missing("No scaling policy found") from error

    def _missing(self, what: str) -> JsonRESTError:
        namespace, resource = self._get_param("ServiceNamespace"), self._get_param("ResourceId")
        return JsonRESTError(
            "ObjectNotFoundException",
            f"{what} for service namespace: {namespace}, resource ID: {resource}, "
            f"scalable dimension: {self._get_param('ScalableDimension')}",
        )

    def put_scheduled_action(self) -> str:
        raise AWSValidationException("The local cloud has no scheduled actions: use a scaling policy")

    def list_tags_for_resource(self) -> str:
        return json.dumps({"Tags": _tags.get_tag_dict_for_resource(self._get_param("ResourceARN"))})

    def tag_resource(self) -> str:
        given = TaggingService.convert_dict_to_tags_input(self._get_param("Tags"))
        _tags.tag_resource(self._get_param("ResourceARN"), given)
        return "{}"

    def untag_resource(self) -> str:
        _tags.untag_resource_using_names(self._get_param("ResourceARN"), self._get_param("TagKeys"))
        return "{}"


def _backends() -> Iterator[ApplicationAutoscalingBackend]:
    for account in list(applicationautoscaling_backends.values()):
        yield from list(account.values())
