"""A program of another team, which knows Airflow by its stack alone."""

import pulumi

airflow = pulumi.StackReference(pulumi.Config().require("airflowStack"))
pulumi.export("health_url", pulumi.Output.format("{0}/api/v2/monitor/health", airflow.require_output("url")))
