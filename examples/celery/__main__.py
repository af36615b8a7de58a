"""Airflow whose tasks run on workers of Celery, two of them or more, with PostgreSQL and a broker."""

import pulumi
import pulumi_aws as aws
from airflow_fargate import AirflowFargate

airflow = AirflowFargate(
    "airflow",
    {
        "allowed_cidrs": pulumi.Config().require_object("allowedCidrs"),
        "dags_path": "dags",
        "database": "postgres",
        "executors": ["CeleryExecutor"],
        "worker_count_min": 2,
        "worker_count_max": 4,
        "worker_concurrency": 8,
        "worker_cpu": 1024,
        "worker_memory": 4096,
        "worker_spot": True,
    },
)

# What starts at seven does not wait for a worker.
for name, schedule, least in (("morning", "cron(50 6 ? * MON-FRI *)", 4), ("noon", "cron(0 12 ? * MON-FRI *)", 2)):
    aws.appautoscaling.ScheduledAction(
        name,
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=airflow.worker_service_arn.apply(lambda arn: arn.rpartition(":")[2]),
        schedule=schedule,
        timezone="Europe/Berlin",
        scalable_target_action={"min_capacity": least},
        opts=pulumi.ResourceOptions(depends_on=[airflow]),
    )

pulumi.export("url", airflow.url)
pulumi.export("admin_password", airflow.admin_password)
pulumi.export("monthly_cost", airflow.monthly_cost)
