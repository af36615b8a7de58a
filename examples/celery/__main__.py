"""Airflow whose tasks run on two workers of Celery, with PostgreSQL and a broker."""

import pulumi
from airflow_fargate import AirflowFargate

airflow = AirflowFargate(
    "airflow",
    {
        "allowed_cidrs": pulumi.Config().require_object("allowedCidrs"),
        "dags_path": "dags",
        "database": "postgres",
        "executors": ["CeleryExecutor"],
        "worker_count_min": 2,
        "worker_concurrency": 8,
        "worker_cpu": 1024,
        "worker_memory": 4096,
        "worker_spot": True,
    },
)

pulumi.export("url", airflow.url)
pulumi.export("admin_password", airflow.admin_password)
pulumi.export("monthly_cost", airflow.monthly_cost)
