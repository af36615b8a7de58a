"""DAG bundles that cannot be read: Airflow runs on as if nothing were wrong, and the task's log alone tells."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..dags.container import AGAIN, UNREAD
from .running import log_stream

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import TaskTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient

_SAID = re.compile(rf"(DAG bundle \S+) ({UNREAD}: .*|{AGAIN})")

# Airflow tries again every five seconds; the rest is for clocks that differ.
_RECENTLY = timedelta(minutes=5)


def warnings_of_unread(ecs: "ECSClient", logs: "CloudWatchLogsClient", task: "TaskTypeDef") -> list[str]:
    """Return `unread_bundles` of a task that runs, and what that means for it."""
    return [
        f"{line}. Airflow runs without its DAGs, and tries again all the time."
        for line in unread_bundles(ecs, logs, task)
    ]


def unread_bundles(ecs: "ECSClient", logs: "CloudWatchLogsClient", task: "TaskTypeDef") -> list[str]:
    """Return a line for each DAG bundle that a task could not read when it last tried, with the reason.

    What a task said in its last five minutes is read, or in those before now while it runs.
    """
    group, stream = log_stream(ecs, task)
    begin = task.get("stoppedAt", datetime.now(UTC)) - _RECENTLY
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        logStreamNames=[stream],
        startTime=int(begin.timestamp() * 1000),
        filterPattern='"DAG bundle"',
    )
    try:
        messages = [event.get("message", "") for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []
    said = {found[1]: found[2] for message in messages if (found := _SAID.search(message))}
    return [f"{bundle} {what}" for bundle, what in said.items() if what != AGAIN]
