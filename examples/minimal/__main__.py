"""Airflow in five lines."""

import pulumi
from airflow_fargate import AirflowFargate

airflow = AirflowFargate("airflow", {"allowed_cidrs": pulumi.Config().require_object("allowedCidrs")})
pulumi.export("url", airflow.url)
pulumi.export("admin_password", airflow.admin_password)
