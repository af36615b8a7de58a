"""Airflow's connections and variables in Parameter Store, where a task of Airflow asks for them when it needs them.

A changed value is another version of one parameter: nothing of ECS knows of it, and the next task of Airflow has it.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws

from .credentials import unfit_for_parameter
from .errors import Refusal, checked_late
from .identity import Location
from .part import Part, Statement
from .scope import Scope
from .settings import CapabilitySettings, SecretText, SecretTexts

SECRETS_BACKEND_VARIABLES: Mapping[str, str] = {
    "AIRFLOW__SECRETS__BACKEND": "set connections, variables or secrets_backend_prefix",
    "AIRFLOW__SECRETS__BACKEND_KWARGS": "set connections, variables or secrets_backend_prefix",
}
"""The variables that only this module sets when it is on, and what the caller does instead."""

_BACKEND = "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend"
_CONNECTIONS, _VARIABLES = "connections", "variables"

_FIELDS = {"conn_type", "description", "login", "password", "host", "port", "schema", "extra"}
"""Those of Airflow's connections in JSON (`Connection.from_json`)."""

# What both take. Airflow has more symbols for connections, and its backend reads `--` as the end of a team's name.
_NAME = re.compile(r"(?!.*--)[A-Za-z0-9._-]{1,200}")
# AWS: at most 15 levels and 1011 characters, none that begins with aws or ssm (Systems Manager, PutParameter).
_PREFIX = re.compile(r"(?!/(?:aws|ssm))(?:/[A-Za-z0-9._-]+){1,10}", re.IGNORECASE)

# The 1011 are of a name with its ARN, and more would do: but the task role's policy has the prefix twice.
_MAX_PREFIX_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class ParameterStoreSettings(CapabilitySettings):
    """Connections as URIs or JSON and variables as text, by name, and where others put theirs."""

    connections: SecretTexts = field(default_factory=dict[str, SecretText])
    variables: SecretTexts = field(default_factory=dict[str, SecretText])
    secrets_backend_prefix: str = ""

    @property
    def is_on(self) -> bool:
        """Whether Airflow asks Parameter Store at all."""
        return bool(self.connections or self.variables or self.secrets_backend_prefix)


def refuse_parameter_store(settings: ParameterStoreSettings) -> Iterator[Refusal]:
    """Refuse what Airflow could not read and Parameter Store could not hold; no value is shown."""
    for argument, values in (("connections", settings.connections), ("variables", settings.variables)):
        for name, value in values.items():
            if not _NAME.fullmatch(name):
                yield Refusal(
                    argument,
                    f"has the name {name!r}; use at most 200 letters, digits, dots, underscores and single hyphens",
                )
            elif isinstance(value, str):
                yield from _refuse_value(argument, name, value)
    prefix = settings.secrets_backend_prefix
    if prefix and not _PREFIX.fullmatch(prefix):
        yield Refusal(
            "secrets_backend_prefix",
            f"is {prefix!r}; give one such as /team/airflow, which does not begin with /aws or /ssm: connections are "
            f"looked for below /team/airflow/{_CONNECTIONS}, variables below /team/airflow/{_VARIABLES}",
        )
    elif len(prefix) > _MAX_PREFIX_LENGTH:
        yield Refusal(
            "secrets_backend_prefix",
            f"has {len(prefix)} characters; use at most {_MAX_PREFIX_LENGTH}, such as /team/airflow",
        )


def create_parameter_store_part(
    scope: Scope, settings: ParameterStoreSettings, cluster_name: pulumi.Output[str], location: pulumi.Output[Location]
) -> Part:
    """Keep each connection and variable as a parameter, and have Airflow look for them below one prefix.

    The prefix is the stack's own unless one is given; the task role may read what is below it, and nothing else.
    """
    if not settings.is_on:
        return Part()
    prefix = (
        pulumi.Output.from_input(settings.secrets_backend_prefix)
        if settings.secrets_backend_prefix
        else pulumi.Output.concat("/airflow/", cluster_name)
    )
    kept = {_CONNECTIONS: settings.connections, _VARIABLES: settings.variables}
    parameters = [
        aws.ssm.Parameter(
            f"{scope.name}-{argument}/{name}",
            name=pulumi.Output.concat(prefix, f"/{argument}/{name}"),
            type=aws.ssm.ParameterType.SECURE_STRING,
            description=f"Airflow: {argument.removesuffix('s')} {name}",
            value=pulumi.Output.secret(
                checked_late(scope.name, value, functools.partial(_refuse_value, argument, name))
            ),
            tags=scope.tags,
            opts=scope.opts,
        )
        for argument, values in kept.items()
        for name, value in sorted(values.items())
    ]
    return Part(
        environment={
            "AIRFLOW__SECRETS__BACKEND": _BACKEND,
            "AIRFLOW__SECRETS__BACKEND_KWARGS": pulumi.Output.all(prefix, location).apply(
                lambda known: json.dumps(_backend_arguments(known[0], known[1].region, settings.connections))
            ),
        },
        waits_for=tuple(parameters),
        task_permissions=(pulumi.Output.all(prefix, location).apply(lambda both: _permissions(*both)),),
    )


def _backend_arguments(prefix: str, region: str, connections: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the backend's arguments: where it looks, and for which connections it does not.

    The region is named, since DAGs may have another in `AWS_DEFAULT_REGION`.
    Airflow asks for `aws_default` and the other defaults by itself, at every log that it uploads: each would be a call
    that finds nothing. One that the caller gives is looked for.
    """
    given = sorted(name for name in connections if name.endswith("_default"))
    but = f"(?!(?:{'|'.join(map(re.escape, given))})$)" if given else ""
    return {
        "connections_prefix": f"{prefix}/{_CONNECTIONS}",
        "connections_lookup_pattern": f"^(?!{but}.*_default$)",
        "variables_prefix": f"{prefix}/{_VARIABLES}",
        "config_prefix": None,
        "region_name": region,
    }


def _permissions(prefix: str, location: Location) -> list[Statement]:
    arn = f"arn:{location.partition}:ssm:{location.region}:{location.account}:parameter{prefix}"
    return [
        {
            "Sid": "ReadConnectionsAndVariables",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": [f"{arn}/{_CONNECTIONS}/*", f"{arn}/{_VARIABLES}/*"],
        }
    ]


def _refuse_value(argument: str, name: str, value: str) -> Iterator[Refusal]:
    if why := unfit_for_parameter(value):
        yield Refusal(argument, f"has {name} with {why}")
    elif argument == _CONNECTIONS and (why := _unfit_for_connection(value)):
        yield Refusal(
            argument,
            f"has {name}, {why}; give one such as postgresql://user:password@db.example.com:5432/sales or "
            '{"conn_type": "postgres", "host": "db.example.com"}',
        )


def _unfit_for_connection(value: str) -> str | None:
    """Say why Airflow could make no connection of a value, without the value; None when it can."""
    if value.lstrip().startswith("{"):
        try:
            parsed: object = json.loads(value)
        except ValueError as error:
            return f"which is no JSON ({error})"
        fields = cast(Mapping[str, Any], parsed)
        unknown = fields.keys() - _FIELDS
        if unknown:
            return f"which has {', '.join(sorted(unknown))}; a connection's fields are {', '.join(sorted(_FIELDS))}"
        return None if fields.get("conn_type") else "which has no conn_type"
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:  # its text has a part of the value, which may be the password
        return "which is no URI"
    return None if parts.scheme else "a URI without a type in front of ://"
