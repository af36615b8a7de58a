"""Airflow's simple auth manager in the container, which checks each session against the current users.

The source of this module is put where Airflow finds it, as ``airflow_fargate_login.py``.
"""

from __future__ import annotations

import importlib
from typing import Any, cast

# By name, and so untyped: Airflow is installed where this runs, not where it is checked.
_simple: Any = importlib.import_module("airflow.api_fastapi.auth.managers.simple.simple_auth_manager")
_configuration: Any = importlib.import_module("airflow.configuration")


class AuthManager(_simple.SimpleAuthManager):
    """Airflow's own believes what a token says, for a day: that somebody is a user, and in which role."""

    def deserialize_user(self, token: dict[str, Any]) -> Any:
        """Return the user with the current role. A removed user is refused."""
        users = _configuration.conf.getlist("core", "simple_auth_manager_users")
        roles = dict(user.split(":")[:2] for user in users)
        if token["sub"] not in roles:
            raise ValueError(f"{token['sub']} is no user any more")
        return cast(Any, super().deserialize_user({**token, "role": roles[token["sub"]]}))
