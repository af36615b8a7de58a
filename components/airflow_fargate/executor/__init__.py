"""Where Airflow's tasks run."""
