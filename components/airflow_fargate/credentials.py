"""Airflow's login and keys, kept as SecureString parameters and handed to the container as its secrets."""

import asyncio
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from .dags.bundles import GIT_CONNECTION_VARIABLE, git_connection
from .errors import InvalidArgumentsError
from .settings import Settings
from .validation import checked_password, checked_secret


@dataclass(frozen=True)
class Credentials:
    """The administrator's password, and the parameter of every secret environment variable by its name."""

    admin_password: pulumi.Output[str]
    parameters: Mapping[str, aws.ssm.Parameter]


def create_credentials(name: str, settings: Settings, opts: pulumi.ResourceOptions) -> Credentials:
    """Generate what Airflow needs to keep the same over restarts, and store it with the caller's own secrets.

    Airflow makes up keys that are not given, each process its own: connections are then lost with the container, and
    the API refuses the tokens of its own tasks (`core.fernet_key`, `api_auth.jwt_secret`, `api.secret_key`).
    """
    fernet_key = random.RandomBytes(f"{name}-fernet-key", length=32, opts=opts)
    secrets: dict[str, pulumi.Input[str]] = {"AIRFLOW__CORE__FERNET_KEY": fernet_key.base64.apply(url_safe)}
    if settings.legacy_image:
        admin_password = pulumi.Output.secret("")
    else:
        admin_password = _admin_password(name, settings, opts)
        secrets |= {
            "ADMIN_PASSWORD": admin_password,
            "AIRFLOW__API__SECRET_KEY": random.RandomBytes(f"{name}-api-secret-key", length=32, opts=opts).base64,
            "AIRFLOW__API_AUTH__JWT_SECRET": random.RandomBytes(f"{name}-jwt-secret", length=64, opts=opts).base64,
        }
    if settings.dags_git_token is not None:
        secrets[GIT_CONNECTION_VARIABLE] = git_connection(settings)
    secrets |= {
        variable: _when_known(value, functools.partial(checked_secret, name, variable))
        for variable, value in settings.secrets.items()
    }
    return Credentials(
        admin_password=admin_password,
        parameters={
            variable: aws.ssm.Parameter(
                f"{name}-{variable}",
                type=aws.ssm.ParameterType.SECURE_STRING,
                description=f"Airflow: environment variable {variable}",
                value=pulumi.Output.secret(value),
                tags=settings.tags,
                opts=opts,
            )
            for variable, value in sorted(secrets.items())
        },
    )


def url_safe(base64: str) -> str:
    """Turn standard base64 into the URL-safe alphabet that a Fernet key is written in."""
    return base64.replace("+", "-").replace("/", "_")


def _admin_password(name: str, settings: Settings, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    if settings.admin_password is None:
        return random.RandomPassword(f"{name}-admin-password", length=24, special=False, opts=opts).result
    return _when_known(settings.admin_password, functools.partial(checked_password, name))


def _when_known(value: pulumi.Input[str], check: Callable[[str], str]) -> pulumi.Output[str]:
    """Return a secret that `check` may refuse, which `validate` could not while it was an output."""

    async def checked(known: str) -> str:
        try:
            return check(known)
        except InvalidArgumentsError:
            # In the program's first moment the SDK is starting the server for its hooks. An error that ends the
            # program just then stops that server half started, and grpc dies of SIGSEGV: without this message.
            await asyncio.sleep(0.2)
            raise

    return pulumi.Output.secret(value).apply(checked)
