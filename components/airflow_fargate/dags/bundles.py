"""Where Airflow finds DAGs: its DAG bundles, and the connection to the Git repository. Pure."""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi

from ..credentials import unfit_for_parameter
from ..errors import Refusal, checked_late
from ..packed import packed
from .settings import DagSettings

Bundle = dict[str, Any]
"""An entry of Airflow's `dag_processor.dag_bundle_config_list`."""

GIT_CONNECTION = "dags_git"
GIT_CONNECTION_VARIABLE = f"AIRFLOW_CONN_{GIT_CONNECTION.upper()}"

BUCKET_PREFIX = "dags"
"""Below which the bucket's objects are: what Airflow calls the bundle's prefix."""

_MODULES = Path(__file__).with_name("container")


def modules(*, prepare: bool) -> dict[str, str]:
    """Return our packed bundles by their paths, and with `prepare` what runs before Airflow."""
    files = [file for file in sorted(_MODULES.glob("*.py")) if prepare or file.name != "prepare.py"]
    return {f"airflow_fargate_dags/{file.name}": packed(file) for file in files}


def preparation(bucket_name: pulumi.Input[str], wanted_objects: Mapping[str, str]) -> pulumi.Output[str]:
    """Return what the supervisor runs before Airflow: our module, and where it finds what it puts in place."""
    wanted = pulumi.Output.json_dumps({"bucket": bucket_name, **wanted_objects})
    return pulumi.Output.json_dumps(["airflow_fargate_dags.prepare", wanted])


def bucket_bundle(settings: DagSettings, bucket_name: pulumi.Input[str], *, supervised: bool) -> Bundle:
    """Return the bundle of the files in a bucket, which Airflow reads by the task role, without a connection.

    It is ours, which needs its modules, where the supervisor starts Airflow; else the amazon provider's.
    """
    location = {"bucket_name": bucket_name, "prefix": BUCKET_PREFIX, "refresh_interval": settings.dags_refresh_seconds}
    if supervised:
        return {"name": "s3", "classpath": "airflow_fargate_dags.bucket.BucketBundle", "kwargs": location}
    return {
        "name": "s3",
        "classpath": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
        "kwargs": {"aws_conn_id": None, **location},
    }


def git_bundle(settings: DagSettings, *, supervised: bool) -> Bundle:
    """Return the bundle of the Git repository: ours, where the supervisor starts Airflow; else the Git provider's."""
    subdir = {"subdir": settings.dags_git_subdir} if settings.dags_git_subdir else {}
    location = {"git_conn_id": GIT_CONNECTION, "tracking_ref": settings.dags_git_ref, **subdir}
    return {
        "name": "git",
        "classpath": "airflow_fargate_dags.git.GitBundle"
        if supervised
        else "airflow.providers.git.bundles.git.GitDagBundle",
        "kwargs": {**location, "refresh_interval": settings.dags_refresh_seconds},
    }


GIT_PATIENCE: Mapping[str, str] = {
    "AIRFLOW__DAG_PROCESSOR__HEALTH_CHECK_THRESHOLD": "300",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1",
    "GIT_HTTP_LOW_SPEED_TIME": "60",
}
"""Patience with a slow host or a large clone, which must not end the task: the DAG processor waits until Git is done.

Airflow takes it for dead after 30 seconds, and would not see that it is alive. Git itself waits for ever for a server
that has fallen silent, and does so twice.
"""


def git_connection(settings: DagSettings, url: str, component: str) -> pulumi.Output[str]:
    """Return the connection to the repository, as the value of `GIT_CONNECTION_VARIABLE`.

    Without a token there is one too: Airflow logs a traceback when a bundle's connection is missing. A token that is
    known late is refused for `component` then.
    """
    if settings.dags_git_token is None:
        return pulumi.Output.from_input(_connection(url))
    username = settings.dags_git_username
    token = checked_late(component, settings.dags_git_token, functools.partial(refuse_token, url, username))
    return token.apply(lambda known: _connection(url, username, known))


def refuse_token(url: str, username: str, token: str) -> Iterator[Refusal]:
    """Refuse a token with which the connection does not fit into its parameter."""
    if why := unfit_for_parameter(_connection(url, username, token)):
        yield Refusal("dags_git_token", f"makes a connection with {why}")


def _connection(url: str, username: str = "", token: str = "") -> str:
    """Leave out what is not given: Airflow's own name for a user that is not named is `user`."""
    given = {"login": username, "password": token}
    return json.dumps({"conn_type": "git", "host": url, **{key: value for key, value in given.items() if value}})
