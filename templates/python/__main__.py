"""Airflow on AWS Fargate, with the DAGs in `dags/`."""

import pulumi
from airflow_fargate import AirflowFargate

airflow = AirflowFargate(
    "airflow",
    {"allowed_cidrs": [pulumi.Config().require("allowedCidr")], "dags_path": "dags"},
)
pulumi.export("url", airflow.url)
pulumi.export("admin_username", airflow.admin_username)
pulumi.export("admin_password", airflow.admin_password)
