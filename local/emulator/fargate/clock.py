"""The emulator's clock, which can be set forward: ECS counts in minutes what no test wants to sit through.

It tells how long containers have run and when what has failed is tried again. What waits, such as the interval between
two health checks, waits as long as before; times of day stay what they are.
"""

import time

_ahead = 0.0


def now() -> float:
    """Return seconds, of which only differences mean something."""
    return time.monotonic() + _ahead


def set_forward(seconds: float) -> None:
    """Let that many seconds pass at once, for every task of this emulator."""
    global _ahead
    _ahead += seconds
