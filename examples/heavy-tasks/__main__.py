"""Airflow in one container, whose heavy tasks are Fargate tasks of their own."""

import pulumi
from airflow_fargate import AirflowFargate

airflow = AirflowFargate(
    "airflow",
    {
        "allowed_cidrs": pulumi.Config().require_object("allowedCidrs"),
        "dags_path": "dags",
        "executors": ["LocalExecutor", "AwsEcsExecutor"],
        "remote_task_spot": True,
    },
)

pulumi.export("url", airflow.url)
pulumi.export("admin_password", airflow.admin_password)
pulumi.export("monthly_cost", airflow.monthly_cost)
for arn in ("cluster_arn", "service_arn", "task_role_arn", "execution_role_arn"):
    pulumi.export(arn, getattr(airflow, arn))
