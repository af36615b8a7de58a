"""Where Airflow finds DAGs: its DAG bundles, and the connection to the Git repository. Pure."""

from typing import Any

import pulumi

from .settings import DagSettings

Bundle = dict[str, Any]
"""An entry of Airflow's `dag_processor.dag_bundle_config_list`."""

GIT_CONNECTION = "dags_git"
GIT_CONNECTION_VARIABLE = f"AIRFLOW_CONN_{GIT_CONNECTION.upper()}"

BUCKET_PREFIX = "dags"
"""Below which the bucket's objects are: what Airflow calls the bundle's prefix."""


def bucket_bundle(settings: DagSettings, bucket_name: pulumi.Input[str]) -> Bundle:
    """Return the bundle of the files in a bucket, which Airflow reads by the task role, without a connection."""
    location = {"aws_conn_id": None, "bucket_name": bucket_name, "prefix": BUCKET_PREFIX}
    return {
        "name": "s3",
        "classpath": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
        "kwargs": {**location, "refresh_interval": settings.dags_refresh_seconds},
    }


def git_bundle(settings: DagSettings) -> Bundle:
    """Return the bundle of the Git repository."""
    subdir = {"subdir": settings.dags_git_subdir} if settings.dags_git_subdir else {}
    location = {"git_conn_id": GIT_CONNECTION, "tracking_ref": settings.dags_git_ref, **subdir}
    return {
        "name": "git",
        "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
        "kwargs": {**location, "refresh_interval": settings.dags_refresh_seconds},
    }


def git_connection(settings: DagSettings) -> pulumi.Output[str]:
    """Return the connection to the repository, as the value of `GIT_CONNECTION_VARIABLE`.

    Without a token there is one too: Airflow logs a traceback when a bundle's connection is missing.
    """
    token = {} if settings.dags_git_token is None else {"password": settings.dags_git_token}
    return pulumi.Output.json_dumps({"conn_type": "git", "host": settings.dags_git_url, **token})
