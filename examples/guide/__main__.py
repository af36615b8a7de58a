"""The original guide's setup, there made by `ecs-cli`: Airflow 1.10 in puckel's image, at the guide's size."""

import pulumi
from airflow_fargate import AirflowFargate

airflow = AirflowFargate(
    "airflow",
    {
        "image": "puckel/docker-airflow:1.10.9",
        "cpu": 256,
        "memory": 512,
        "allowed_cidrs": pulumi.Config().require_object("allowedCidrs"),
    },
)
pulumi.export("url", airflow.url)
