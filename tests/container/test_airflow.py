"""A real Airflow, as its user meets it: interface, login, DAG runs, names, secrets."""

import re

from local.airflow_environment import version
from tests.container.conftest import Airflow

COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")


def test_up_ends_when_airflow_is_healthy(airflow: Airflow) -> None:
    [task] = airflow.tasks()
    health = airflow.request("GET", "/api/v2/monitor/health").json

    assert task["healthStatus"] == "HEALTHY"
    assert {part: health[part]["status"] for part in health} == {
        "metadatabase": "healthy",
        "scheduler": "healthy",
        "dag_processor": "healthy",
        "triggerer": "healthy",
    }


def test_the_url_opens_the_interface_of_airflow_3(airflow: Airflow) -> None:
    page = airflow.request("GET", "/")

    assert page.status == 200
    assert "<title>Airflow</title>" in page.text
    assert airflow.request("GET", "/api/v2/version").json["version"] == version()


def test_only_the_exported_password_logs_in(airflow: Airflow) -> None:
    password = airflow.outputs["admin_password"]

    assert len(password) == 24
    assert airflow.log_in("admin").status == 401
    assert airflow.request("GET", "/api/v2/dags").status == 401
    assert airflow.log_in(password).status == 201
    assert airflow.api("GET", "/dags").status == 200


def test_an_example_dag_runs_to_success_and_its_task_log_can_be_read(airflow: Airflow) -> None:
    run_id = airflow.run_dag("example_bash_operator")

    log = airflow.task_log("example_bash_operator", run_id, "run_after_loop")
    assert "https://airflow.apache.org/" in log, log


def test_every_process_and_every_log_line_carries_its_components_name(airflow: Airflow) -> None:
    names = set(airflow.processes().values())
    assert names >= {f"airflow {name}" for name in ("supervisor", *COMPONENTS)}
    assert [name for name in names if not name.startswith("airflow ")] == []

    lines = airflow.log()
    named = re.compile(r"(supervisor|loader|db migrate|api-server|dag-processor|scheduler|triggerer) +\|")
    assert [line for line in lines if not named.match(line)] == []
    assert {line.split("|")[0].strip() for line in lines} >= set(COMPONENTS)


def test_no_secret_is_in_the_log_or_in_the_environment_of_a_component(airflow: Airflow) -> None:
    password = airflow.outputs["admin_password"]

    assert [line for line in airflow.log() if password in line] == []
    for process, name in airflow.processes().items():
        assert password not in str(process.environ()), f"the environment of {name}"
        assert password not in str(process.cmdline()), f"the command line of {name}"


def test_nothing_is_to_be_done_after_up(airflow: Airflow) -> None:
    airflow.preview("--expect-no-changes")
