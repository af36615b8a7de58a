"""Waiting for what comes about by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

from operate.console import CommandError

T = TypeVar("T")


def until(what: Callable[[], T | None], seconds: float, waiting_for: str, *, every: float = 0.1) -> T:
    """Ask again and again, and return the first answer that is true; a server that cannot be reached has none yet.

    :param seconds: How long to ask before it is a `CommandError`.
    :param waiting_for: What was waited for, in the words of the error: "a healthy task".
    :param every: Seconds between two questions.
    """
    deadline = time.monotonic() + seconds
    unreachable: OSError | None = None
    while time.monotonic() < deadline:
        try:
            answer = what()
        except OSError as error:
            unreachable = error
        else:
            if answer:
                return answer
        time.sleep(every)
    raise CommandError(f"Waited {seconds:.0f} s for {waiting_for}: {unreachable or 'in vain'}.") from unreachable
