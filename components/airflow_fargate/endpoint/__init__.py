"""Where Airflow's web interface is reached."""
