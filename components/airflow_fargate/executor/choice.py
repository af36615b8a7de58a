"""The executors that Airflow has, where each finds the API server, and what all of them share."""

from collections.abc import Mapping
from pathlib import Path

import pulumi

from ..endpoint.endpoint import Endpoint
from ..packed import packed
from ..part import Part
from .container import REMOTE_CPU_VARIABLE, REMOTE_MEMORY_VARIABLE
from .settings import CELERY, ECS, LOCAL, ExecutorSettings

EXECUTOR_VARIABLE = "AIRFLOW__CORE__EXECUTOR"
API_VARIABLE = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"

PRELOADED_VARIABLE = "AIRFLOW_FARGATE_PRELOADED"

EXECUTOR_VARIABLES: Mapping[str, str] = {
    API_VARIABLE: "it follows port and AIRFLOW__API__BASE_URL",
    "AIRFLOW__WORKERS__EXECUTION_API_SERVER_URL": "it follows port and AIRFLOW__API__BASE_URL",
    EXECUTOR_VARIABLE: "set executors",
}
"""The variables that only these modules set, and what the caller does instead."""

PATIENCE = Part(defaults={"AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "2"})
"""What has a task in another container go on for some minutes while the API server is away, as in an update of it, and
end itself then: a heartbeat that fails has been tried ten times, over two and a half minutes on average."""

LONG_QUEUE = {"AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": str(24 * 60 * 60)}
"""How long a queued task's token is valid under Airflow's own LocalExecutor; ours sees to that itself."""

LONG_TOKENS = Part(defaults={"AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME": "3600"})
"""How long the token of a running task is good for, which the API server renews when a fifth is left: of Airflow's ten
minutes that would be over before the patience of a task in another container is."""

_PACKAGE = "airflow_fargate_executor"
_MODULES = Path(__file__).with_name("container")
_OURS = {LOCAL: f"{_PACKAGE}.local", ECS: f"{_PACKAGE}.ecs", CELERY: f"{_PACKAGE}.celery"}
"""The modules of our executors, of the same names as Airflow's."""
_FILES = {LOCAL: ("local.py",), ECS: ("ecs.py", "policy.py", "sizes.py"), CELERY: ("celery.py",)}
"""What each of them consists of, besides the package."""

# A distribution that consists of one entry point, by which Airflow finds the policy.
_DISTRIBUTION = ("METADATA", "entry_points.txt")


def executors_part(settings: ExecutorSettings, api: pulumi.Input[str], *, supervised: bool = True) -> Part:
    """Name the executors, for the scheduler and for whoever parses a DAG, and the API at which tasks report.

    After a restart in place the scheduler takes up the tasks of the one before when it looks for orphans, which Airflow
    does every five minutes; and the server's first answers can be slow on a small CPU, where Airflow gives up after
    five tries.

    :param supervised: Whether the supervisor starts Airflow, and not a command of the caller's, which may be without
        our modules.
    """
    return Part(
        defaults={
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "10",
            **({} if supervised else LONG_QUEUE),
        },
        environment={
            API_VARIABLE: api,
            EXECUTOR_VARIABLE: configured_executors(settings) if supervised else ",".join(settings.executors),
            **(size_variables(settings) if settings.has_remote else {}),
        },
        modules=modules(settings) if supervised else {},
    )


def configured_executors(settings: ExecutorSettings) -> str:
    """Return Airflow's `core.executor`: the executors by their own names, and ours where they differ."""
    return ",".join(f"{name}:{_OURS[name]}.{name}" if _is_ours(name, settings) else name for name in settings.executors)


def _is_ours(executor: str, settings: ExecutorSettings) -> bool:
    return executor in _OURS and (executor != CELERY or settings.scales_workers)


def preloaded(settings: ExecutorSettings) -> Part:
    """Have executors imported once, and so shared by the scheduler and whoever else reads the logs of tasks."""
    own = {CELERY: "airflow.providers.celery.executors.celery_executor"}
    modules = [_OURS[name] if _is_ours(name, settings) else own[name] for name in settings.executors if name != LOCAL]
    return Part(environment={PRELOADED_VARIABLE: " ".join(modules)} if modules else {})


def size_variables(settings: ExecutorSettings) -> dict[str, str]:
    """Tell whoever parses a DAG what a task has whose `executor_config` names one of both."""
    return {
        REMOTE_CPU_VARIABLE: str(settings.remote_task_cpu),
        REMOTE_MEMORY_VARIABLE: str(settings.remote_task_memory),
    }


def execution_api(host: pulumi.Input[str], endpoint: Endpoint) -> pulumi.Output[str]:
    """Return the URL at which the API server of `host` serves tasks, whatever its address is for people."""
    return pulumi.Output.format("http://{0}:{1}{2}/execution/", host, endpoint.port, endpoint.path)


def modules(settings: ExecutorSettings) -> dict[str, str]:
    """Return our packed executors by their paths, and the policy, with the distribution that names it."""
    files = [file for name in settings.executors if _is_ours(name, settings) for file in _FILES[name]]
    if not files:
        return {}
    sources = {f"{_PACKAGE}/{file}": packed(_MODULES / file) for file in ("__init__.py", *files)}
    policy = {f"{_PACKAGE}-1.dist-info/{file}": packed(_MODULES / file) for file in _DISTRIBUTION}
    return {**sources, **(policy if settings.has_remote else {})}
