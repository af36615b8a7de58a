"""The plugin: what Pulumi starts for programs in other languages. Python programs import `airflow_fargate` instead."""

from airflow_fargate.plugin import main

main()
