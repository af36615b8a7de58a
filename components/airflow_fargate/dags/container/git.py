"""The DAG bundle of a Git repository."""

from __future__ import annotations

import importlib
import socket
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from . import told

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_git: Any = importlib.import_module("airflow.providers.git.bundles.git")

_CONNECT_SECONDS = 5


class GitBundle(_git.GitDagBundle):
    """Airflow's own, which does not wait for a host that does not answer.

    Git would, for minutes, and the DAG processor with it: after 30 seconds Airflow takes that for dead, and ECS would
    end the task.
    """

    def initialize(self) -> None:
        """Clone the repository; a version that is there already takes no host."""
        with told(self.name):
            if not (self.version and self.repo_path.exists()):
                knock(self.repo_url)
            super().initialize()

    def refresh(self) -> None:
        """Fetch what is new."""
        with told(self.name):
            knock(self.repo_url)
            super().refresh()


def knock(url: str) -> None:
    """Raise `OSError` when nobody accepts a connection at an HTTP URL soon; what a proxy reaches is its business."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if {parts.scheme, "all"} & urllib.request.getproxies().keys() and not urllib.request.proxy_bypass(host):
        return
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise OSError(f"{host} does not answer at port {port}: {error}") from None
