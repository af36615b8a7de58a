"""The auth manager in the container, with a stand-in for Airflow's simple one."""

import importlib
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from .stand_in import give_airflow

SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager"


class SimpleAuthManager:
    def deserialize_user(self, token: dict[str, Any]) -> tuple[str, str]:
        return token["sub"], token["role"]


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a maker of auth managers with these users."""

    def make(*users: str) -> Any:
        def getlist(section: str, key: str) -> tuple[str, ...]:
            return {("core", "simple_auth_manager_users"): users}[section, key]

        give_airflow(
            monkeypatch,
            {
                SIMPLE: {"SimpleAuthManager": SimpleAuthManager},
                "airflow.configuration": {"conf": SimpleNamespace(getlist=getlist)},
            },
        )
        monkeypatch.delitem(sys.modules, "airflow_fargate.login.auth_manager", raising=False)
        return importlib.import_module("airflow_fargate.login.auth_manager").AuthManager()

    return make


def test_a_session_is_that_of_a_user_with_the_role_of_now(manager: Callable[..., Any]) -> None:
    token = {"sub": "vera", "role": "op", "exp": 0}

    assert manager("admin:admin", "vera:viewer").deserialize_user(token) == ("vera", "viewer")
    assert manager("vera:op:team").deserialize_user(token) == ("vera", "op")


def test_who_is_no_user_any_more_has_no_session(manager: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="vera is no user any more"):
        manager("admin:admin", "ver:op").deserialize_user({"sub": "vera", "role": "op"})
