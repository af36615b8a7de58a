"""What target tracking makes of a metric, whose next step is a pure function of what was said of it."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.emulator.fargate import clock

Series = tuple[str, str, tuple[tuple[str, str], ...]]
"""A metric by its namespace, its name and its dimensions in order."""

# The alarms that Application Auto Scaling makes: so many minutes in a row above the target, or below nine tenths of it.
_PERIOD = 60.0
_HIGH, _LOW = 3, 15
_LOW_SHARE = 0.9

# In seconds of this machine: whoever says nothing for longer has data missing.
_FRESH = 150.0


@dataclass(frozen=True)
class Tracking:
    """A scaling policy with its target, as AWS has it."""

    series: Series
    target: float
    least: int
    most: int
    scale_out_cooldown: float
    scale_in_cooldown: float
    scales_in: bool


@dataclass
class Course:
    """What was said of a metric since the last activity: the last value counts until another one is said.

    Time is the emulator's clock, and what publishes a metric goes by this machine's: where the one is faster, a value
    stands for more than its minute.
    """

    value: float | None = None
    said_at: float = 0.0
    """By this machine's clock."""
    above_since: float | None = None
    below_since: float | None = None

    def say(self, value: float, target: float) -> None:
        now = clock.now()
        self.value, self.said_at = value, time.monotonic()
        self.above_since = (self.above_since if self.above_since is not None else now) if value > target else None
        is_low = value < target * _LOW_SHARE
        self.below_since = (self.below_since if self.below_since is not None else now) if is_low else None


@dataclass
class Tracked:
    """A policy at work: the course of its metric, and when it last acted, by the emulator's clock."""

    course: Course = field(default_factory=Course)
    seen: int = 0
    """How many values of its metric it has taken notice of."""
    scaled_at: float = -math.inf


def wanted(policy: Tracking, tracked: Tracked, desired: int, now: float, *, is_deploying: bool) -> int:
    """Return the desired count that follows from the course of the metric.

    From nothing it scales out by one, on the first value above the target (ECS developer guide, "Service auto
    scaling"); otherwise in proportion, and in no earlier than a deployment is over.

    :param now: By the emulator's clock.
    """
    bounded = min(max(desired, policy.least), policy.most)
    course = tracked.course
    if bounded != desired or course.value is None or time.monotonic() - course.said_at > _FRESH:
        return bounded
    if desired == 0:
        return 1 if course.value > policy.target else 0
    proportional = math.ceil(desired * course.value / policy.target)
    since_activity = now - tracked.scaled_at
    if _lasts(course.above_since, _HIGH, now) and since_activity >= policy.scale_out_cooldown:
        return min(max(proportional, desired + 1), policy.most)
    if (
        policy.scales_in
        and not is_deploying
        and _lasts(course.below_since, _LOW, now)
        and since_activity >= policy.scale_in_cooldown
    ):
        return max(min(proportional, desired), policy.least)
    return desired


def dimensions_of(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the dimensions of a metric in order."""
    return tuple(sorted(given.items()))


def _lasts(since: float | None, periods: int, now: float) -> bool:
    """Whether so many values in a row, one a period, would have said the same."""
    return since is not None and now - since >= (periods - 1) * _PERIOD
