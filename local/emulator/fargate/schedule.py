"""Schedules of Application Auto Scaling, `at(…)`, `rate(…)` and `cron(…)`, of which one asks when they came last."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class ScheduleError(ValueError):
    """What is wrong with a schedule."""


@dataclass(frozen=True)
class Schedule(ABC):
    """Moments in UTC."""

    @abstractmethod
    def last(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last moment after one and not after another; None if there is none."""


@dataclass(frozen=True)
class _At(Schedule):
    moment: datetime

    def last(self, after: datetime, until: datetime) -> datetime | None:
        return self.moment if after < self.moment <= until else None


@dataclass(frozen=True)
class _Rate(Schedule):
    """One period after the beginning, and so on."""

    period: timedelta
    beginning: datetime

    def last(self, after: datetime, until: datetime) -> datetime | None:
        periods = (until - self.beginning) // self.period
        moment = self.beginning + periods * self.period
        return moment if periods > 0 and moment > after else None


@dataclass(frozen=True)
class _Cron(Schedule):
    """What the clocks of a zone show; a time that they leave out does not come, and one that they repeat comes once."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    zone: ZoneInfo

    def last(self, after: datetime, until: datetime) -> datetime | None:
        first, day = after.astimezone(self.zone).date(), until.astimezone(self.zone).date()
        while day >= first:
            if self._has(day):
                for moment in self._moments(day):
                    if after < moment <= until:
                        return moment
            day -= timedelta(days=1)
        return None

    def _has(self, day: date) -> bool:
        return (
            day.year in self.years
            and day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 + 1 in self.weekdays
        )

    def _moments(self, day: date) -> Iterator[datetime]:
        """Return those of a day, the last one first."""
        for hour in sorted(self.hours, reverse=True):
            for minute in sorted(self.minutes, reverse=True):
                shown = datetime.combine(day, time(hour, minute), self.zone)
                moment = shown.astimezone(UTC)
                if moment.astimezone(self.zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
                    yield moment


@dataclass(frozen=True)
class _Bounded(Schedule):
    """A recurring schedule with its start, at which it comes too, and with its end."""

    schedule: Schedule
    start: datetime | None
    end: datetime | None

    def last(self, after: datetime, until: datetime) -> datetime | None:
        if self.end is not None:
            until = min(until, self.end)
        if self.start is None:
            return self.schedule.last(after, until)
        found = self.schedule.last(max(after, self.start), until)
        return found or _At(self.start).last(after, until)


@lru_cache(1000)
def schedule_of(
    expression: str, timezone: str, start: datetime | None, end: datetime | None, known_since: datetime
) -> Schedule:
    """Return what an expression says; raise ScheduleError for one that is none, or none that this machine reads.

    :param timezone: By its IANA name, for `at` and `cron`.
    :param known_since: From when `rate` counts if there is no start.
    """
    if timezone not in available_timezones():
        raise ScheduleError(f"Invalid timezone: {timezone}")
    if start and end and start >= end:
        raise ScheduleError("The start time must be before the end time")
    found = re.fullmatch(r"(at|rate|cron)\(([^()]*)\)", expression)
    if found is None:
        raise ScheduleError(f"Invalid schedule expression: {expression}; use at(…), rate(…) or cron(…)")
    kind, text = found.groups()
    if kind == "at":
        if start or end:
            raise ScheduleError("The local cloud has at(…) without start time and end time: it comes once")
        return _at(text, ZoneInfo(timezone))
    recurring = _cron(text, ZoneInfo(timezone)) if kind == "cron" else _rate(text, start or known_since)
    return _Bounded(recurring, start, end)


def _at(text: str, zone: ZoneInfo) -> Schedule:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text):
            return _At(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC))
    except ValueError:
        pass
    raise ScheduleError(f"Invalid schedule expression: at({text}); use at(yyyy-mm-ddThh:mm:ss)")


def _rate(text: str, beginning: datetime) -> Schedule:
    # Amazon EventBridge user guide, "Rate expressions": one minute, two minutes.
    found = re.fullmatch(r"(?:1 (minute|hour|day)|(?!1 )([1-9]\d{0,5}) (minute|hour|day)s)", text)
    if found is None:
        raise ScheduleError(f"Invalid schedule expression: rate({text}); use rate(1 hour), rate(5 minutes)")
    one, number, several = found.groups()
    return _Rate(_UNITS[one or several] * int(number or 1), beginning)


def _cron(text: str, zone: ZoneInfo) -> Schedule:
    # Application Auto Scaling user guide, "Schedule recurring scaling actions using cron expressions", which has the
    # syntax of Amazon EventBridge.
    fields = text.split()
    if len(fields) != 6:
        raise ScheduleError(
            f"Invalid schedule expression: cron({text}) has {len(fields)} fields, not 6: minutes, hours, day of month, "
            "month, day of week, year"
        )
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ScheduleError(
            f"Invalid schedule expression: cron({text}); use ? in one of day of month and day of week, and only there"
        )
    return _Cron(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        days=_numbers("*" if day == "?" else day, 1, 31),
        months=_numbers(month, 1, 12, _MONTHS),
        weekdays=_numbers("*" if weekday == "?" else weekday, 1, 7, _WEEKDAYS),
        years=_numbers(year, 1970, 2199),
        zone=zone,
    )


def _numbers(field: str, least: int, most: int, names: Sequence[str] = ()) -> frozenset[int]:
    """Return the numbers that a field names: single ones, names, ranges, `*`, and every n-th of these."""
    for name in names:
        field = re.sub(rf"\b{name}\b", str(least + names.index(name)), field)
    numbers: set[int] = set()
    for part in field.split(","):
        found = re.fullmatch(r"(?:\*|(\d{1,4})(?:-(\d{1,4}))?)(?:/(\d{1,4}))?", part)
        if found is None:
            raise ScheduleError(
                f"Invalid schedule expression: {part!r} in cron(…); the local cloud reads numbers from {least} to "
                f"{most}, names, and , - * /"
            )
        low, high, step = found.groups()
        first = least if low is None else int(low)
        last = int(high) if high else first if low and not step else most
        if not least <= first <= last <= most or step == "0":
            raise ScheduleError(f"Invalid schedule expression: {part!r} in cron(…) is not within {least} to {most}")
        numbers.update(range(first, last + 1, int(step or 1)))
    return frozenset(numbers)
