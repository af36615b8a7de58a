"""A command's progress: the step it is at, what it waits for, and for how long."""

import sys
import threading
import time
from types import TracebackType

REPORT_EVERY = 15.0
"""Seconds between two signs of life where the output is no terminal, so that a log stays short."""


class Step:
    """One step, while it lasts. On a terminal a line that counts the seconds; elsewhere a line now and then."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._waiting_for = ""
        self._started = time.monotonic()
        self._done = threading.Event()
        self._terminal = sys.stderr.isatty()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def waiting_for(self, what: str) -> None:
        """Say what the step waits for from now on."""
        self._waiting_for = what

    def __enter__(self) -> "Step":
        if not self._terminal:
            print(f"{self._what} …", file=sys.stderr, flush=True)
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        self._ticker.join()
        outcome = "failed after" if kind else "done in"
        clear = "\r\033[K" if self._terminal else ""
        print(f"{clear}{self._what}: {outcome} {self._elapsed()}", file=sys.stderr, flush=True)

    def _elapsed(self) -> str:
        return duration(time.monotonic() - self._started)

    def _tick(self) -> None:
        while not self._done.wait(0.5 if self._terminal else REPORT_EVERY):
            detail = f", {self._waiting_for}" if self._waiting_for else ""
            if self._terminal:
                sys.stderr.write(f"\r\033[K{self._what} … {self._elapsed()}{detail}")
                sys.stderr.flush()
            else:
                print(f"{self._what} … {self._elapsed()}{detail}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Format seconds for people: `4 s`, `3 min 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
