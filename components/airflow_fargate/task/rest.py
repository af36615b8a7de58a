"""Airflow's REST API, as far as an update needs it: which DAGs are active, what runs, and a mark in the database."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from .running import RunningAirflow

_TIMEOUT_SECONDS = 20
_PAGE = 100

_MARK = "airflow_fargate_paused_dags"
"""The Airflow variable that names the paused DAGs: it is there if the database is, whatever becomes of the task."""

_AT_WORK = ("running", "queued", "restarting")
"""The states of task instances that have a process, or may get one although their DAG is paused."""


class NoAnswerError(Exception):
    """Airflow did not answer, or not as it should; the words say what it said."""


class AirflowApi:
    """The REST API of a running Airflow, asked as its administrator."""

    def __init__(self, airflow: RunningAirflow) -> None:
        """Log in, or raise `NoAnswerError`."""
        self._url = airflow.url
        self._token = ""
        login = {"username": airflow.username, "password": airflow.password}
        self._token = self._ask("POST", "/auth/token", login)["access_token"]

    def active_dags(self) -> list[str]:
        """Return the ids of the DAGs that are not paused."""
        return [dag["dag_id"] for dag in self._all("/api/v2/dags", "dags", {"paused": "false"})]

    def set_paused(self, dag_id: str, *, paused: bool) -> None:
        """Pause a DAG or let it go on; one that is gone is left alone."""
        path = f"/api/v2/dags/{urllib.parse.quote(dag_id, safe='')}"
        self._ask("PATCH", path, {"is_paused": paused}, absent_is_fine=True)

    def at_work(self) -> list[str]:
        """Return the tasks that run or are about to, each as `dag.task`."""
        path = "/api/v2/dags/~/dagRuns/~/taskInstances"
        found = self._all(path, "task_instances", {"state": _AT_WORK})
        return [f"{each['dag_id']}.{each['task_id']}" for each in found]

    def marked(self) -> list[str]:
        """Return the DAGs of the mark; none without one."""
        variable = self._ask("GET", f"/api/v2/variables/{_MARK}", absent_is_fine=True)
        return json.loads(variable["value"]) if variable else []

    def mark(self, dag_ids: Sequence[str]) -> None:
        """Remember these DAGs in the database."""
        variable = {
            "key": _MARK,
            "value": json.dumps(sorted(dag_ids)),
            "description": "DAGs to unpause after an update",
        }
        if self._ask("PATCH", f"/api/v2/variables/{_MARK}", variable, absent_is_fine=True) is None:
            self._ask("POST", "/api/v2/variables", variable)

    def unmark(self) -> None:
        """Forget them."""
        self._ask("DELETE", f"/api/v2/variables/{_MARK}", absent_is_fine=True)

    def _all(self, path: str, key: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        offset, total = 0, 1
        while offset < total:
            paged = {**query, "limit": _PAGE, "offset": offset}
            answer = self._ask("GET", f"{path}?{urllib.parse.urlencode(paged, doseq=True)}")
            total = answer["total_entries"]
            yield from answer[key]
            offset += _PAGE

    def _ask(self, method: str, path: str, body: object = None, *, absent_is_fine: bool = False) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the URL is http, and not of the caller's
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {self._token}"} if self._token else {}),
            },
        )
        try:
            with closing(urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)) as answer:  # noqa: S310 - as above
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404 and absent_is_fine:
                    return None
            raise NoAnswerError(f"{method} {path.partition('?')[0]}: {error}") from error
        except (OSError, ValueError) as error:
            raise NoAnswerError(f"{error}") from error
