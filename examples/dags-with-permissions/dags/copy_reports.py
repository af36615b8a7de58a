"""Copies what has come in to the reports, by what the task role may do."""

import os
from datetime import timedelta

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk import dag, task


@dag(schedule=timedelta(hours=1), catchup=False)
def copy_reports():
    """Copy every object."""

    @task
    def find() -> list[str]:
        return S3Hook().list_keys(bucket_name=os.environ["INCOMING_BUCKET"])

    @task
    def copy(key: str) -> None:
        text = S3Hook().read_key(key, bucket_name=os.environ["INCOMING_BUCKET"])
        S3Hook().load_string(text, key, bucket_name=os.environ["REPORTS_BUCKET"], replace=True)

    copy.expand(key=find())


copy_reports()
