"""The DAG bundle of the files in a bucket."""

from __future__ import annotations

import contextlib
import importlib
import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import reason, told
from .objects import copy_bucket, s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_base: Any = importlib.import_module("airflow.dag_processing.bundles.base")


class BucketBundle(_base.BaseDagBundle):
    """Copies the bucket when Airflow's DAG processor refreshes it; tasks beside that find the files and ask nobody.

    Where no DAG processor runs, as on a worker of Celery, the first task does it that finds the copy old.
    Unlike the amazon provider's bundle it keeps what tasks have written between the files, sees a changed file of the
    same size with any version of that provider, and a file in place of a folder or a folder in place of a file.
    """

    supports_versioning = False

    def __init__(self, *, bucket_name: str, prefix: str, **kwargs: Any) -> None:
        """Name a bucket, and what the names of its files begin with, before a slash."""
        super().__init__(**kwargs)
        self._bucket_name = bucket_name
        self._prefix = prefix
        self._known = self.base_dir / "etags.json"
        self._copied = self.base_dir / "copied"
        """Is there once all files have been copied; its time is when the bucket was last asked."""
        self._client: S3Client | None = None

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.base_dir / "files"

    def get_current_version(self) -> None:
        """Return no version: there is the newest one alone."""

    def initialize(self) -> None:
        """Copy the bucket, unless that was done in this container lately."""
        if not self._is_new():
            with self.lock():
                # Another task may have done it meanwhile.
                if not self._is_new():
                    self._renew()
        super().initialize()

    def refresh(self) -> None:
        """Make the files what they are in the bucket."""
        with told(self.name):
            self._copy()

    def _is_new(self) -> bool:
        try:
            return time.time() - self._copied.stat().st_mtime < 2 * self.refresh_interval
        except FileNotFoundError:
            return False

    def _renew(self) -> None:
        """Copy the bucket; if it cannot be read, a copy that is there will do."""
        if not self._copied.exists():
            self.refresh()
            return
        try:
            self._copy()
        except Exception as error:  # noqa: BLE001 - whatever it is, the files are there
            # In other words than the DAG processor's, which says when it is over: a task has ended by then.
            print(f"DAG bundle {self.name} is used as it was copied before: {reason(error)}", flush=True)

    def _copy(self) -> None:
        with self.lock():
            if self._client is None:
                self._client = s3_client()
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                with _remembered(self._known) as etags:
                    copy_bucket(self._client, self._bucket_name, self._prefix, self.path, etags)
            except Exception:
                # Not every task is to wait for S3 while that does not answer.
                if self._copied.exists():
                    self._copied.touch()
                raise
            self._copied.touch()


@contextlib.contextmanager
def _remembered(file: Path) -> Generator[dict[str, str]]:
    """Read a dictionary from a file, and write it back, unless nothing is in it, whatever happens meanwhile."""
    etags: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    try:
        yield etags
    finally:
        if etags:
            new = file.with_suffix(".new")
            new.write_text(json.dumps(etags))
            new.replace(file)
