"""An update with `drain_minutes`, through the real engine: Airflow's tasks are over before its task is stopped."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.testing.deployed import AIRFLOW, ARGS, Deployed

REST = """
import http.server, json, pathlib, re
STATE = pathlib.Path("@STATE@")
read = lambda: json.loads(STATE.read_text())
class Rest(http.server.BaseHTTPRequestHandler):
    def send(self, status, answer=None):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())
    def do_PATCH(self):
        state, path = read(), self.path.partition("?")[0]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        if path == "/auth/token":
            right = body == {"username": "admin", "password": state["password"]}
            return self.send(*((201, {"access_token": "t"}) if right else (401,)))
        if path == "/api/v2/monitor/health":
            return self.send(200, {part: {"status": "healthy"} for part in PARTS})
        if self.headers.get("Authorization") != "Bearer t":
            return self.send(401)
        if path == "/api/v2/dags":
            active = [] if state["paused"] else [{"dag_id": "etl"}]
            return self.send(200, {"dags": active, "total_entries": len(active)})
        if path.endswith("/taskInstances"):
            state["questions"] += 1
            STATE.write_text(json.dumps(state))
            at_work = [{"dag_id": "etl", "task_id": "load"}] if state["questions"] <= state["busy"] else []
            return self.send(200, {"task_instances": at_work, "total_entries": len(at_work)})
        if path == "/api/v2/dags/etl":
            state["paused"] = body["is_paused"]
            state["seen"].append("paused" if state["paused"] else "goes on")
        elif self.command == "DELETE":
            state["mark"] = None
        elif body:
            if self.command == "PATCH" and not state["mark"]:
                return self.send(404)
            state["mark"] = body["value"]
        elif not state["mark"]:
            return self.send(404)
        STATE.write_text(json.dumps(state))
        self.send(200, {"value": state["mark"]})
    do_GET = do_POST = do_DELETE = do_PATCH
    def log_message(self, *_):
        pass
def stop(*_):
    state = read()
    STATE.write_text(json.dumps({**state, "seen": [*state["seen"], "stopped"]}))
    sys.exit(0)
"""

DAGS = "\n".join(
    (
        AIRFLOW.partition("class Airflow")[0],
        REST,
        "signal.signal(signal.SIGTERM, stop)",
        'http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Rest).serve_forever()',
    )
)
"""A stand-in for Airflow with one DAG, whose database is a file outside of the container: it outlives the task."""


class Drained(Deployed):
    """The stack, and the database of its Airflow."""

    database: Path

    def give(self, **args: Any) -> None:
        command = ["python", "-c", DAGS.replace("@STATE@", str(self.database))]
        self.configure(**{"command": command, "drain_minutes": 1, **args})

    def set(self, **state: Any) -> None:
        self.database.write_text(json.dumps({**self.state, "questions": 0, "seen": [], **state}))

    @property
    def state(self) -> dict[str, Any]:
        return json.loads(self.database.read_text()) if self.database.exists() else {}


@pytest.fixture
def drained(stack: Deployed, tmp_path: Path) -> Drained:
    drained = Drained(stack.cloud, stack.workspace)
    drained.database = tmp_path / "state.json"
    drained.set(password=ARGS["admin_password"], paused=False, mark=None, busy=0)
    drained.give()
    drained.workspace.up()
    return drained


def test_an_update_waits_for_tasks_and_lets_the_dags_go_on(drained: Drained, subtests: pytest.Subtests) -> None:
    stack = drained
    [before] = stack.task_arns

    with subtests.test("it waits, and shows for what"):
        stack.set(busy=2)
        stack.give(environment={"GREETING": "hello"})
        text = stack.workspace.up()
        assert "draining: 1 task of Airflow at work (etl.load), waiting for" in text
        assert stack.state["seen"] == ["paused", "stopped", "goes on"]
        assert stack.state["questions"] == 3
        assert stack.state["mark"] is None
        assert stack.task_arns != [before]

    with subtests.test("an update that keeps the task pauses nothing"):
        stack.set()
        stack.give(environment={"GREETING": "hello"}, tags={"team": "data"})
        stack.workspace.up()
        assert stack.state["seen"] == []

    with subtests.test("an update that fails leaves no DAG paused"):
        stack.set()
        stack.give(command=["python", "-c", "raise SystemExit(3)"])
        stack.workspace.up(fails=True)
        assert stack.state["seen"] == ["paused", "stopped", "goes on"]
        assert not stack.state["paused"]

    with subtests.test("the login is that of the running task, also when it is about to change"):
        stack.set()
        stack.give(admin_password="another horse battery")
        text = stack.workspace.up()
        assert stack.state["seen"] == ["paused", "stopped"], "the new task has another password, its database has not"
        assert "These DAGs were paused for the update, and may still be: etl (POST /auth/token: HTTP Error 401" in text
        stack.set(password="another horse battery", paused=False, mark=None)

    [running] = stack.task_arns
    with subtests.test("an Airflow that is healthy and does not answer is left as it is, with the way out"):
        stack.set(password="changed by hand")
        stack.give(admin_password="another horse battery", environment={"GREETING": "again"})
        text = stack.workspace.up(fails=True)
        assert "Airflow could not be drained, and its task was left as it is: http://127." in text
        assert "POST /auth/token: HTTP Error 401: Unauthorized." in text
        assert "set drain_minutes to 0" in text
        assert "Traceback" not in text
        assert stack.task_arns == [running]
        made = [each for each in stack.workspace.export()["resources"] if each["type"].endswith(":TaskDefinition")]
        [newest] = [each for each in made if not each.get("delete")]
        assert "again" in newest["inputs"]["containerDefinitions"], "what was updated before stays"

    with subtests.test("the way out"):
        stack.give(admin_password="another horse battery", environment={"GREETING": "again"}, drain_minutes=0)
        stack.workspace.up()
        assert stack.state["seen"] == ["stopped"]
