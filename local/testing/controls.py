"""How a test has an emulator behave otherwise (local/emulator/__main__.py lists the ways)."""

import json
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


def pass_time(endpoint: str, seconds: float) -> None:
    """Set the emulator's clock forward."""
    _put(endpoint, "/clock", {"seconds": seconds})


def hurry(endpoint: str, rate: float) -> None:
    """Let the emulator's clock go so many times as fast as this machine's."""
    _put(endpoint, "/clock", {"rate": rate})


@contextmanager
def limits(endpoint: str, **limits: Any) -> Generator[None]:
    """Set Fargate's limits (`vcpus`, `full_zones`, `pulls`) for the length of the block."""
    _put(endpoint, "/limits", limits)
    try:
        yield
    finally:
        _put(endpoint, "/limits", {})


@contextmanager
def quotas(endpoint: str, **quotas: int) -> Generator[None]:
    """Have the account granted other quotas of IAM (`policies_per_role`) for the length of the block."""
    _put(endpoint, "/quotas", quotas)
    try:
        yield
    finally:
        _put(endpoint, "/quotas", {})


@contextmanager
def slow_databases(endpoint: str, creating_seconds: float) -> Generator[None]:
    """Have new RDS instances be `creating` for so long, in the block."""
    _put(endpoint, "/databases", {"creating_seconds": creating_seconds})
    try:
        yield
    finally:
        _put(endpoint, "/databases", {"creating_seconds": 0})


def _put(endpoint: str, path: str, body: object) -> None:
    request = urllib.request.Request(f"{endpoint}{path}", json.dumps(body).encode(), method="PUT")
    urllib.request.urlopen(request).close()
