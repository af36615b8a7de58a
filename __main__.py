"""Airflow on AWS Fargate: the stack's configuration in, the component's outputs out."""

import pulumi
from airflow_fargate import OUTPUTS, AirflowFargate

from configuration import read_arguments

airflow = AirflowFargate("airflow", read_arguments())
for output in OUTPUTS:
    pulumi.export(output, getattr(airflow, output))
