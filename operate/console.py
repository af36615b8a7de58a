"""How a command speaks: lines on standard error, and the error that ends it with a message and no traceback."""

import sys
from collections.abc import Sequence


class CommandError(Exception):
    """The end of a command that cannot go on: the problem, and what the person can do about it."""

    def __init__(self, problem: str, way_out: str = "") -> None:
        super().__init__(f"{problem}\n  {way_out}" if way_out else problem)


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
