"""Airflow 3: how it is started, how its health is told, and what it adds to the task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .credentials import KEY_VARIABLES, api_keys_part
from .dags.part import DAG_VARIABLES, dags_part
from .dags.settings import DagSettings
from .database.container import DATABASE_VARIABLES, Database
from .endpoint.base_url import ENDPOINT_VARIABLES, PORT_VARIABLE, refuse_address
from .endpoint.endpoint import Endpoint
from .environment import EnvironmentSettings, VariableRule
from .executor.local import EXECUTOR_VARIABLES, local_executor_part
from .login import (
    LOGIN_VARIABLES,
    Login,
    LoginSettings,
    brings_auth_manager,
    create_login,
    login_part,
    no_login,
    refuse_simple_auth_manager,
)
from .modules import MODULE_VARIABLES, modules_part
from .part import Part, merge
from .proxy import proxy_part, refuse_closed_proxy
from .scope import Scope
from .task.container import supervisor_command
from .task.health import HealthCheck, health_check
from .task.workload import TaskSettings

LEAST_MEMORY = 1024
"""The least memory, in MiB, in which a DAG run was carried (docs/container.md)."""

COMMAND = supervisor_command()

RESERVED_VARIABLES: Mapping[str, str] = {
    **DAG_VARIABLES,
    **DATABASE_VARIABLES,
    **EXECUTOR_VARIABLES,
    **KEY_VARIABLES,
    **LOGIN_VARIABLES,
    **MODULE_VARIABLES,
    **ENDPOINT_VARIABLES,
}
"""The variables that the component sets itself, and what the caller does instead."""


def variable_rules(open_ports: Sequence[int]) -> tuple[VariableRule, ...]:
    """Return what is refused of the caller's variables, with the TCP ports that lead out of the task."""
    return (refuse_address, refuse_closed_proxy(open_ports), refuse_simple_auth_manager)


@dataclass(frozen=True, kw_only=True)
class Airflow:
    """The differences between the generations of Airflow, as far as the rest of the component has to know them."""

    health_check: HealthCheck
    login: Login
    database: Database
    part: Part


def create_airflow(
    scope: Scope,
    *,
    endpoint: Endpoint,
    task: TaskSettings,
    login: LoginSettings,
    dags: DagSettings,
    database: Database,
    environment: EnvironmentSettings,
) -> Airflow:
    """Put Airflow 3 together from its capabilities."""
    supervised = task.command is None
    own_auth_manager = brings_auth_manager(environment)
    people = no_login() if own_auth_manager else create_login(scope, login)
    part = merge(
        Part(environment={PORT_VARIABLE: str(endpoint.port)}),
        proxy_part(environment),
        Part() if own_auth_manager else login_part(login, people, supervised=supervised),
        api_keys_part(scope),
        database.part,
        local_executor_part(endpoint, task.memory),
        dags_part(scope, dags, supervised=supervised),
    )
    part = merge(part, modules_part(part.modules))
    return Airflow(
        health_check=health_check(endpoint.port, task.cpu, part.start_period_seconds),
        login=people,
        database=database,
        part=part,
    )
