"""Who logs in to Airflow: one administrator, of Airflow's simple auth manager."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random

from .credentials import unfit_for_parameter
from .errors import Refusal, checked_late
from .part import Part
from .scope import Scope
from .settings import CapabilitySettings, SecretText

MIN_PASSWORD_LENGTH = 12

_AUTH_MANAGER = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
_PASSWORDS_FILE = "/opt/airflow/simple_auth_manager_passwords.json"

LOGIN_VARIABLES: Mapping[str, str] = {
    "ADMIN_PASSWORD": "set admin_password",
    "AIRFLOW__CORE__AUTH_MANAGER": "the login is Airflow's simple auth manager",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "it would let everybody in without a password",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": "set admin_password",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "set admin_username",
}
"""The variables that only this module sets, and what the caller does instead."""


@dataclass(frozen=True, kw_only=True)
class LoginSettings(CapabilitySettings):
    """The administrator."""

    admin_username: str = "admin"
    admin_password: SecretText | None = None


@dataclass(frozen=True)
class Login:
    """The credentials of a person; both are empty where there is no login."""

    username: str
    password: pulumi.Output[str]
    """A secret."""


def create_login(scope: Scope, settings: LoginSettings) -> Login:
    """Return the administrator, with a generated password if none is given."""
    if settings.admin_password is None:
        generated = random.RandomPassword(f"{scope.name}-admin-password", length=24, special=False, opts=scope.opts)
        return Login(settings.admin_username, generated.result)
    given = checked_late(scope.name, pulumi.Output.secret(settings.admin_password), refuse_password)
    return Login(settings.admin_username, given)


def login_part(login: Login) -> Part:
    """Tell Airflow its one user, and the supervisor the password, which it writes to Airflow's file.

    Nothing is left to Airflow's own defaults: an image may have other ones.
    """
    return Part(
        environment={
            "AIRFLOW__CORE__AUTH_MANAGER": _AUTH_MANAGER,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": _PASSWORDS_FILE,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{login.username}:admin",
        },
        secrets={"ADMIN_PASSWORD": login.password},
    )


def refuse_login(settings: LoginSettings) -> Iterator[Refusal]:
    """Refuse a name that would be more than one user, and a password that is short."""
    username = settings.admin_username
    if not re.fullmatch(r"[^\s:,]+", username):
        yield Refusal("admin_username", f"is {username!r}; use at least one character, and no blanks, colons or commas")
    if isinstance(settings.admin_password, str):
        yield from refuse_password(settings.admin_password)


def refuse_password(password: str) -> Iterator[Refusal]:
    """Refuse a short password. Its length alone is named: it must not be readable in an error."""
    if len(password) < MIN_PASSWORD_LENGTH:
        yield Refusal(
            "admin_password",
            f"has {len(password)} characters; use {MIN_PASSWORD_LENGTH} or more, or leave it out to have one generated",
        )
    elif "\0" in password:
        yield Refusal("admin_password", "has a zero byte, which no environment variable can hold; leave that out")
    elif why := unfit_for_parameter(password):
        yield Refusal("admin_password", f"has {why}, or leave it out to have one generated")
