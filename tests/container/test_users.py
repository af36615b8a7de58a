"""The users of a real Airflow: what each may do over HTTP, and what a change of them leaves and ends."""

from typing import Any

import pytest

from operate.rest import Answer, RestClient
from tests.container.conftest import Airflow
from tests.stories import tell

USERS = {"vera": "viewer", "ute": "user", "otto": "op", "anna": "admin"}
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"


class People:
    """The users, each logged in by now."""

    def __init__(self, airflow: Airflow) -> None:
        outputs = airflow.workspace.outputs()
        self.passwords: dict[str, str] = outputs["user_passwords"]
        self.sessions = {name: session(airflow, name, self.passwords[name]) for name in USERS}
        self.administrator = session(airflow, outputs["admin_username"], outputs["admin_password"])

    def at(self, url: str) -> None:
        """Let them go on at another address."""
        for each in (*self.sessions.values(), self.administrator):
            each.url = url


def session(airflow: Airflow, name: str, password: str) -> RestClient:
    client = RestClient(airflow.workspace.outputs()["url"], name, password)
    assert client.api("GET", "/dags").status == 200
    return client


def write_variable(client: RestClient, key: str) -> Answer:
    return client.api("POST", "/variables", {"key": key, "value": "1"})


def log_in(airflow: Airflow, name: str, password: str) -> int:
    return RestClient(airflow.workspace.outputs()["url"], name, password).log_in(password).status


@pytest.fixture
def people(airflow: Airflow) -> People:
    airflow.set(users=USERS)
    airflow.up()
    return People(airflow)


def test_users_log_in_with_their_roles(airflow: Airflow, people: People, subtests: pytest.Subtests) -> None:
    tell(
        subtests,
        [
            each_may_do_what_the_role_of_airflow_may,
            one_who_is_taken_out_is_locked_out_and_the_others_stay,
            an_auth_manager_of_the_images_own_has_its_own_login,
        ],
        airflow,
        people,
    )


def each_may_do_what_the_role_of_airflow_may(_: Airflow, people: People) -> None:
    starts = {
        name: client.api("POST", "/dags/etl_orders/dagRuns", {"logical_date": None}).status
        for name, client in people.sessions.items()
    }
    writes = {name: write_variable(client, name).status for name, client in people.sessions.items()}

    assert starts == {"vera": 403, "ute": 200, "otto": 200, "anna": 200}
    assert writes == {"vera": 403, "ute": 403, "otto": 201, "anna": 201}


def one_who_is_taken_out_is_locked_out_and_the_others_stay(airflow: Airflow, people: People) -> None:
    airflow.set(users={"ute": "viewer", "otto": "op"})
    airflow.up()
    outputs = airflow.workspace.outputs()
    people.at(outputs["url"])

    assert people.sessions["anna"].api("GET", "/dags").status in (401, 403)
    assert people.sessions["vera"].api("GET", "/dags").status in (401, 403)
    assert [log_in(airflow, name, people.passwords[name]) for name in ("anna", "vera")] == [401, 401]
    assert write_variable(people.sessions["otto"], "still").status == 201
    assert people.administrator.api("GET", "/dags").status == 200
    assert outputs["user_passwords"] == {name: people.passwords[name] for name in ("otto", "ute")}
    assert log_in(airflow, "otto", people.passwords["otto"]) == 201
    # A session has the role of now.
    assert people.sessions["ute"].api("POST", "/dags/etl_orders/dagRuns", {"logical_date": None}).status == 403


def an_auth_manager_of_the_images_own_has_its_own_login(airflow: Airflow, _: People) -> None:
    airflow.set(users={}, environment={"AIRFLOW__CORE__AUTH_MANAGER": FAB})
    airflow.up()
    outputs: dict[str, Any] = airflow.workspace.outputs()

    assert (outputs["admin_username"], outputs["admin_password"], outputs["user_passwords"]) == ("", "", {})
    anybody = RestClient(outputs["url"], "admin", "admin")
    assert anybody.request("GET", "/api/v2/dags").status == 401
    assert anybody.log_in("admin").status == 401
    # Of FAB's own; Airflow's simple auth manager answers any such path with its page.
    assert anybody.request("GET", "/auth/fab/v1/users").status == 401
