"""Where Airflow keeps its runs, users and connections."""
