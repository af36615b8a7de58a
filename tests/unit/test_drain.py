"""Draining before an update: when it is done, what of Airflow is paused and waited for, and what goes on afterwards."""

import http.server
import json
import threading
from collections.abc import Generator, Sequence
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from airflow_fargate.task import drain as drain_module
from airflow_fargate.task.drain import drain, let_go_on, starts_another_task
from airflow_fargate.task.rest import AirflowApi, NoAnswerError
from airflow_fargate.task.running import RunningAirflow, running_airflow
from botocore.stub import Stubber

SERVICE: dict[str, Any] = {"taskDefinition": "airflow:1", "desiredCount": 1, "tags": {"a": "1"}}


@pytest.mark.parametrize(
    ("changed", "starts"),
    [
        ({}, False),
        ({"tags": {"a": "2"}}, False),
        ({"tagsAll": {"a": "2"}, "__defaults": ["desiredCount"]}, False),
        ({"taskDefinition": "airflow:2"}, True),
        ({"taskDefinition": "airflow:2", "tags": {}}, True),
        ({"enableExecuteCommand": True}, True),
        ({"desiredCount": None}, True),
    ],
)
def test_only_an_update_that_starts_another_task_is_waited_with(changed: dict[str, Any], starts: bool) -> None:
    assert starts_another_task(SERVICE, {**SERVICE, **changed}) is starts


class Airflow:
    """A server that stands for Airflow's REST API: DAGs that are paused or not, tasks that end, variables."""

    def __init__(self, at_work: Sequence[Sequence[str]] = ()) -> None:
        self.paused: dict[str, bool] = {"active": False, "paused": True, "also/active": False}
        self.variables: dict[str, str] = {}
        self.at_work = [list(tasks) for tasks in at_work]
        """The tasks at work, at each question; the last answer is the one from then on."""
        self.out_of_order: str | None = None
        """A path below which nothing is answered."""
        airflow = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length) or "null")
                status, answer = airflow.answer(self.command, self.path, body, self.headers.get("Authorization"))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode() if answer is not None else b"")

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names in the base class

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, method: str, path: str, body: Any, token: str | None) -> tuple[int, Any]:
        split = urlsplit(path)
        names, query = split.path.split("/"), parse_qs(split.query)
        if self.out_of_order and split.path.startswith(self.out_of_order):
            return 500, None
        if split.path == "/auth/token":
            return (201, {"access_token": "t"}) if body == {"username": "root", "password": "right"} else (401, None)
        if token != "Bearer t":
            return 401, None
        if split.path == "/api/v2/dags":
            found = [{"dag_id": dag} for dag, paused in self.paused.items() if [str(paused).lower()] == query["paused"]]
            return self._page("dags", found, query)
        if split.path == "/api/v2/dags/~/dagRuns/~/taskInstances":
            assert set(query["state"]) == {"running", "queued", "restarting"}
            tasks = self.at_work.pop(0) if len(self.at_work) > 1 else [*self.at_work, list[str]()][0]
            found = [dict(zip(("dag_id", "task_id"), task.split("."), strict=True)) for task in tasks]
            return self._page("task_instances", found, query)
        if names[3] == "dags":
            dag = names[4].replace("%2F", "/")
            if dag not in self.paused:
                return 404, None
            self.paused[dag] = body["is_paused"]
            return 200, {}
        return self._variable(method, names[4:], body)

    def _variable(self, method: str, key: list[str], body: Any) -> tuple[int, Any]:
        if method != "POST" and key[0] not in self.variables:
            return 404, None
        if method == "DELETE":
            del self.variables[key[0]]
            return 204, None
        if body:
            self.variables[body["key"]] = body["value"]
        return 200, {"value": self.variables[(key or [body["key"]])[0]]}

    def _page(self, key: str, found: list[Any], query: dict[str, list[str]]) -> tuple[int, Any]:
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        return 200, {key: found[offset : offset + limit], "total_entries": len(found)}

    @property
    def running(self) -> RunningAirflow:
        return RunningAirflow("arn", True, f"http://127.0.0.1:{self.server.server_address[1]}", "root", "right")


@pytest.fixture
def airflow() -> Generator[Airflow]:
    airflow = Airflow()
    yield airflow
    airflow.server.shutdown()
    airflow.server.server_close()


def test_all_active_dags_are_paused_until_nothing_is_at_work_and_go_on_afterwards(airflow: Airflow) -> None:
    airflow.at_work = [["a.x", "b.y", "c.z", "d.z"], ["a.x", "a.x"], ["a.x"], []]
    before, shown = dict(airflow.paused), list[str]()
    api = AirflowApi(airflow.running)

    paused, at_work = drain(api, 600, shown.append, every=0)

    assert (paused, at_work) == (["active", "also/active"], [])
    assert set(airflow.paused.values()) == {True}
    assert shown == [
        "draining: 4 tasks of Airflow at work (a.x, b.y, c.z, …), waiting for 10 min at most",
        "draining: 2 tasks of Airflow at work (a.x), waiting for 10 min at most",
        "draining: 1 task of Airflow at work (a.x), waiting for 10 min at most",
    ]
    let_go_on(api)
    assert airflow.paused == before
    assert airflow.variables == {}


def test_airflow_is_asked_at_intervals_until_the_time_is_over_and_what_is_still_at_work_is_named(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow.at_work = [["a.x"]]
    seconds, shown = [1000.0], list[str]()

    def sleep(length: float) -> None:
        assert length > 0
        seconds.append(seconds[-1] + length)

    monkeypatch.setattr(drain_module, "time", SimpleNamespace(monotonic=lambda: seconds[-1], sleep=sleep))

    paused, at_work = drain(AirflowApi(airflow.running), 11, shown.append, every=5)

    assert paused
    assert at_work == ["a.x"]
    assert [line.partition("waiting for ")[2] for line in shown] == ["11 s at most", "6 s at most", "1 s at most"]
    assert seconds == [1000, 1005, 1010, 1011]


def test_in_another_database_no_dag_is_unpaused(airflow: Airflow) -> None:
    drain(AirflowApi(airflow.running), 1, lambda _: None)
    airflow.variables.clear()

    let_go_on(AirflowApi(airflow.running))

    assert set(airflow.paused.values()) == {True}


def test_dags_that_an_update_which_was_killed_has_left_paused_go_on_after_the_next(airflow: Airflow) -> None:
    before = dict(airflow.paused)
    drain(AirflowApi(airflow.running), 1, lambda _: None)

    paused, _ = drain(AirflowApi(airflow.running), 1, lambda _: None)
    let_go_on(AirflowApi(airflow.running))

    assert paused == ["active", "also/active"]
    assert airflow.paused == before


def test_a_dag_that_is_gone_meanwhile_keeps_no_other_paused(airflow: Airflow) -> None:
    drain(AirflowApi(airflow.running), 1, lambda _: None)
    del airflow.paused["active"]

    let_go_on(AirflowApi(airflow.running))

    assert airflow.paused == {"paused": True, "also/active": False}


def test_when_airflow_stops_to_answer_its_dags_go_on(airflow: Airflow) -> None:
    before, api = dict(airflow.paused), AirflowApi(airflow.running)
    airflow.out_of_order = "/api/v2/dags/~"

    with pytest.raises(NoAnswerError, match="taskInstances: HTTP Error 500"):
        drain(api, 1, lambda _: None)

    assert airflow.paused == before


def test_every_page_of_a_long_answer_is_read(airflow: Airflow) -> None:
    airflow.paused = {f"dag-{number}": False for number in range(201)}

    assert len(AirflowApi(airflow.running).active_dags()) == 201


def test_a_login_that_is_refused_is_no_answer_and_shows_no_password(airflow: Airflow) -> None:
    wrong = RunningAirflow("arn", True, airflow.running.url, "root", "a wrong password")

    with pytest.raises(NoAnswerError) as refused:
        AirflowApi(wrong)

    assert "401" in str(refused.value)
    assert "wrong password" not in f"{refused.value}{wrong}"


ARN = "arn:aws:ssm:us-east-1:123456789012:parameter/airflow-ADMIN_PASSWORD-1"
CONTAINER: dict[str, Any] = {
    "portMappings": [{"containerPort": 9000}],
    "environment": [
        {"name": "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "value": "root:admin"},
        {"name": "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "value": "http://localhost:9000/team/execution/"},
    ],
    "secrets": [{"name": "ADMIN_PASSWORD", "valueFrom": ARN}],
    "dockerLabels": {"airflow-fargate.parameter-version.ADMIN_PASSWORD": "3"},
}


@pytest.mark.parametrize(
    ("container", "parameter", "url", "username"),
    [
        pytest.param(CONTAINER, "airflow-ADMIN_PASSWORD-1:3", "http://198.51.100.7:9000/team", "root", id="now"),
        pytest.param(
            {**CONTAINER, "dockerLabels": {}, "environment": []},
            "airflow-ADMIN_PASSWORD-1",
            "http://198.51.100.7:9000",
            "admin",
            id="version 0.1",
        ),
    ],
)
def test_the_running_task_is_asked_as_it_was_started(
    container: dict[str, Any], parameter: str, url: str, username: str
) -> None:
    ecs, ec2, ssm = (
        cast(Any, boto3.client(name, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"))
        for name in ("ecs", "ec2", "ssm")
    )
    attachment = {"details": [{"name": "networkInterfaceId", "value": "eni-1"}]}
    task = {"taskDefinitionArn": "airflow:1", "lastStatus": "RUNNING", "healthStatus": "HEALTHY"}
    tasks = [
        {**task, "taskArn": "new", "createdAt": 2, "attachments": [attachment]},
        {**task, "taskArn": "old", "createdAt": 1},
        {**task, "taskArn": "next", "createdAt": 3, "lastStatus": "PENDING"},
    ]
    with Stubber(ecs) as of_ecs, Stubber(ec2) as of_ec2, Stubber(ssm) as of_ssm:
        of_ecs.add_response("list_tasks", {"taskArns": ["new", "old", "next"]})
        of_ecs.add_response("describe_tasks", {"tasks": tasks})
        of_ecs.add_response("describe_task_definition", {"taskDefinition": {"containerDefinitions": [container]}})
        interface = {"Association": {"PublicIp": "198.51.100.7"}}
        of_ec2.add_response("describe_network_interfaces", {"NetworkInterfaces": [interface]})
        asked = {"Name": parameter, "WithDecryption": True}
        of_ssm.add_response("get_parameter", {"Parameter": {"Value": "right"}}, asked)

        found = running_airflow(ecs, ec2, ssm, cluster="cluster", service="service")

    assert found == RunningAirflow("new", True, url, username, "right")
