"""Airflow 3: how it is started, how its health is told, and what it adds to the task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from .credentials import KEY_VARIABLES, api_keys_part
from .dags.part import DAG_VARIABLES, dags_part
from .dags.requirements.locked import Locked
from .dags.settings import DagSettings
from .data.part import DATA_VARIABLES, Data
from .database.container import DATABASE_VARIABLES, NO_CONNECTION_CHECK, Database
from .endpoint.base_url import ENDPOINT_VARIABLES, PORT_VARIABLE, refuse_address
from .endpoint.endpoint import Endpoint
from .environment import EnvironmentSettings, VariableRule
from .executor.celery import celery_part
from .executor.choice import EXECUTOR_VARIABLES, LONG_TOKENS, execution_api, executors_part, preloaded
from .executor.local import local_executor_part
from .executor.settings import ExecutorSettings
from .login.login import (
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
from .task.workload import MAX_STOP_TIMEOUT, TaskSettings

LEAST_MEMORY = 1024
"""The least memory, in MiB, in which a DAG run was carried (docs/container.md)."""

COMMAND = supervisor_command()

RESERVED_VARIABLES: Mapping[str, str] = {
    **DAG_VARIABLES,
    **DATA_VARIABLES,
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
    stop_timeout: int
    """Seconds from SIGTERM to SIGKILL."""
    login: Login
    database: Database
    part: Part
    remote: Part
    """What a task of Airflow has that runs in a container of its own; nothing if none does."""


def create_airflow(
    scope: Scope,
    *,
    endpoint: Endpoint,
    task: TaskSettings,
    login: LoginSettings,
    dags: DagSettings,
    packages: Locked,
    data: Data,
    database: Database,
    environment: EnvironmentSettings,
    executor: ExecutorSettings,
    api_host: pulumi.Input[str] | None,
) -> Airflow:
    """Put Airflow 3 together from its capabilities.

    :param api_host: Where tasks that run elsewhere find the API server, if any do.
    """
    supervised = not task.own_command
    own_auth_manager = brings_auth_manager(environment)
    people = no_login() if own_auth_manager else create_login(scope, login)
    bundles = dags_part(scope, dags, packages, supervised=supervised)
    part = merge(
        Part(environment={PORT_VARIABLE: str(endpoint.port)}),
        proxy_part(environment),
        Part() if own_auth_manager else login_part(login, people, supervised=supervised),
        api_keys_part(scope),
        database.part,
        data.part,
        executors_part(executor, execution_api("localhost", endpoint), supervised=supervised),
        LONG_TOKENS if executor.is_apart else Part(),
        local_executor_part(executor, task.memory, tasks_may_overlap=database.tasks_may_overlap),
        preloaded(executor),
        celery_part(executor, task.memory, database.results) if executor.has_workers else Part(),
        bundles,
    )
    part = merge(part, modules_part(part.modules))
    remote = Part()
    if api_host is not None:
        remote = merge(
            Part(environment=NO_CONNECTION_CHECK),
            proxy_part(environment, api_host),
            data.task_logs,
            executors_part(executor, execution_api(api_host, endpoint)),
            bundles,
        )
        remote = merge(remote, modules_part(remote.modules))
    return Airflow(
        health_check=health_check(endpoint.port, task.cpu, part.start_period_seconds),
        # The supervisor takes 40 s at most, and the keeper's last calls of S3 as long as they may.
        stop_timeout=MAX_STOP_TIMEOUT if data.has_keeper else 60,
        login=people,
        database=database,
        part=part,
        remote=remote,
    )
