"""What the DAGs of a real Airflow may do in AWS: nothing, until the task role may."""

import json
from textwrap import dedent
from typing import Any

from tests.container.conftest import Airflow

REPORT = "monday,3"

# S3Hook without a connection is boto3 with the credentials of the task's role.
DAG = dedent(
    """
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.sdk import dag, task
    from botocore.exceptions import ClientError

    @dag(schedule=None)
    def reads_a_bucket():
        @task
        def read():
            try:
                return S3Hook().read_key("report.csv", "lake-of-reports")
            except ClientError as error:
                return error.response["ResponseMetadata"]["HTTPStatusCode"]

        read()

    reads_a_bucket()
    """
)

MAY_READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake-of-reports/*"}],
}


def read(airflow: Airflow) -> Any:
    return airflow.result("reads_a_bucket", airflow.run_dag("reads_a_bucket"), "read")


def test_a_dag_reads_a_bucket_once_the_role_of_the_same_task_may(airflow: Airflow) -> None:
    s3 = airflow.client("s3")
    s3.create_bucket(Bucket="lake-of-reports")
    s3.put_object(Bucket="lake-of-reports", Key="report.csv", Body=REPORT.encode())
    (airflow.dags / "reads_a_bucket.py").write_text(DAG)
    airflow.up()
    before = [task["taskArn"] for task in airflow.tasks()]
    assert read(airflow) == 403

    airflow.set(taskRolePolicy=json.dumps(MAY_READ))
    airflow.up()

    assert read(airflow) == REPORT
    assert [task["taskArn"] for task in airflow.tasks()] == before
