"""The awslogs driver: what a container writes becomes events of its log stream."""

import os
import threading
import time
from typing import Any

from moto.logs.models import LogsBackend, logs_backends

# An event holds at most 256 KB less 26 bytes (CloudWatch Logs quotas).
_EVENT_BYTES = 262_144 - 26
_READ_BYTES = 64 * 1024


class LogStream:
    """`<prefix>/<container>/<task id>` in a log group, which must exist (else moto's ResourceNotFoundException)."""

    def __init__(self, account_id: str, region: str, group: str, name: str) -> None:
        self.group = group
        self.name = name
        self._backend: LogsBackend = logs_backends[account_id][region]
        self._backend.ensure_log_stream(group, name)

    def put(self, lines: list[str]) -> None:
        now = int(time.time() * 1000)
        events: list[dict[str, Any]] = [{"timestamp": now, "message": line} for line in lines]
        # A group that was deleted under a running task swallows its lines, as on AWS.
        if self.group in self._backend.groups and self.name in self._backend.groups[self.group].streams:
            self._backend.put_log_events(self.group, self.name, events)


class LogPipe:
    """The write end is a container's standard output; each read of the other end is one batch of events."""

    def __init__(self, stream: LogStream | None) -> None:
        self._stream = stream
        self._reader, self.writer = os.pipe()
        self._thread = threading.Thread(target=self._pump, name="awslogs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close our write end, and wait until what the container wrote is in the stream."""
        os.close(self.writer)
        self._thread.join()

    def _pump(self) -> None:
        rest = b""
        while chunk := os.read(self._reader, _READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) >= _EVENT_BYTES:
                lines, rest = [*lines, rest[:_EVENT_BYTES]], rest[_EVENT_BYTES:]
            self._put(lines)
        self._put([rest])
        os.close(self._reader)

    def _put(self, lines: list[bytes]) -> None:
        texts = [line[:_EVENT_BYTES].decode(errors="replace").rstrip("\r") for line in lines]
        # CloudWatch Logs takes no empty events; the driver drops them.
        texts = [text for text in texts if text]
        if self._stream and texts:
            self._stream.put(texts)
