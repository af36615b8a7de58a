"""The container definition: what ECS is told to run, how to tell its health and where its log goes. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from ..dags.bundles import GIT_CONNECTION_VARIABLE, dag_bundles, git_connection
from ..settings import Settings
from .health import START_PERIOD_SECONDS, health_check_command

# Airflow's own port, at which its settings need no help (`api.port`).
_AIRFLOW_PORT = 8080

# The most that ECS has. Packages are installed before Airflow starts, and how long that takes depends on them.
_START_PERIOD_WITH_PACKAGES = 300

_PASSWORDS_FILE = "/opt/airflow/simple_auth_manager_passwords.json"

# The guide's health check (docker-compose.yml): the web server writes its pid file once it serves.
_LEGACY_HEALTH_CHECK = ["CMD-SHELL", "[ -f /usr/local/airflow/airflow-webserver.pid ]"]


def container_definition(
    settings: Settings,
    *,
    region: pulumi.Input[str],
    log_group_name: pulumi.Input[str],
    parameter_arns: Mapping[str, pulumi.Input[str]],
    parameter_versions: Mapping[str, pulumi.Input[str]],
    dag_bucket_name: pulumi.Input[str] | None,
) -> dict[str, Any]:
    """Return the container of the task definition in the words of ECS's RegisterTaskDefinition.

    It says all that ECS would fill in itself (`hostPort`, empty lists), in ECS's order, and nothing that is null: what
    is read back then equals what was sent, and a later preview shows no change. ECS reads the parameters when it starts
    a task: the labels make another revision, and with it another task, when the value of one changes.
    """
    return {
        "name": "airflow",
        "image": settings.image,
        "essential": True,
        "memory": settings.memory,
        "command": list(settings.command or _command(settings)),
        "portMappings": [{"containerPort": settings.port, "hostPort": settings.port, "protocol": "tcp"}],
        "environment": [
            {"name": key, "value": value} for key, value in sorted(_environment(settings, dag_bucket_name).items())
        ],
        "secrets": [{"name": key, "valueFrom": arn} for key, arn in sorted(parameter_arns.items())],
        "healthCheck": _health_check(settings),
        "restartPolicy": {"enabled": True, "ignoredExitCodes": [], "restartAttemptPeriod": 60},
        "stopTimeout": 60,
        "dockerLabels": {
            f"airflow-fargate.parameter-version.{key}": version for key, version in sorted(parameter_versions.items())
        },
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group_name,
                "awslogs-region": region,
                "awslogs-stream-prefix": "airflow",
            },
        },
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
    }


def _command(settings: Settings) -> list[str]:
    if settings.legacy_image:
        return ["webserver"]
    return ["python", "-c", Path(__file__).with_name("supervisor.py").read_text(encoding="utf-8")]


def _health_check(settings: Settings) -> dict[str, Any]:
    if settings.legacy_image:
        return {"command": _LEGACY_HEALTH_CHECK, "interval": 30, "timeout": 30, "retries": 3, "startPeriod": 300}
    return {
        "command": health_check_command(settings.port),
        "interval": 15,
        "timeout": 10,
        "retries": 4,
        "startPeriod": _START_PERIOD_WITH_PACKAGES if settings.pip_requirements else START_PERIOD_SECONDS[settings.cpu],
    }


def _environment(settings: Settings, dag_bucket_name: pulumi.Input[str] | None) -> dict[str, pulumi.Input[str]]:
    if settings.legacy_image:
        ours = {"AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(settings.port)} if settings.port != _AIRFLOW_PORT else {}
        return {**settings.environment, **ours}
    return {
        **_defaults(settings),
        **settings.environment,
        **_reserved(settings),
        **_dags(settings, dag_bucket_name),
    }


def _defaults(settings: Settings) -> dict[str, pulumi.Input[str]]:
    """Return what the caller may override: as many tasks as memory carries, and one process that parses DAGs."""
    return {
        "AIRFLOW__CORE__PARALLELISM": str(max(2, min(32, settings.memory // 512))),
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    }


def _reserved(settings: Settings) -> dict[str, pulumi.Input[str]]:
    port = {
        "AIRFLOW__API__PORT": str(settings.port),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{settings.port}/execution/",
    }
    return {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": _PASSWORDS_FILE,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{settings.admin_username}:admin",
        "CONNECTION_CHECK_MAX_COUNT": "0",
        **(port if settings.port != _AIRFLOW_PORT else {}),
    }


def _dags(settings: Settings, bucket_name: pulumi.Input[str] | None) -> dict[str, pulumi.Input[str]]:
    environment: dict[str, pulumi.Input[str]] = {"AIRFLOW__CORE__LOAD_EXAMPLES": str(settings.load_examples)}
    if bundles := dag_bundles(settings, bucket_name):
        environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = pulumi.Output.json_dumps(bundles)
    if settings.dags_git_url is not None and settings.dags_git_token is None:
        environment[GIT_CONNECTION_VARIABLE] = git_connection(settings)
    if settings.pip_requirements:
        # Read by the entrypoint of the official image, which leaves the splitting to the shell.
        environment["_PIP_ADDITIONAL_REQUIREMENTS"] = " ".join(settings.pip_requirements)
    return environment
