"""Files in a bucket, copied into a folder. Nothing of Airflow is imported: it may not be complete yet."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import MutableMapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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


def s3_client(attempts: int = 2) -> S3Client:
    """Return a client with the task role, which gives up soon: Airflow's DAG processor stands still meanwhile."""
    # Here, since a task need not import it.
    import boto3
    import botocore.session
    from botocore.config import Config
    from botocore.credentials import ContainerProvider

    patience = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": attempts})
    session = botocore.session.get_session()
    # The role of the task, whatever keys its DAGs have been given.
    session.get_component("credential_provider").insert_before("env", ContainerProvider())
    return boto3.session.Session(botocore_session=session).client("s3", config=patience)
