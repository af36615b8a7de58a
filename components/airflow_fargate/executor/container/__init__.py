"""Airflow's executors in the container, as this component runs them.

The sources of these modules are put where Airflow finds them, as `airflow_fargate_executor`. What both sides spell
stands here: the component's own imports no Airflow.
"""

CLUSTER_VARIABLE = "AIRFLOW_FARGATE_WORKER_CLUSTER"
LOCAL_PARALLELISM_VARIABLE = "AIRFLOW_FARGATE_LOCAL_PARALLELISM"
REMOTE_CPU_VARIABLE = "AIRFLOW_FARGATE_REMOTE_CPU"
REMOTE_MEMORY_VARIABLE = "AIRFLOW_FARGATE_REMOTE_MEMORY"
SUPERVISOR_VARIABLE = "AIRFLOW_FARGATE_SUPERVISOR"

NAMESPACE, METRIC, DIMENSION = "AirflowFargate", "WorkerLoad", "Cluster"
"""The metric of CloudWatch: queued and running tasks, in percent of the slots that the workers have."""

SECONDS_BETWEEN = 60
"""Seconds between two reports of the metric, and between two scaling activities."""
