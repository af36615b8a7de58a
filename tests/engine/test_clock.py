"""The emulator's clock: what has passed stays passed, whatever it is set to."""

import threading
import time
from collections.abc import Generator

import pytest

from local.emulator.fargate import clock


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    yield
    clock.adjust(rate=1)


def test_it_is_set_forward_and_goes_on_from_there() -> None:
    before = clock.now()

    clock.adjust(seconds=300)

    assert 300 <= clock.now() - before < 301


def test_it_goes_faster_from_now_on_and_waits_are_shorter() -> None:
    clock.adjust(rate=1000)
    before, began = clock.now(), time.monotonic()

    assert not clock.wait(threading.Event(), 100)

    assert 0.1 <= time.monotonic() - began < 1
    assert clock.now() - before >= 100


def test_what_is_waited_for_ends_the_wait() -> None:
    event = threading.Event()
    event.set()

    assert clock.wait(event, 100)
