"""A stack's DAG folder, parsed with the Airflow of this machine: `make dags`, and the beginning of `make up`."""

import hashlib
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from airflow_fargate.dags.folder import read_dag_folder
from airflow_fargate.dags.parse import ParsedFolder, ParseError, describe, is_mistake, parse_folder, read_packages
from airflow_fargate.executor.settings import ExecutorSettings
from airflow_fargate.settings import Reader

from local.environments import airflow as airflow_environment
from local.errors import LocalCloudError
from local.paths import Home
from operate.config_file import config_file, stack_file
from operate.console import say

LOCAL_STACK = "local"
"""The stack of this machine."""


class Configured(NamedTuple):
    """What a stack's configuration says of its DAGs."""

    folder: Path
    plugins: Path | None
    requirements: list[str]
    argument: str
    """Which names the requirements."""
    executors: ExecutorSettings


def report(project: Path, stack: str) -> bool:
    """Print what is in the folder of a stack; return whether something in it has to be mended."""
    dags = _with_folder(project, stack)
    parsed = _parse(dags)
    for line in describe(parsed, dags.requirements, dags.argument):
        print(line)
    return any(map(is_mistake, parsed.failures))


def report_changes(project: Path, stack: str, home: Home) -> None:
    """Say what is in the folder of a stack, unless it is as when it was said last."""
    dags = _configured(project, stack)
    if dags is None or not dags.folder.is_dir():
        return
    contents = [read_dag_folder(folder).digest for folder in (dags.folder, dags.plugins) if folder]
    digest = hashlib.sha256(repr((contents, dags, airflow_environment.version())).encode()).hexdigest()
    if home.parsed_dags.exists() and home.parsed_dags.read_text() == digest:
        return
    for line in describe(_parse(dags), dags.requirements, dags.argument):
        say(line)
    home.run.mkdir(parents=True, exist_ok=True)
    home.parsed_dags.write_text(digest)


def configured_folder(project: Path, stack: str) -> Path:
    """Return the DAG folder of a stack."""
    return _with_folder(project, stack).folder


def _with_folder(project: Path, stack: str) -> Configured:
    dags = _configured(project, stack)
    if dags is None:
        raise LocalCloudError(
            f"{_file(project, stack).name} names no folder of DAGs.", "Set airflow-fargate:dagsPath in it."
        )
    return dags


def _configured(project: Path, stack: str) -> Configured | None:
    file = _file(project, stack)
    if not file.exists():
        raise LocalCloudError(f"{file} is not there.", "`pulumi stack init` makes a stack.")
    content: dict[str, dict[str, Any] | None] = yaml.safe_load(file.read_text()) or {}
    config = content.get("config") or {}
    folder, plugins = (config.get(f"airflow-fargate:{key}") for key in ("dagsPath", "pluginsPath"))
    if not folder:
        return None
    file = config.get("airflow-fargate:requirementsPath")
    argument = "requirements_path" if file else "pip_requirements"
    requirements = read_packages(project / file) if file else config.get("airflow-fargate:pipRequirements", [])
    keys = {"executors": "executors", "remote_task_cpu": "remoteTaskCpu", "remote_task_memory": "remoteTaskMemory"}
    executors = Reader({name: config.get(f"airflow-fargate:{key}") or None for name, key in keys.items()})
    return Configured(
        project / folder,
        project / plugins if plugins else None,
        requirements,
        argument,
        executors.read(ExecutorSettings),
    )


def _file(project: Path, stack: str) -> Path:
    # In a shell with the variables of `make env`, Pulumi reads a copy, which is as old as the last `make up`.
    return project / stack_file(stack) if stack == LOCAL_STACK else config_file(stack, project)


def _parse(dags: Configured) -> ParsedFolder:
    try:
        python = airflow_environment.environment() / "bin" / Path(sys.executable).name
        return parse_folder(dags.folder, python, dags.plugins, dags.executors)
    except ParseError as error:
        raise LocalCloudError(str(error), "`make clean` and `make up` make the environment again.") from error
