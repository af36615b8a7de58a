"""The Python environments of this machine: how one is made, and the one that stands for Airflow's image."""
