"""The emulator's clock, which tests set forward or have go faster: ECS counts in minutes.

It tells how long containers have run, when their health is checked, when what has failed is tried again, and at which
time of day what is scheduled is due. What a container itself does, such as ending on SIGTERM, takes as long as it
takes; all other times of day stay what they are.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

_began = _set_at = time.monotonic()
_showed = 0.0
_rate = 1.0


def now() -> float:
    """Return seconds, of which only differences mean something."""
    return _showed + (time.monotonic() - _set_at) * _rate


def time_of_day() -> datetime:
    """Return this machine's, and what this clock is ahead of it."""
    return datetime.now(UTC) + timedelta(seconds=now() - (time.monotonic() - _began))


def wait(event: threading.Event, seconds: float) -> bool:
    """Wait for an event, for so many seconds of this clock at its present rate; setting it forward ends no wait."""
    return event.wait(seconds / _rate)


def adjust(*, seconds: float = 0, rate: float | None = None) -> None:
    """Let seconds pass at once, or from now on so many in each of this machine's, for every task of this emulator."""
    global _set_at, _showed, _rate
    _showed, _set_at = now() + seconds, time.monotonic()
    _rate = rate or _rate
