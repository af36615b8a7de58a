"""The DAG bundle of the files in a bucket."""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
from collections.abc import Generator, MutableMapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from . import told

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_base: Any = importlib.import_module("airflow.dag_processing.bundles.base")


class BucketBundle(_base.BaseDagBundle):
    """Copies the bucket when Airflow's DAG processor refreshes it; tasks find the files there and ask nobody.

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
        self._client: S3Client | None = None

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.base_dir / "files"

    def get_current_version(self) -> None:
        """Return no version: there is the newest one alone."""

    def initialize(self) -> None:
        """Copy the bucket, unless that was done in this container before."""
        if not self._known.exists():
            self.refresh()
        super().initialize()

    def refresh(self) -> None:
        """Make the files what they are in the bucket."""
        with told(self.name), self.lock():
            if self._client is None:
                self._client = _s3_client()
            self.path.mkdir(parents=True, exist_ok=True)
            with _remembered(self._known) as etags:
                copy_bucket(self._client, self._bucket_name, self._prefix, self.path, etags)


def copy_bucket(client: S3Client, bucket: str, prefix: str, folder: Path, etags: MutableMapping[str, str]) -> None:
    """Make files below a folder what they are in a bucket, and leave files alone that never came from there.

    :param etags: What is there from the bucket: by the path of each file its ETag, brought up to date.
    """
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = {item.get("Key", ""): item.get("ETag", "") for page in pages for item in page.get("Contents", [])}
    listed = {key[len(prefix) + 1 :]: etag for key, etag in keys.items() if not key.endswith("/")}
    if not listed:
        raise FileNotFoundError(f"s3://{bucket}/{prefix}/ is empty")
    # A folder that takes a file's place is in the bucket before the file has gone.
    folders = {str(parent) for name in listed for parent in PurePosixPath(name).parents}
    for name in etags.keys() - (listed.keys() - folders):
        _remove(folder, folder / name)
        del etags[name]
    for name in sorted(listed.keys() - folders):
        file = folder / name
        if etags.get(name) == listed[name] and file.is_file():
            continue
        _make_room(folder, file)
        found = client.get_object(Bucket=bucket, Key=f"{prefix}/{name}")
        # Not in the folder: Airflow may be looking for files there.
        new = folder.with_name("new")
        with new.open("wb") as copy:
            shutil.copyfileobj(found["Body"], copy)
        new.replace(file)
        etags[name] = found["ETag"]


def _remove(folder: Path, file: Path) -> None:
    if file.is_file() or file.is_symlink():
        file.unlink()
    # Up to one in which something else is.
    with contextlib.suppress(OSError):
        for parent in file.relative_to(folder).parents:
            if parent != Path():
                (folder / parent).rmdir()


def _make_room(folder: Path, file: Path) -> None:
    """Remove what stands where a file, or a folder above it, is to be."""
    for parent in reversed(file.relative_to(folder).parents):
        above = folder / parent
        if not above.is_dir():
            above.unlink(missing_ok=True)
            above.mkdir()
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)


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


def _s3_client() -> S3Client:
    """Return a client with the task role, which gives up soon: Airflow's DAG processor stands still meanwhile."""
    # Here, since a task need not import it.
    import boto3
    from botocore.config import Config

    patience = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.session.Session().client("s3", config=patience)
