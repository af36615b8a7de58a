"""The key that encrypts the database is rotated, and nothing that Airflow has is lost."""

from tests.container.conftest import Airflow

FERNET_KEY = "AIRFLOW__CORE__FERNET_KEY"

DAG = """
from airflow.sdk import Connection, dag, task

@dag(schedule=None)
def knows():
    @task
    def password():
        return Connection.get("encrypted").password[::-1]

    password()

knows()
"""


def test_the_key_of_the_database_is_rotated_and_nothing_is_lost(airflow: Airflow) -> None:
    (airflow.dags / "knows.py").write_text(DAG)
    airflow.up()
    connection = {"connection_id": "encrypted", "conn_type": "http", "password": "a-password"}
    assert airflow.rest.api("POST", "/connections", connection).status == 201
    run = airflow.run_dag("knows")
    before = airflow.secret(FERNET_KEY)

    rotate(airflow, "fernet")
    new, _, old = airflow.secret(FERNET_KEY).partition(",")
    assert old == before
    assert_kept(airflow, run)

    rotate(airflow, "fernet-forget")
    assert airflow.secret(FERNET_KEY) == new
    assert_kept(airflow, run)


def rotate(airflow: Airflow, what: str) -> None:
    ended = airflow.workspace.command("operate.rotate", airflow.workspace.stack.name, what)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    airflow.go_on()


def assert_kept(airflow: Airflow, run: str) -> None:
    assert airflow.rest.api("GET", f"/dags/knows/dagRuns/{run}").json["state"] == "success"
    assert airflow.result("knows", airflow.run_dag("knows"), "password") == "a-password"[::-1]
