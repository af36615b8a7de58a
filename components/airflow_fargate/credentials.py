"""Keys that Airflow must keep over restarts, and the parameters that hold them and all other secrets."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from .document import MAX_INLINE_CHARACTERS
from .errors import Refusal, checked_late
from .identity import Location
from .part import Part, Variables
from .scope import Scope
from .settings import CapabilitySettings, SecretText

# AWS: a standard parameter holds 4 KiB (Systems Manager endpoints and quotas).
_MAX_PARAMETER_BYTES = 4096

# Of the inline policies of the role that reads the parameters; what it may do besides has less than the rest.
_MAX_CHARACTERS = 9_000

FERNET_VARIABLE = "AIRFLOW__CORE__FERNET_KEY"

KEY_VARIABLES: Mapping[str, str] = {
    "AIRFLOW__API_AUTH__JWT_SECRET": "it is generated once for the stack",
    "AIRFLOW__API__SECRET_KEY": "it is generated once for the stack",
    "AIRFLOW__WEBSERVER__SECRET_KEY": "it is generated once for the stack",
    FERNET_VARIABLE: "set fernet_key",
}
"""The variables that only this module sets, and why the caller does not."""


@dataclass(frozen=True, kw_only=True)
class KeySettings(CapabilitySettings):
    """The key that outlives a stack, if one is to."""

    fernet_key: SecretText | None = None


@dataclass(frozen=True)
class Parameters:
    """The SecureString parameter of every secret environment variable, and the permission to read them."""

    by_variable: Mapping[str, aws.ssm.Parameter]
    part: Part


def fernet_part(scope: Scope, settings: KeySettings) -> Part:
    """Give the key that Airflow encrypts connections with, generated if none is given.

    They are lost with a key that Airflow makes up itself.
    """
    if settings.fernet_key is not None:
        return Part(secrets={FERNET_VARIABLE: checked_late(scope.name, settings.fernet_key, refuse_fernet_key)})
    key = random.RandomBytes(f"{scope.name}-fernet-key", length=32, opts=scope.for_data.opts)
    return Part(secrets={FERNET_VARIABLE: key.base64.apply(url_safe)})


def api_keys_part(scope: Scope) -> Part:
    """Generate the keys of the API server.

    Each process of Airflow would make up its own, and the API refuse the tokens of its own tasks
    (`api_auth.jwt_secret`, `api.secret_key`).
    """
    return Part(
        secrets={
            "AIRFLOW__API__SECRET_KEY": _random_bytes(scope, "api-secret-key", 32),
            "AIRFLOW__API_AUTH__JWT_SECRET": _random_bytes(scope, "jwt-secret", 64),
        }
    )


def refuse_keys(settings: KeySettings) -> Iterator[Refusal]:
    """Refuse what is no key."""
    if isinstance(settings.fernet_key, str):
        yield from refuse_fernet_key(settings.fernet_key)


def refuse_fernet_key(key: str) -> Iterator[Refusal]:
    """Refuse what Airflow could not encrypt with. The key itself must not be readable in an error."""
    if not all(re.fullmatch(r"[A-Za-z0-9_-]{43}=", each) for each in key.split(",")):
        yield Refusal(
            "fernet_key",
            "is not 32 bytes in URL-safe base64 (44 characters); give the one that the database was written with, "
            "or a new one and that one, with a comma between them",
        )
    elif why := unfit_for_parameter(key):
        yield Refusal("fernet_key", f"has {why}")


def create_parameters(scope: Scope, secrets: Variables, *, retain_fernet_key: bool) -> Parameters:
    """Keep each secret as a parameter, which the container is handed by reference.

    With `retain_fernet_key` the parameter of that key stays when the stack is destroyed.
    """
    parameters = {
        variable: aws.ssm.Parameter(
            f"{scope.name}-{variable}",
            type=aws.ssm.ParameterType.SECURE_STRING,
            description=f"Airflow: environment variable {variable}",
            value=pulumi.Output.secret(value),
            tags=scope.tags,
            opts=scope.for_data.kept(retain=retain_fernet_key) if variable == FERNET_VARIABLE else scope.opts,
        )
        for variable, value in sorted(secrets.items())
    }
    return Parameters(parameters, _reading(parameters))


def refuse_many_secrets(name: str, variables: Collection[str], location: Location) -> Iterator[Refusal]:
    """Refuse more parameters of the component called `name` than one role can be allowed to read."""
    # Pulumi adds 8 characters to a name.
    begin = f"arn:{location.partition}:ssm:{location.region}:{location.account}:parameter/{name}-"
    size = sum(len(f'"{begin}{variable}-1234567",') for variable in variables)
    if size > _MAX_CHARACTERS:
        yield Refusal(
            "secrets",
            f"makes {len(variables)} parameters with the component's own, whose names take {size:,} characters in the "
            f"policy that allows to read them; a role has {MAX_INLINE_CHARACTERS:,} in its own policies, "
            f"{_MAX_CHARACTERS:,} of them for these: put several values into one, or use connections and variables",
        )


def only(parameters: Parameters, variables: Collection[str]) -> Parameters:
    """Return the parameters of some of the variables, and the permission to read no others."""
    chosen = {name: parameters.by_variable[name] for name in sorted(variables)}
    return Parameters(chosen, _reading(chosen) if chosen else Part())


def unfit_for_parameter(value: str) -> str | None:
    """Say why Systems Manager does not take a value as a parameter, without the value; None when it does."""
    size = len(value.encode(errors="surrogatepass"))
    if not 1 <= size <= _MAX_PARAMETER_BYTES:
        return f"{size} bytes; an SSM parameter holds 1 to {_MAX_PARAMETER_BYTES}"
    if re.search(r"\{\{.*\}\}", value, re.DOTALL):
        return (
            "{{…}} in it, which SSM takes for the name of another parameter; encode the value, for instance in base64"
        )
    return None


def _reading(parameters: Mapping[str, aws.ssm.Parameter]) -> Part:
    arns = pulumi.Output.all(*(parameter.arn for parameter in parameters.values()))
    read = {"Sid": "ReadSecrets", "Effect": "Allow", "Action": "ssm:GetParameters", "Resource": arns.apply(sorted)}
    return Part(execution_permissions=([read],))


def url_safe(base64: str) -> str:
    """Turn standard base64 into the URL-safe alphabet that a Fernet key is written in."""
    return base64.replace("+", "-").replace("/", "_")


def _random_bytes(scope: Scope, suffix: str, length: int) -> pulumi.Output[str]:
    return random.RandomBytes(f"{scope.name}-{suffix}", length=length, opts=scope.opts).base64
