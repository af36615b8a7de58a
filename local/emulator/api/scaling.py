"""Application Auto Scaling on top of moto's, which acts on ECS services: by a metric of one's own, and by the clock.

Targets, policies, scheduled actions and metrics are kept by moto, which acts on none of them.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from weakref import WeakKeyDictionary

from moto.applicationautoscaling import urls
from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import (
    ApplicationAutoscalingBackend,
    FakeApplicationAutoscalingPolicy,
    FakeScalableTarget,
    FakeScheduledAction,
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
from local.emulator.fargate.schedule import Schedule, ScheduleError, schedule_of
from local.emulator.fargate.service import Service

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 0.2

_COOLDOWN = 300
"""Seconds, unless the policy says otherwise (Application Auto Scaling API reference)."""

_MOST_ACTIONS = 200
"""Scheduled actions that a target has at most (Application Auto Scaling user guide, "Quotas")."""


def serve_scaling() -> None:
    """Have moto's API know tags, alarms of the metric that is tracked, and what AWS, or this machine, does not serve.

    Must run before the first request.
    """
    urls.url_paths["{0}/$"] = _Response.dispatch
    FakeApplicationAutoscalingPolicy._generate_ecs_alarms = _alarms  # pyright: ignore[reportPrivateUsage] - moto's are of another metric


class Scaling:
    """The scheduled actions and the policies of every region at work."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._ended = threading.Event()
        self._tracked: dict[str, Tracked] = {}
        self._known_since: WeakKeyDictionary[FakeScheduledAction, datetime] = WeakKeyDictionary()
        self._thread = threading.Thread(target=self._act, name="scaling", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Act no more, and return when that is so."""
        self._ended.set()
        self._thread.join()

    def _act(self) -> None:
        looked_at = clock.time_of_day()
        while not self._ended.wait(_TICK_SECONDS):
            now = clock.time_of_day()
            for backend in _backends():
                for action in self._due(backend, looked_at, now):
                    self._try(action.scheduled_action_name, self._run, backend, action)
                for policy in list(backend.policies.values()):
                    self._try(policy.policy_name, self._follow, backend, policy)
            looked_at = now

    def _due(
        self, backend: ApplicationAutoscalingBackend, after: datetime, until: datetime
    ) -> list[FakeScheduledAction]:
        """Return the actions of a span in their order; one that has come more than once there is there once."""
        found: list[tuple[datetime, FakeScheduledAction]] = []
        for action in list(backend.scheduled_actions):
            # moto keeps the times of the request, which are numbers, whatever it calls them.
            start, end = cast("float | None", action.start_time), cast("float | None", action.end_time)
            known_since = self._known_since.setdefault(action, until)
            if moment := _schedule(action.schedule, action.timezone, start, end, known_since).last(after, until):
                found.append((moment, action))
        return [action for _, action in sorted(found, key=lambda each: each[0])]

    def _try(self, name: str, call: Callable[..., None], *given: Any) -> None:
        try:
            call(*given)
        except Exception:  # noqa: BLE001 - one failure must not end the loop of all; logged with its traceback
            _LOG.exception("%s", name)

    def _run(self, backend: ApplicationAutoscalingBackend, action: FakeScheduledAction) -> None:
        """Give the target its new bounds, and as many tasks as they ask for."""
        target = backend.targets[action.scalable_dimension][action.resource_id]
        given = cast(Mapping[str, int], action.scalable_target_action)
        least = given.get("MinCapacity", target.min_capacity or 0)
        most = given.get("MaxCapacity", target.max_capacity or 0)
        if least > most:
            _LOG.error("%s: the minimum of %s would be %d, above its maximum", action.arn, target.resource_id, least)
            return
        target.min_capacity, target.max_capacity = least, most
        with self._plane.lock:
            if service := _service(backend, action.resource_id):
                count = min(max(service.desired_count, least), most)
                self._scale(backend, service, action.resource_id, count, action.scheduled_action_name)

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
            if service := _service(backend, policy.resource_id):
                is_deploying = len(service.deployments) > 1
                count = wanted(tracking, tracked, service.desired_count, clock.now(), is_deploying=is_deploying)
                self._scale(backend, service, policy.resource_id, count, policy.policy_name)

    def _scale(
        self, backend: ApplicationAutoscalingBackend, service: Service, resource_id: str, count: int, by: str
    ) -> None:
        if count == service.desired_count:
            return
        _LOG.info("service %s: %s has it scaled from %d to %d", service.name, by, service.desired_count, count)
        service.scale(count)
        for policy in backend.policies.values():
            if policy.resource_id == resource_id and (tracked := self._tracked.get(policy.policy_arn)):
                # What was said before was said of another number of tasks.
                self._tracked[policy.policy_arn] = Tracked(seen=tracked.seen, scaled_at=clock.now())


def _service(backend: ApplicationAutoscalingBackend, resource_id: str) -> Service | None:
    _, cluster, name = resource_id.split("/")
    service = cast("Service | None", backend.ecs_backend.services.get(f"{cluster}:{name}"))
    return service if service is not None and service.status == "ACTIVE" else None


def _schedule(
    expression: str, timezone: str | None, start: float | None, end: float | None, known_since: datetime
) -> Schedule:
    first, last = (None if each is None else datetime.fromtimestamp(each, UTC) for each in (start, end))
    return schedule_of(expression, timezone or "UTC", first, last, known_since)


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


def _refuse_action(request: Mapping[str, Any]) -> None:
    """Raise for a scheduled action that AWS, or this machine, does not have."""
    bounds: Mapping[str, int] = request["ScalableTargetAction"] or {}
    least, most = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
    if not request["Schedule"] or (least is None and most is None):
        raise AWSValidationException("Schedule and ScalableTargetAction, with one capacity at least, must be specified")
    if min(bounds.values()) < 0 or (least is not None and most is not None and least > most):
        raise AWSValidationException("Capacities must not be negative, nor the minimum above the maximum")
    try:
        start, end = request.get("StartTime"), request.get("EndTime")
        _schedule(request["Schedule"], request["Timezone"], start, end, clock.time_of_day())
    except ScheduleError as error:
        raise AWSValidationException(str(error)) from error


_tags: TaggingService = TaggingService()


class _Response(ApplicationAutoScalingResponse):
    """moto's endpoint, with what it lacks."""

    def register_scalable_target(self) -> str:
        suspended: Mapping[str, bool] = self._get_param("SuspendedState") or {}
        if any(suspended.values()):
            raise AWSValidationException("The local cloud suspends no scaling: leave out SuspendedState")
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
        backend.scheduled_actions = [each for each in backend.scheduled_actions if each.resource_id != resource]
        try:
            return super().deregister_scalable_target()
        except AWSValidationException as error:
            raise self._missing("No scalable target found") from error

    def put_scaling_policy(self) -> str:
        self._refuse_unregistered()
        return super().put_scaling_policy()

    def delete_scaling_policy(self) -> str:
        try:
            return super().delete_scaling_policy()
        except AWSValidationException as error:
            raise self._missing("No scaling policy found") from error

    def put_scheduled_action(self) -> str:
        self._refuse_unregistered()
        before = self._actions_of_target().get(self._get_param("ScheduledActionName"))
        if before is None and len(self._actions_of_target()) >= _MOST_ACTIONS:
            raise JsonRESTError(
                "LimitExceededException", f"A scalable target has at most {_MOST_ACTIONS} scheduled actions"
            )
        # An update keeps what it does not name, but for start and end.
        kept = {
            "Schedule": before.schedule if before else None,
            "Timezone": before.timezone if before else None,
            "ScalableTargetAction": before.scalable_target_action if before else None,
        }
        _refuse_action({**kept, **json.loads(self.body)})
        return super().put_scheduled_action()

    def delete_scheduled_action(self) -> str:
        if self._get_param("ScheduledActionName") not in self._actions_of_target():
            raise self._missing("No scheduled action found")
        return super().delete_scheduled_action()

    def _actions_of_target(self) -> dict[str, FakeScheduledAction]:
        target = (self._get_param("ResourceId"), self._get_param("ScalableDimension"))
        return {
            each.scheduled_action_name: each
            for each in self.applicationautoscaling_backend.scheduled_actions
            if (each.resource_id, each.scalable_dimension) == target
        }

    def _refuse_unregistered(self) -> None:
        dimension, resource = self._get_param("ScalableDimension"), self._get_param("ResourceId")
        if resource not in self.applicationautoscaling_backend.targets.get(dimension, {}):
            raise self._missing("No scalable target registered")

    def _missing(self, what: str) -> JsonRESTError:
        namespace, resource = self._get_param("ServiceNamespace"), self._get_param("ResourceId")
        return JsonRESTError(
            "ObjectNotFoundException",
            f"{what} for service namespace: {namespace}, resource ID: {resource}, "
            f"scalable dimension: {self._get_param('ScalableDimension')}",
        )

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
