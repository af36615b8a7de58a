"""Who logs in to Airflow: the administrator and others, users of Airflow's simple auth manager.

With an auth manager of the caller's own image, that is none of the component's business.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_random as random

from ..credentials import unfit_for_parameter
from ..environment import EnvironmentSettings, Variable
from ..errors import Refusal, checked_late, listed
from ..packed import packed
from ..part import Part
from ..scope import Scope
from ..settings import CapabilitySettings, SecretText

MIN_PASSWORD_LENGTH = 12

ROLES = ("admin", "op", "user", "viewer")
"""The roles of Airflow's simple auth manager."""

_GENERATED_LENGTH = 24

_NAME_WORDS = "use at least one character, and no blanks, colons, commas or dollar signs, nor a ~ in front"

_SIMPLE_AUTH_MANAGER = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
_AUTH_MANAGER_VARIABLE = "AIRFLOW__CORE__AUTH_MANAGER"
_PASSWORDS_FILE = "/opt/airflow/simple_auth_manager_passwords.json"
_MODULE = "airflow_fargate_login"
_SOURCE = Path(__file__).with_name("auth_manager.py")

LOGIN_VARIABLES: Mapping[str, str] = {
    "ADMIN_PASSWORD": "set admin_password",
    _AUTH_MANAGER_VARIABLE: "name that of your image in environment",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "it would let everybody in without a password",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": "set admin_password",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "set admin_username and users",
    "USER_PASSWORDS": "they are generated",
}
"""The variables that only this module sets, and what the caller does instead."""

FREE_VARIABLES = LOGIN_VARIABLES.keys() - {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"}
"""Those of them that the caller may set for an auth manager of the image's own."""

_WITHOUT_EFFECT: Mapping[str, str] = {
    **dict.fromkeys(("admin_password", "admin_username", "users"), "it knows its own users"),
    "drain_minutes": "draining logs in as the administrator that the component makes",
    "image_entrypoint": "there is no login to prepare",
}
"""The arguments that mean nothing with such an auth manager, and why."""


@dataclass(frozen=True, kw_only=True)
class LoginSettings(CapabilitySettings):
    """The administrator, and the roles of the other users by name."""

    admin_username: str = "admin"
    admin_password: SecretText | None = None
    users: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Login:
    """The credentials of people; all are empty where the component has no part in the login."""

    username: str
    password: pulumi.Output[str]
    """A secret."""
    user_passwords: pulumi.Output[dict[str, str]]
    """A secret, by name."""


def no_login() -> Login:
    """Return what is known where the component has no part in it."""
    return Login("", pulumi.Output.secret(""), pulumi.Output.secret(dict[str, str]()))


def brings_auth_manager(environment: EnvironmentSettings) -> bool:
    """Whether the caller names an auth manager of the image's own."""
    return _AUTH_MANAGER_VARIABLE in environment.environment


def create_login(scope: Scope, settings: LoginSettings) -> Login:
    """Return the users with generated passwords; the administrator's may be given."""

    def generated(suffix: str) -> pulumi.Output[str]:
        name = f"{scope.name}-{suffix}"
        return random.RandomPassword(name, length=_GENERATED_LENGTH, special=False, opts=scope.opts).result

    users = {name: generated(f"user-password/{name}") for name in sorted(settings.users)}
    if settings.admin_password is None:
        password = generated("admin-password")
    else:
        password = checked_late(scope.name, pulumi.Output.secret(settings.admin_password), refuse_password)
    # Of nothing, `all` makes a list.
    return Login(settings.admin_username, password, pulumi.Output.secret(pulumi.Output.all(**users).apply(dict)))


def login_part(settings: LoginSettings, login: Login, *, supervised: bool) -> Part:
    """Tell Airflow its users, and the supervisor their passwords, which it writes to Airflow's file.

    Nothing is left to Airflow's own defaults: an image may have other ones.

    :param supervised: Whether the supervisor starts Airflow, and not a command of the caller's.
    """
    users = {login.username: "admin", **dict(sorted(settings.users.items()))}
    return Part(
        environment={
            _AUTH_MANAGER_VARIABLE: f"{_MODULE}.AuthManager" if supervised else _SIMPLE_AUTH_MANAGER,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": _PASSWORDS_FILE,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in users.items()),
        },
        secrets={
            "ADMIN_PASSWORD": login.password,
            **({"USER_PASSWORDS": pulumi.Output.json_dumps(login.user_passwords)} if settings.users else {}),
        },
        modules=modules() if supervised else {},
    )


def modules() -> dict[str, str]:
    """Return our packed auth manager by its path."""
    return {f"{_MODULE}.py": packed(_SOURCE)}


def refuse_login(settings: LoginSettings) -> Iterator[Refusal]:
    """Refuse a name that would be more than one user, and a password that is short."""
    username = settings.admin_username
    if not _is_name(username):
        yield Refusal("admin_username", f"is {username!r}; {_NAME_WORDS}")
    if isinstance(settings.admin_password, str):
        yield from refuse_password(settings.admin_password)
    seen = {username.lower(): username}
    for name, role in settings.users.items():
        if not _is_name(name):
            yield Refusal("users", f"has {name!r}; {_NAME_WORDS}")
        if role not in ROLES:
            yield Refusal("users", f"gives {name!r} the role {role!r}; use {listed(ROLES, 'or')}")
        if name == username:
            yield Refusal("users", f"has {name!r}, which is the administrator's name; leave it out")
        elif (other := seen.get(name.lower())) is not None:
            yield Refusal("users", f"has {name!r}, which only differs in case from {other!r}; choose another")
        seen[name.lower()] = name
    handed_over = json.dumps(dict.fromkeys(settings.users, "x" * _GENERATED_LENGTH))
    if settings.users and (why := unfit_for_parameter(handed_over)):
        yield Refusal("users", f"has {len(settings.users)} users, whose passwords have {why}")


def refuse_no_login(given: Collection[str]) -> Iterator[Refusal]:
    """Refuse what means nothing with an auth manager of the image's own."""
    for argument, why in _WITHOUT_EFFECT.items():
        if argument in given:
            yield Refusal(
                argument,
                f"is given, but environment has {_AUTH_MANAGER_VARIABLE}, an auth manager of your own: {why}; "
                "leave out one of the two",
            )


def refuse_simple_auth_manager(variable: Variable) -> Iterator[str]:
    """Refuse to name Airflow's simple auth manager as one of the image's own: it would make up passwords and log them.

    A rule for a variable of the caller's.
    """
    if variable.name == _AUTH_MANAGER_VARIABLE and variable.value == _SIMPLE_AUTH_MANAGER:
        yield "with Airflow's simple auth manager, which the component sets up by itself; leave it out"


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


def _is_name(username: str) -> bool:
    # Airflow puts in the values of variables behind a dollar sign, and a home folder for ~.
    return re.fullmatch(r"(?!~)[^\s:,$]+", username) is not None
