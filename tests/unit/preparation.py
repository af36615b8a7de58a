"""What the supervisor is told to prepare, and the program that does it, with a stand-in for S3."""

import io
import json
from typing import Any

import pytest
from airflow_fargate.dags.container import prepare

from .conftest import Registered
from .test_inputs import container

PREPARATION = "AIRFLOW_FARGATE_PREPARATION"


def variables(deployment: Registered) -> dict[str, str]:
    """Return the container's environment."""
    return {variable["name"]: variable["value"] for variable in container(deployment)["environment"]}


def wanted(deployment: Registered) -> dict[str, str]:
    """Return what the program is asked for."""
    [module, arguments] = json.loads(variables(deployment)[PREPARATION])
    assert module == "airflow_fargate_dags.prepare"
    return json.loads(arguments)


class Bucket:
    """An S3 client with a bucket of these objects."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, _name: str) -> "Bucket":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - boto3's names
        assert Bucket == "b"
        return [{"Contents": [{"Key": key, "ETag": key} for key in self.objects if key.startswith(Prefix)]}]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert Bucket == "b"
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": Key}


def run_preparation(monkeypatch: pytest.MonkeyPatch, objects: dict[str, bytes], **names: str) -> int:
    """Run the program with a bucket of these objects, and return its exit code."""

    def s3_client(*, attempts: int) -> Bucket:
        assert attempts > 2, "the container ends with it"
        return Bucket(objects)

    monkeypatch.setattr(prepare, "s3_client", s3_client)
    monkeypatch.setattr("sys.argv", ["prepare", json.dumps({"bucket": "b", **names})])
    return prepare.main()
