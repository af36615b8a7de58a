"""Airflow's REST API, as a user with a password asks it."""

import json
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from operate import waiting
from operate.console import CommandError

until_airflow = partial(waiting.until, every=0.2)
"""Airflow is not to spend its time on answering."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, and its body as text and as JSON."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class RestClient:
    """A user of one Airflow, logged in when it is first asked for something that needs it."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url
        self._username = username
        self._password = password
        self._token = ""

    def log_in(self, password: str) -> Answer:
        return self.request("POST", "/auth/token", {"username": self._username, "password": password})

    def api(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask the API itself: `path` is what follows /api/v2."""
        if not self._token:
            self._token = self.log_in(self._password).json["access_token"]
        return self.request(method, f"/api/v2{path}", body, {"Authorization": f"Bearer {self._token}"})

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """Ask without a login for any path. OSError: nobody answers."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json, text/html", **(headers or {})},
        )
        try:
            with closing(urllib.request.urlopen(request, timeout=30)) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode())

    def wait_for_dag(self, dag_id: str, seconds: float = 180) -> None:
        until_airflow(
            lambda: self.api("GET", f"/dags/{dag_id}").status == 200, seconds, f"the DAG {dag_id} to be known"
        )

    def trigger(self, dag_id: str) -> str:
        """Start a run of a DAG that is known, and return the run's id."""
        self._ask("PATCH", f"/dags/{dag_id}", {"is_paused": False})
        return self._ask("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]

    def run_dag(self, dag_id: str, seconds: float = 180) -> str:
        """Start a run as soon as the DAG is known, wait until it succeeds, and return its id."""
        self.wait_for_dag(dag_id, seconds)
        run_id = self.trigger(dag_id)
        self.wait_for_run(dag_id, run_id, seconds)
        return run_id

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 180) -> None:
        """Wait until a run succeeds."""

        def ended() -> str:
            state: str = self._ask("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"]
            return state if state in ("success", "failed") else ""

        if until_airflow(ended, seconds, f"the run {run_id} of {dag_id} to end") != "success":
            raise CommandError(f"The run {run_id} of {dag_id} failed.")

    def task_log(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
        """Return the log of the first try of a task, or of one of those that it was mapped to."""
        return self.api(
            "GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1?map_index={map_index}"
        ).text

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what the API answers; any status but 200 is an error."""
        answer = self.api(method, path, body)
        if answer.status != 200:
            raise CommandError(f"{method} {path} of Airflow's API: {answer.status} {answer.text}")
        return answer.json
