"""Connections and variables in Parameter Store: a task of Airflow has the value of now, and the ECS task stays."""

from typing import Any

from tests.container.conftest import Airflow

FIRST, SECOND = "a-password-of-the-first", "a-password-of-the-second"

DAG = """
from airflow.sdk import Connection, Variable, dag, task

@dag(schedule=None)
def reads():
    @task
    def read():
        sales = Connection.get("sales")
        return [sales.host, len(sales.password), sales.password[-6:], Variable.get("region")]

    read()

reads()
"""


def test_a_changed_value_is_read_by_the_next_task_in_the_same_container(airflow: Airflow) -> None:
    (airflow.dags / "reads.py").write_text(DAG)
    give(airflow, FIRST, "north")
    airflow.up()
    before = airflow.task_arns
    assert read(airflow) == ["db.example.com", len(FIRST), "-first", "north"]

    give(airflow, SECOND, "south")
    shown = airflow.up()

    assert read(airflow) == ["db.example.com", len(SECOND), "second", "south"]
    assert airflow.task_arns == before
    definition = airflow.client("ecs").describe_task_definition(
        taskDefinition=airflow.workspace.outputs()["task_definition_arn"]
    )
    for password in (FIRST, SECOND):
        assert password not in shown
        assert password not in str(definition)
        assert password not in str(airflow.workspace.export())
        assert password not in "\n".join(airflow.log())
    listed = airflow.rest.api("GET", "/connections").json["connections"]
    assert [each["connection_id"] for each in listed if each["connection_id"] == "sales"] == []


def give(airflow: Airflow, password: str, region: str) -> None:
    airflow.set(
        connections={"sales": airflow.encrypted(f"postgresql://reader:{password}@db.example.com:5432/sales")},
        variables={"region": airflow.encrypted(region)},
    )


def read(airflow: Airflow) -> Any:
    return airflow.result("reads", airflow.run_dag("reads"), "read")
