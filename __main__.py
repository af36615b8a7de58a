"""Airflow on AWS Fargate: the stack's configuration in, the component's outputs out."""

import gc

import pulumi
from airflow_fargate import OUTPUTS, AirflowFargate

from configuration import read_arguments
from preflight import preflight

gc.freeze()  # the modules are there to the end: to look for garbage in them takes a second of each preview

arguments = read_arguments()
preflight(arguments)
airflow = AirflowFargate("airflow", arguments)
for output in OUTPUTS:
    pulumi.export(output, getattr(airflow, output))
