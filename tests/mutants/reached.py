"""Which test reaches which function: the tests that can notice a mutation of it."""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Generator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

Function = tuple[str, str]
"""The path of a module below the repository, and the qualified name."""


class Reached(NamedTuple):
    """The findings of a run of all tests."""

    tests: Mapping[Function, frozenset[str]]
    """The tests that reach a function, by their node ids."""
    imported: frozenset[Function]
    """The functions that are called when a module is imported."""
    seconds: Mapping[str, float]
    """How long each test took."""


class Recorder:
    """A plugin of pytest that records which functions below `root` each test calls, in whatever thread."""

    def __init__(self, root: Path) -> None:
        """Record nothing but what is below `root`."""
        self._below = f"{root}/"
        self._test = ""
        self._tests: defaultdict[Function, set[str]] = defaultdict(set)
        self._seconds: dict[str, float] = {}

    @property
    def reached(self) -> Reached:
        return Reached(
            {function: frozenset(tests - {""}) for function, tests in self._tests.items() if tests != {""}},
            frozenset(function for function, tests in self._tests.items() if "" in tests),
            self._seconds,
        )

    def start(self) -> None:
        """Record from now on; what is called outside of a test is called by an import."""
        threading.settrace(self._called)
        sys.settrace(self._called)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._test = item.nodeid
        started = time.monotonic()
        try:
            return (yield)
        finally:
            self._test = ""
            self._seconds[item.nodeid] = time.monotonic() - started

    def _called(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(self._below):
            self._tests[code.co_filename.removeprefix(self._below), code.co_qualname].add(self._test)
