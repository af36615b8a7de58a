"""The guide's image, `puckel/docker-airflow`: Airflow 1.10, without a login and without DAG bundles."""

from collections.abc import Iterator, Mapping

from .airflow import Airflow
from .credentials import FERNET_VARIABLE
from .database.container import Database
from .endpoint.endpoint import AIRFLOW_PORT, Endpoint
from .errors import Refusal
from .firewall import FirewallSettings, wider_than
from .image import DEFAULT_IMAGE
from .login.login import no_login
from .part import Part
from .task.health import HealthCheck
from .task.workload import TaskSettings

COMMAND = ("webserver",)

RESERVED_VARIABLES: Mapping[str, str] = {
    FERNET_VARIABLE: "set fernet_key",
    "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": "set port",
}
"""The variables that the component sets itself, and what the caller does instead."""

# docker-compose.yml of the guide: the web server writes its pid file once it serves.
_HEALTH_CHECK = HealthCheck(
    command=("CMD-SHELL", "[ -f /usr/local/airflow/airflow-webserver.pid ]"),
    interval=30,
    timeout=30,
    retries=3,
    start_period=300,
)

_NO_LOGIN = "has no login; leave it out"
_NO_BUNDLES = f"predates DAG bundles; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})"
_NO_BACKEND = f"knows no secrets backend; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})"
_NOT_READ = f"does not read it; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})"

_NO_EXECUTORS = f"runs its tasks one after the other in the container; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})"
_OWN_DATABASE = f"has its database in the container; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})"
_ENDS_WITH_TASK = f"keeps nothing when its task ends; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})"

_WITHOUT_EFFECT: Mapping[str, str] = {
    "admin_username": _NO_LOGIN,
    "admin_password": _NO_LOGIN,
    "connections": _NO_BACKEND,
    "dags_path": _NO_BUNDLES,
    "dags_refresh_seconds": _NO_BUNDLES,
    "dags_git_url": _NO_BUNDLES,
    "dags_git_ref": _NO_BUNDLES,
    "dags_git_subdir": _NO_BUNDLES,
    "dags_git_token": _NO_BUNDLES,
    "dags_git_username": _NO_BUNDLES,
    "constraints_path": _NOT_READ,
    "database": _OWN_DATABASE,
    "database_backup_days": _OWN_DATABASE,
    "database_instance_class": _OWN_DATABASE,
    "database_multi_az": _OWN_DATABASE,
    "database_storage_gib": _OWN_DATABASE,
    "database_url": _OWN_DATABASE,
    "database_version": _OWN_DATABASE,
    "database_snapshot_seconds": _ENDS_WITH_TASK,
    "keep_runs_days": _ENDS_WITH_TASK,
    "executors": _NO_EXECUTORS,
    "image_entrypoint": _NO_LOGIN,
    "drain_minutes": f"has no REST API that tells what runs; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})",
    "keep_postgres": _OWN_DATABASE,
    "load_examples": _NOT_READ,
    "pip_requirements": _NOT_READ,
    "plugins_path": f"has no folder for them that could be filled; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})",
    "remote_task_cpu": _NO_EXECUTORS,
    "remote_task_memory": _NO_EXECUTORS,
    "remote_task_secrets": _NO_EXECUTORS,
    "remote_task_spot": _NO_EXECUTORS,
    "requirements_path": _NOT_READ,
    "restore_from": _ENDS_WITH_TASK,
    "retain_data": _ENDS_WITH_TASK,
    "secrets_backend_prefix": _NO_BACKEND,
    "users": _NO_LOGIN,
    "variables": _NO_BACKEND,
    "worker_concurrency": _NO_EXECUTORS,
    "worker_count_max": _NO_EXECUTORS,
    "worker_count_min": _NO_EXECUTORS,
    "worker_cpu": _NO_EXECUTORS,
    "worker_memory": _NO_EXECUTORS,
    "worker_spot": _NO_EXECUTORS,
}
"""The arguments that the image has no use for, and why."""


def legacy_airflow(endpoint: Endpoint) -> Airflow:
    """Return Airflow 1.10 as the guide runs it."""
    variable = {"AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(endpoint.port)}
    return Airflow(
        health_check=_HEALTH_CHECK,
        stop_timeout=60,
        login=no_login(),
        database=Database(tasks_may_overlap=False, part=Part()),
        part=Part(environment=variable if endpoint.port != AIRFLOW_PORT else {}),
        remote=Part(),
    )


def refuse_legacy(given: frozenset[str], firewall: FirewallSettings, task: TaskSettings) -> Iterator[Refusal]:
    """Refuse what the image has no use for, does not run on, or would leave open to many."""
    for argument, why in _WITHOUT_EFFECT.items():
        if argument in given:
            yield Refusal(argument, f"is given, but the legacy image {why}")
    for network in wider_than(24, 64, firewall.allowed_cidrs):
        yield Refusal(
            "allowed_cidrs",
            f"has {network}; the legacy image has no login: nothing wider than /24 (IPv4) or /64 (IPv6) may reach it",
        )
    if task.cpu_architecture == "ARM64":
        yield Refusal("cpu_architecture", "is ARM64; the legacy image has X86_64 only")
