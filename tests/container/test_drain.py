"""An update with `drain_minutes`, of a real Airflow: what runs is done before the container is told to stop."""

from operate.rest import until_airflow
from tests.container.conftest import Airflow

WORK = """
from airflow.sdk import dag, task

@dag(schedule=None)
def drained():
    @task
    def work():
        import time
        time.sleep(30)
        print("the work is done")

    work()

drained()
"""


def test_an_update_waits_for_what_runs(airflow: Airflow) -> None:
    (airflow.dags / "drained.py").write_text(WORK)
    airflow.set(drainMinutes=5)
    airflow.up()
    [task] = airflow.tasks()
    airflow.rest.wait_for_dag("drained")
    run = f"/dags/drained/dagRuns/{airflow.rest.trigger('drained')}/taskInstances"
    until_airflow(
        lambda: [each["state"] for each in airflow.rest.api("GET", run).json["task_instances"]] == ["running"],
        180,
        "the task to run",
    )

    airflow.set(environment={"GREETING": "hello"})
    text = airflow.up()

    assert "draining: 1 task of Airflow at work (drained.work), waiting for 5 min at most" in text
    assert "still at work" not in text
    assert [each["taskArn"] for each in airflow.tasks()] != [task["taskArn"]]
    log = airflow.log()
    [done] = [number for number, line in enumerate(log) if "the work is done" in line]
    assert [line for line in log[done:] if line.startswith("supervisor | stopping")], "\n".join(log[-60:])
