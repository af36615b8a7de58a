"""A real Airflow, as its user meets it: interface, login, DAG runs, names, secrets."""

import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from local.environments.airflow import version
from tests.container.conftest import Airflow

COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")

WAITS = """
from airflow.sdk import dag, task

@dag(schedule=None)
def waits():
    @task(executor="LocalExecutor", retries=0)
    def wait(number):
        import time
        time.sleep(30)

    wait.expand(number=list(range(3)))

waits()
"""


def test_up_ends_when_airflow_is_healthy(airflow: Airflow) -> None:
    [task] = airflow.tasks()
    health = airflow.rest.request("GET", "/api/v2/monitor/health").json

    assert task["healthStatus"] == "HEALTHY"
    assert {part: health[part]["status"] for part in health} == {
        "metadatabase": "healthy",
        "scheduler": "healthy",
        "dag_processor": "healthy",
        "triggerer": "healthy",
    }


def test_the_url_opens_the_interface_of_airflow_3(airflow: Airflow) -> None:
    page = airflow.rest.request("GET", "/")

    assert page.status == 200
    assert "<title>Airflow</title>" in page.text
    assert airflow.rest.request("GET", "/api/v2/version").json["version"] == version()


def test_only_the_exported_password_logs_in(airflow: Airflow) -> None:
    password = airflow.workspace.outputs()["admin_password"]

    assert len(password) == 24
    assert airflow.rest.log_in("admin").status == 401
    assert airflow.rest.request("GET", "/api/v2/dags").status == 401
    assert airflow.rest.log_in(password).status == 201
    assert airflow.rest.api("GET", "/dags").status == 200


def test_an_example_dag_runs_to_success_and_its_task_log_can_be_read(airflow: Airflow) -> None:
    run_id = airflow.run_dag("example_bash_operator")

    log = airflow.rest.task_log("example_bash_operator", run_id, "run_after_loop")
    assert "https://airflow.apache.org/" in log, log


def test_every_process_and_every_log_line_carries_its_components_name(airflow: Airflow) -> None:
    names = set(airflow.processes().values())
    assert names >= {f"airflow {name}" for name in ("supervisor", *COMPONENTS)}
    assert [name for name in names if not name.startswith("airflow ")] == []

    lines = airflow.log()
    named = re.compile(r"(supervisor|loader|keeper|db migrate|api-server|dag-processor|scheduler|triggerer) +\|")
    assert [line for line in lines if not named.match(line)] == []
    assert {line.split("|")[0].strip() for line in lines} >= set(COMPONENTS)


def test_no_secret_is_in_the_log_in_a_command_line_or_in_a_file_that_others_can_read(airflow: Airflow) -> None:
    secrets = parameters(airflow)
    assert len(secrets) == 4
    shown = {"log": "\n".join(airflow.log())}
    shown |= {f"command line of {name}": text for name, text in of_processes(airflow, psutil.Process.cmdline).items()}
    assert [(place, name) for name, value in secrets.items() for place in shown if value in shown[place]] == []

    values = [value.encode() for value in secrets.values()]
    files = [file for file in airflow.cloud.home.path.rglob("*") if file.is_file() and not file.is_symlink()]
    holders: list[Path] = []
    for file in files:
        with suppress(FileNotFoundError):  # the keeper removes a log that is in the bucket
            read = file.read_bytes()
            holders += [file] if any(value in read for value in values) else []
    assert [file.name for file in holders] == ["simple_auth_manager_passwords.json"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600


def test_no_process_of_airflow_has_the_password_in_its_environment(airflow: Airflow) -> None:
    password = airflow.workspace.outputs()["admin_password"]
    environments = of_processes(airflow, psutil.Process.environ)

    assert environments.keys() >= {f"airflow {name}" for name in COMPONENTS}
    assert [name for name, environment in environments.items() if password in environment] == []


def test_nothing_is_to_be_done_after_up(airflow: Airflow) -> None:
    airflow.workspace.preview("--expect-no-changes")


def test_a_task_that_waits_for_a_slot_runs_however_long_that_takes(airflow: Airflow) -> None:
    (airflow.dags / "waits.py").write_text(WAITS)
    # Until a token is over that Airflow makes for itself, and some seconds more that it takes it for.
    airflow.set(environment={"AIRFLOW__CORE__PARALLELISM": "2", "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "10"})
    airflow.up()
    airflow.rest.wait_for_dag("waits")
    run = airflow.run_dag("waits")

    instances = airflow.rest.api("GET", f"/dags/waits/dagRuns/{run}/taskInstances").json["task_instances"]
    began, queued = (sorted(each[when] for each in instances) for when in ("start_date", "queued_when"))
    ended = min(each["end_date"] for each in instances)
    assert len(instances) == 3
    assert began[1] < ended < began[2], "two had a slot, and one waited for it"
    assert queued[2] < ended, "it waited behind the scheduler"


def of_processes(airflow: Airflow, read: Callable[[psutil.Process], object]) -> dict[str, str]:
    """Return as text, by name, what is read of Airflow's processes; one that ends meanwhile, as a task's, has none."""
    texts: dict[str, str] = {}
    for process, name in airflow.processes().items():
        with suppress(psutil.NoSuchProcess):
            texts[name] = f"{texts.get(name, '')} {read(process)}"
    return texts


def parameters(airflow: Airflow) -> dict[str, str]:
    """Return the value of every parameter, by its name."""
    ssm = airflow.client("ssm")
    names = [parameter["Name"] for parameter in ssm.describe_parameters()["Parameters"]]
    return {name: ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] for name in names}
