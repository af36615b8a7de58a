"""Temporary local clouds: each in its own folder and on a free port, for as long as it is needed."""

import socket
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.cloud import Cloud
from local.engine.choose import Engine
from local.paths import Home
from local.testing.controls import hurry


@contextmanager
def temporary_cloud(
    folder: Path,
    found: Engine,
    images: Mapping[str, Path],
    *,
    python: Path = Path(sys.executable),
    clock_rate: float = 1,
) -> Generator[Cloud]:
    """Start a cloud, and end its processes in the end. Its folder stays, and so does what is in its state.

    :param images: The environment that stands for each image, by the image's name and tag.
    :param python: What runs the provider stand-ins.
    :param clock_rate: How many times as fast as this machine's its clock goes, by which health is checked.
    """
    cloud = Cloud(Home(folder), free_port(), found, python=python)
    cloud.prepare()
    cloud.start(images)
    try:
        hurry(cloud.emulator.endpoint, clock_rate)
        yield cloud
    finally:
        cloud.emulator.stop()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
