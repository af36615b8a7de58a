"""Airflow on AWS Fargate: the stack's configuration in, the component's outputs out."""

import pulumi
from airflow_fargate import OUTPUTS, AirflowFargate

from configuration import read_arguments
from preflight import preflight

arguments = read_arguments()
preflight(arguments)
airflow = AirflowFargate("airflow", arguments)
for output in OUTPUTS:
    pulumi.export(output, getattr(airflow, output))
