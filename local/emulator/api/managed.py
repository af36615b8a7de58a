"""What RDS and ElastiCache have in common: servers at addresses of their own, and work that outlasts the answer."""

import logging
import random
import threading
from collections.abc import Callable
from typing import Protocol

LEAST_SECONDS = 0.5
"""Nothing is over at once on AWS: whoever does not wait is refused here too."""

_LOG = logging.getLogger(__name__)


class Managed(Protocol):
    """What has a server, and says how far it is."""

    status: str


def new_address() -> str:
    """Return an address for a server that no other has, in this emulator or another."""
    return f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.{random.randint(1, 254)}"  # noqa: S311 - an address, no secret


def work_on(
    managed: Managed,
    title: str,
    status: str,
    work: Callable[[], None],
    ended: threading.Event,
    *,
    then: str = "available",
    failed: str,
) -> None:
    """Do what takes time after the request has been answered, as AWS does; `status` says so meanwhile.

    :param title: Names it in the log.
    :param ended: Set when the emulator ends, which waits for nothing.
    :param then: The status afterwards.
    :param failed: The status after an error.
    """

    def run() -> None:
        try:
            work()
            ended.wait(LEAST_SECONDS)
        except Exception:  # noqa: BLE001 - nothing else would end the status; logged with its traceback
            _LOG.exception("%s", title)
            managed.status = failed
        else:
            managed.status = then
            _LOG.info("%s: %s is over", title, status)

    managed.status = status
    threading.Thread(target=run, name=title, daemon=True).start()
