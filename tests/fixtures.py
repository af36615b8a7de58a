"""Fixtures of more than one ring, imported by their conftests."""

from collections.abc import Generator

import pytest

from local.warm import WarmPython


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Generator[WarmPython]:
    """Return a Python that has imported the SDKs when it starts."""
    with WarmPython(tmp_path_factory.mktemp("warm")) as python:
        yield python
