"""How a test has an emulator behave otherwise (local/emulator/__main__.py lists the ways)."""

import json
import urllib.request
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


def pass_time(endpoint: str, seconds: float) -> None:
    """Set the emulator's clock forward."""
    _put(endpoint, "/clock", {"seconds": seconds})


def hurry(endpoint: str, rate: float) -> None:
    """Let the emulator's clock go so many times as fast as this machine's."""
    _put(endpoint, "/clock", {"rate": rate})


def limits(endpoint: str, **limits: Any) -> AbstractContextManager[None]:
    """Set Fargate's limits (`vcpus`, `full_zones`, `pulls`) for the length of the block."""
    return _for_a_while(endpoint, "/limits", limits, {})


def quotas(endpoint: str, **quotas: int) -> AbstractContextManager[None]:
    """Have the account granted other quotas of IAM (`policies_per_role`) for the length of the block."""
    return _for_a_while(endpoint, "/quotas", quotas, {})


def slow_databases(endpoint: str, creating_seconds: float) -> AbstractContextManager[None]:
    """Have new RDS instances be `creating` for so long, in the block."""
    return _for_a_while(endpoint, "/databases", {"creating_seconds": creating_seconds}, {"creating_seconds": 0})


@contextmanager
def _for_a_while(endpoint: str, path: str, body: object, afterwards: object) -> Generator[None]:
    _put(endpoint, path, body)
    try:
        yield
    finally:
        _put(endpoint, path, afterwards)


def _put(endpoint: str, path: str, body: object) -> None:
    request = urllib.request.Request(f"{endpoint}{path}", json.dumps(body).encode(), method="PUT")
    urllib.request.urlopen(request).close()
