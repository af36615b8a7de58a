"""What is put into the container before Airflow is loaded: plugins, and packages for DAGs.

    python -m airflow_fargate_dags.prepare '{"bucket": …, "plugins": …, "packages": …}'

`plugins` is what the names of the bucket's objects begin with, `packages` the name of the object that lists the wheels.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .objects import copy_bucket, s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The task ends if the bucket cannot be read: it is asked for longer than a bundle, which is read again soon.
_ATTEMPTS = 8


def main() -> int:
    """Do what the arguments say, and return pip's exit code."""
    wanted: dict[str, str] = json.loads(sys.argv[1])
    client = s3_client(attempts=_ATTEMPTS)
    if "plugins" in wanted:
        home = os.environ.get("AIRFLOW_HOME", "~/airflow")
        folder = Path(os.environ.get("AIRFLOW__CORE__PLUGINS_FOLDER", f"{home}/plugins")).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        copy_bucket(client, wanted["bucket"], wanted["plugins"], folder, {})
        print(f"plugins are in {folder}", flush=True)
    return install(client, wanted["bucket"], wanted["packages"]) if "packages" in wanted else 0


def install(client: S3Client, bucket: str, listed: str) -> int:
    """Install the wheels that an object lists, a digest and a name in each line; nobody else is asked for any."""
    with tempfile.TemporaryDirectory() as folder:
        for line in _content(client, bucket, listed).decode().splitlines():
            digest, name = line.split()
            wheel = _content(client, bucket, f"wheels/{digest}/{name}")
            if hashlib.sha256(wheel).hexdigest() != digest:
                raise ValueError(f"s3://{bucket}/wheels/{digest}/{name} is another file")
            Path(folder, name).write_bytes(wheel)
        wheels = sorted(Path(folder).iterdir())
        print(f"installing {', '.join(wheel.name for wheel in wheels)}", flush=True)
        quiet = ("--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action", "ignore")
        pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--upgrade", *quiet, *wheels]
        return subprocess.run(pip, check=False).returncode  # noqa: S603 - our own arguments


def _content(client: S3Client, bucket: str, key: str) -> bytes:
    return client.get_object(Bucket=bucket, Key=key)["Body"].read()


if __name__ == "__main__":
    sys.exit(main())
