"""How a command speaks: lines on standard error, and the error that ends it with a message and no traceback."""

import sys
from collections.abc import Callable, Sequence

INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended, as shells have it: 128 and the signal's number."""


class CommandError(Exception):
    """The end of a command that cannot go on: the problem, and what the person can do about it."""

    def __init__(self, problem: str, way_out: str = "") -> None:
        super().__init__(f"{problem}\n  {way_out}" if way_out else problem)


def ended(command: Callable[[], int], left: str = "") -> int:
    """Run a command to its end and return its exit code: 1 after a `CommandError`, which is said without a traceback.

    :param left: What is to be said after Ctrl-C of how things are, or how to go on.
    """
    try:
        return command()
    except CommandError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say(f"\ninterrupted{f': {left}' if left else ''}")
        return INTERRUPTED


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return lines of cells whose columns stand below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def say(message: str) -> None:
    """Print a line about what is going on; standard output is kept for what a command is asked for."""
    print(message, file=sys.stderr, flush=True)


def age(seconds: float) -> str:
    """Return the two largest units that count: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    minutes, hours, days = round(seconds) // 60, round(seconds) // 3600, round(seconds) // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{round(seconds)} s"
