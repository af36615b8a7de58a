"""The emulator's clock, which tests set forward or have go faster: ECS counts in minutes.

It tells how long containers have run, when their health is checked and when what has failed is tried again. What a
container itself does, such as ending on SIGTERM, takes as long as it takes; times of day stay what they are.
"""

import threading
import time

_set_at = time.monotonic()
_showed = 0.0
_rate = 1.0


def now() -> float:
    """Return seconds, of which only differences mean something."""
    return _showed + (time.monotonic() - _set_at) * _rate


def wait(event: threading.Event, seconds: float) -> bool:
    """Wait for an event, for so many seconds of this clock at its present rate; setting it forward ends no wait."""
    return event.wait(seconds / _rate)


def adjust(*, seconds: float = 0, rate: float | None = None) -> None:
    """Let seconds pass at once, or from now on so many in each of this machine's, for every task of this emulator."""
    global _set_at, _showed, _rate
    _showed, _set_at = now() + seconds, time.monotonic()
    _rate = rate or _rate
