"""A stack's DAG folder, parsed with the Airflow of this machine: `make dags`, and the beginning of `make up`."""

import hashlib
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from airflow_fargate.dags.folder import read_dag_folder
from airflow_fargate.dags.parse import ParsedFolder, ParseError, describe, is_mistake, parse_folder

from local.environments import airflow as airflow_environment
from local.errors import LocalCloudError
from local.paths import Home
from operate.console import say


class Configured(NamedTuple):
    """What a stack's configuration says of its DAGs."""

    folder: Path
    requirements: list[str]


def report(project: Path, stack: str) -> bool:
    """Print what is in the folder of a stack; return whether something in it has to be mended."""
    dags = _configured(project, stack)
    if dags is None:
        raise LocalCloudError(f"Pulumi.{stack}.yaml names no folder of DAGs.", "Set airflow-fargate:dagsPath in it.")
    parsed = _parse(dags)
    for line in describe(parsed, dags.requirements):
        print(line)
    return any(map(is_mistake, parsed.failures))


def report_changes(project: Path, stack: str, home: Home) -> None:
    """Say what is in the folder of a stack, unless it is as when it was said last."""
    dags = _configured(project, stack)
    if dags is None or not dags.folder.is_dir():
        return
    files = [(file.name, file.sha256) for file in read_dag_folder(dags.folder).files]
    digest = hashlib.sha256(repr((files, dags, airflow_environment.version())).encode()).hexdigest()
    if home.parsed_dags.exists() and home.parsed_dags.read_text() == digest:
        return
    for line in describe(_parse(dags), dags.requirements):
        say(line)
    home.parsed_dags.write_text(digest)


def _configured(project: Path, stack: str) -> Configured | None:
    file = project / f"Pulumi.{stack}.yaml"
    if not file.exists():
        raise LocalCloudError(f"{file} is not there.", "`pulumi stack init` makes a stack.")
    content: dict[str, dict[str, Any] | None] = yaml.safe_load(file.read_text()) or {}
    config = content.get("config") or {}
    folder: str | None = config.get("airflow-fargate:dagsPath")
    return Configured(project / folder, config.get("airflow-fargate:pipRequirements", [])) if folder else None


def _parse(dags: Configured) -> ParsedFolder:
    try:
        return parse_folder(dags.folder, airflow_environment.environment() / "bin" / Path(sys.executable).name)
    except ParseError as error:
        raise LocalCloudError(str(error), "`make clean` and `make up` make the environment again.") from error
