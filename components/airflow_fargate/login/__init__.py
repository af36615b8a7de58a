"""Who logs in to Airflow, and the auth manager in the container that knows them."""
