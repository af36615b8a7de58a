"""The caller's own PostgreSQL, by its URL."""

import functools
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pulumi

from ..errors import Refusal, checked_late
from ..part import Part
from ..tcp import SYSTEM_CONTROLS
from .container import NO_CONNECTION_CHECK, RESULT_BACKEND_VARIABLE, Database

CONNECTION_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
ASYNC_CONNECTION_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg2")
DEFAULT_PORT = 5432

# The other modes verify the server by a file that the image does not have.
_SSL_MODES = ("disable", "allow", "prefer", "require")

_WAY_OUT = "give one such as postgresql://user:password@db.example.com:5432/airflow"


def url_database(name: str, url: pulumi.Input[str], open_ports: Sequence[int]) -> Database:
    """Return the database that `url` leads to; one that is known late is refused for the component `name` then."""
    known = checked_late(name, url, functools.partial(refuse_url, open_ports=open_ports))
    return Database(
        tasks_may_overlap=True,
        part=Part(
            environment=NO_CONNECTION_CHECK,
            secrets={
                CONNECTION_VARIABLE: known.apply(connection),
                ASYNC_CONNECTION_VARIABLE: known.apply(async_connection),
            },
            system_controls=SYSTEM_CONTROLS,
        ),
        results=Part(secrets={RESULT_BACKEND_VARIABLE: known.apply(connection).apply("db+{}".format)}),
    )


def connection(url: str) -> str:
    """Return the URL for Airflow's own queries, by psycopg2."""
    return _with_driver(url, "psycopg2", "sslmode")


def async_connection(url: str) -> str:
    """Return the URL for Airflow's asynchronous queries, by asyncpg, which knows `sslmode` as `ssl`.

    Airflow would make it of the other one, and asyncpg refuse the parameter.
    """
    return _with_driver(url, "asyncpg", "ssl")


def refuse_url(url: str, open_ports: Sequence[int]) -> Iterator[Refusal]:
    """Refuse what is no URL of a PostgreSQL database, and a port that the task could not reach.

    The URL holds a password: no part of it but the port is shown.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
        parameters = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        yield Refusal("database_url", f"is no URL; {_WAY_OUT}")
        return
    if parts.scheme not in _SCHEMES:
        yield Refusal("database_url", f"does not begin with postgresql://; {_WAY_OUT}")
    elif not (parts.hostname and parts.username) or "/" in parts.path[1:] or len(parts.path) < 2 or parts.fragment:
        yield Refusal("database_url", f"lacks a host, a user or a database; {_WAY_OUT}")
    elif any(parameter != "sslmode" or value not in _SSL_MODES for parameter, value in parameters):
        yield Refusal(
            "database_url",
            f"has a parameter other than sslmode, or an sslmode other than {', '.join(_SSL_MODES)}; "
            "both of Airflow's drivers know only these: leave it out",
        )
    elif port not in open_ports:
        yield Refusal("database_url", f"leads to port {port}, which is closed; add it to egress_ports")


def _with_driver(url: str, driver: str, ssl: str) -> str:
    parts = urlsplit(url)
    # Airflow replaces what follows a dollar sign by a variable's value.
    login = ":".join(quote(unquote(part), safe="") for part in (parts.username, parts.password) if part is not None)
    mode = dict(parse_qsl(parts.query)).get("sslmode")
    query = f"?{ssl}={mode}" if mode else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"postgresql+{driver}://{login}@{host}:{parts.port or DEFAULT_PORT}{parts.path}{query}"
