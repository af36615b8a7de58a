"""A log group, as text: everything so far, and what is added."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

POLL_SECONDS = 1.0
OVERLAP_MS = 10_000
"""How far back a poll looks again: events become visible later than their own timestamps say, and not in order."""


def lines(logs: "CloudWatchLogsClient", log_group: str, *, follow: bool = False) -> Iterator[str]:
    """Yield the messages of all streams of a log group in the order of their timestamps.

    :param follow: Whether to wait for further messages, for ever.
    """
    seen: dict[str, int] = {}
    start = 0
    while True:
        events: list[FilteredLogEventTypeDef] = []
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=log_group, startTime=start):
            events += page["events"]
        for event in sorted(events, key=lambda event: event.get("timestamp", 0)):
            identity = event.get("eventId", "")
            if identity not in seen:
                seen[identity] = event.get("timestamp", 0)
                yield event.get("message", "")
        if not follow:
            return
        start = max([start, *(stamp - OVERLAP_MS for stamp in seen.values())])
        seen = {identity: stamp for identity, stamp in seen.items() if stamp >= start}
        time.sleep(POLL_SECONDS)
