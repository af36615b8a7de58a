"""Airflow's DAG bundles as this component has them in the container, where these modules are `airflow_fargate_dags`.

They use nothing but the standard library, boto3 and the image's Airflow, on Python 3.10 and later. Airflow logs a
traceback when a bundle cannot be read, and goes on as if nothing were wrong; these say it in one line besides.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator

UNREAD = "cannot be read"
AGAIN = "is read again"

_LONGEST_REASON = 300

_unread: set[str] = set()


@contextlib.contextmanager
def told(bundle: str) -> Generator[None]:
    """Say in one line of the log what keeps a bundle from being read, and when that is over; the error goes on."""
    try:
        yield
    except Exception as error:
        print(f"DAG bundle {bundle} {UNREAD}: {reason(error)}", flush=True)
        _unread.add(bundle)
        raise
    if bundle in _unread:
        print(f"DAG bundle {bundle} {AGAIN}", flush=True)
        _unread.remove(bundle)


def reason(error: BaseException) -> str:
    """Return in one line what an error comes from, without the user and password of a URL."""
    while error.__cause__ is not None:
        error = error.__cause__
    # What Git says is in its output, not in the error.
    words = " ".join(str(getattr(error, "stderr", "") or error).split())
    words = re.sub(r"(://)[^/@\s]*@", r"\1", words.removeprefix("stderr: "))
    return f"{type(error).__name__}: {words}"[:_LONGEST_REASON]
