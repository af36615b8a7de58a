"""Airflow's executors in the container, as this component runs them.

The sources of these modules are put where Airflow finds them, as `airflow_fargate_executor`.
"""
