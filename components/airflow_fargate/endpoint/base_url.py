"""Airflow's own settings of its address: `api.base_url` and what else would move the API server."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pulumi

from ..environment import EnvironmentSettings, Variable

PORT_VARIABLE = "AIRFLOW__API__PORT"

ENDPOINT_VARIABLES: Mapping[str, str] = {
    PORT_VARIABLE: "set port",
    "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": "set port",
}
"""The variables that the component sets itself, and what the caller does instead."""

# Each with its name before Airflow 3, which it still has.
_BASE_URL = ("AIRFLOW__API__BASE_URL", "AIRFLOW__WEBSERVER__BASE_URL")
_HOST = ("AIRFLOW__API__HOST", "AIRFLOW__WEBSERVER__WEB_SERVER_HOST")
_ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - who gets there is for the firewall to decide
_TLS = (
    *("AIRFLOW__API__SSL_CERT", "AIRFLOW__WEBSERVER__WEB_SERVER_SSL_CERT"),
    *("AIRFLOW__API__SSL_KEY", "AIRFLOW__WEBSERVER__WEB_SERVER_SSL_KEY"),
)


def base_path(settings: EnvironmentSettings) -> pulumi.Input[str]:
    """Return the path of the URL that the caller gives Airflow, below which all of Airflow then is."""
    for name in _BASE_URL:
        value = settings.environment.get(name) or settings.secrets.get(name)
        if isinstance(value, str):
            return _path(value)
        if value is not None:
            return pulumi.Output.from_input(value).apply(_path)
    return ""


def refuse_address(variable: Variable) -> Iterator[str]:
    """Refuse settings of Airflow with which neither the health check nor a task would reach the API."""
    if variable.name in _BASE_URL and not _is_base_url(variable.value):
        yield (
            f"as {variable.shown}, which is no address of a web interface; "
            "give one such as https://airflow.example.com/path"
        )
    if variable.name in _HOST and variable.value not in _ANY_ADDRESS:
        yield (
            f"as {variable.shown}, where nobody would reach Airflow; "
            "leave it out, and say in allowed_cidrs who may reach it"
        )
    if variable.name in _TLS:
        yield "but Airflow speaks plain HTTP here; leave it out, and put a tunnel or a proxy of your own in front"


def _is_base_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        # Read for its check alone: what is no number raises.
        _ = parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment:
        return False
    return bool(parts.hostname) if parts.scheme in ("http", "https") else re.match("/(?!/)|/?$", value) is not None


def _path(value: str) -> str:
    return urlsplit(value).path.rstrip("/")
