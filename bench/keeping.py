"""What a measured container is given to keep its data, as the component gives it."""

from pathlib import Path

from airflow_fargate.data import keeper
from airflow_fargate.data.part import keeper_arguments
from airflow_fargate.data.settings import DataSettings

from bench.running import OURS
from local.cloud import CREDENTIAL, REGION
from release.environments import version_of

KEEPING = (*OURS, *keeper_arguments(DataSettings()))
"""The command that is measured, with the program that keeps its data."""


def keeping(bucket: str, endpoint: str, seconds: int) -> dict[str, str]:
    """Return the settings of a container that keeps its data in a bucket."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        keeper.BUCKET_VARIABLE: bucket,
        keeper.SECONDS_VARIABLE: str(seconds),
        "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS": "True",
        "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": f"s3://{bucket}/{keeper.LOGS.rstrip('/')}",
        "AIRFLOW__LOGGING__REMOTE_LOGGING": "True",
    }


def airflow_version(venv: Path) -> str:
    """Return the version of Airflow in an environment."""
    return version_of(venv / "bin" / "python", "apache-airflow")
