"""How the supervisor loads Airflow and what each of its processes runs, with modules that stand for Airflow's."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .packing import modules
from .test_supervisor import container, free_port, wait_for

__all__ = ["free_port"]

BY_DAGS = [
    "airflow.dag_processing.bundles.local",
    "airflow.providers.standard.operators.bash",
    "airflow.sdk.definitions.asset.metadata",
    "airflow.sdk.definitions.decorators",
    "jinja2.ext",
]
"""What each parsing of a file and each task would import by itself."""

BY_SEVERAL = (
    "airflow.__main__",
    "airflow.api_fastapi.app",
    "airflow.api_fastapi.execution_api.routes",
    "airflow.api_fastapi.execution_api.versions",
    "airflow.cli.commands.db_command",
    "airflow.executors.local_executor",
    *BY_DAGS,
)
"""What of Airflow more than one process imports."""

COMMANDS = {
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "api-server": ["api-server", "--workers", "1"],
}

LOADED = [*BY_SEVERAL, *(f"airflow.cli.commands.{name.replace('-', '_')}_command" for name in COMMANDS)]

STANDS_FOR_AIRFLOW = {
    "airflow": """
from airflow import configuration, providers_manager
from airflow.cli import cli_parser
from airflow.utils import db
""",
    "airflow.configuration": """
import os
def write_default_airflow_configuration_if_needed(): print("writes the configuration")
class conf:
    def getint(section, key): return {("api", "port"): int(os.environ["PORT"])}[section, key]
    def getjson(section, key): return {("dag_processor", "dag_bundle_config_list"): BUNDLES}[section, key]
BUNDLES = [{"name": "s3", "classpath": "airflow_fargate_dags.bucket.BucketBundle", "kwargs": {}}]
""",
    "airflow.providers_manager": """
class ProvidersManager:
    def initialize_providers_configuration(self): print("configures the providers")
""",
    "airflow.utils.db": 'def import_all_models(): print("imports the models")',
    "jinja2": "",
    "sqlalchemy.orm": 'def configure_mappers(): print("configures the mappers")',
    "setproctitle": 'def setproctitle(title): print("is called", title)',
    "airflow.dag_processing.bundles.base": """
import os, pathlib
def get_bundle_storage_root_path(): return pathlib.Path(os.environ["BUNDLES"])
""",
    "airflow.cli.cli_parser": """
import gc, json, os, socket, sys, time
def run(arguments):
    try:
        import beside_the_dags
    except ImportError:
        pass
    facts = {
        "argv": sys.argv[1:],
        "collects": gc.isenabled(),
        "sees DAGs": "beside_the_dags" in sys.modules,
        "checks migrations": os.environ["AIRFLOW__DATABASE__CHECK_MIGRATIONS"],
    }
    import setproctitle
    setproctitle.setproctitle("airflow api_server -- host:0.0.0.0")
    print(json.dumps([arguments.command, facts]), flush=True)
    if arguments.command[0] in ("db", "rotate-fernet-key"):
        return
    if arguments.command[0] == "api-server":
        server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
    time.sleep(60)
class Arguments:
    def __init__(self, command): self.command, self.func = command, run
class Parser:
    def parse_args(self, command): return Arguments(command)
def get_parser(): return Parser()
""",
    **dict.fromkeys(LOADED, 'import gc, sys; print("imports", __name__, gc.isenabled(), sys.dont_write_bytecode)'),
}


def run(folder: Path, port: int, **environment: str) -> str:
    """Return the log of a container, until each component runs."""
    for module, source in STANDS_FOR_AIRFLOW.items():
        package = folder.joinpath("modules", *module.split("."))
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(source)
    (folder / "modules" / "airflow" / "__main__.py").write_text(STANDS_FOR_AIRFLOW["airflow.__main__"])
    (folder / "bundles" / "s3" / "files").mkdir(parents=True)
    (folder / "bundles" / "s3" / "files" / "beside_the_dags.py").touch()

    with container(
        "sys.exit(main())",
        PYTHONPATH=str(folder / "modules"),
        PYTHONDONTWRITEBYTECODE="",
        BUNDLES=str(folder / "bundles"),
        PORT=str(port),
        ADMIN_PASSWORD="secret",
        AIRFLOW_FARGATE_MODULES=modules({"ours.py": ""}),
        AIRFLOW_HOME=str(folder / "home"),
        **environment,
    ) as process:
        log = wait_for(process, *(f'[["{name}"' for name in COMMANDS))
        process.terminate()
        process.communicate(timeout=10)
    return log


def test_airflow_is_loaded_once_and_each_process_runs_a_command_of_airflows(tmp_path: Path, free_port: int) -> None:
    log = run(tmp_path, free_port)

    assert re.findall(r"loader \| (.*)", log) == [
        "is called airflow loader",
        *(f"imports {module} False True" for module in LOADED),
        "writes the configuration",
        "configures the providers",
        "imports the models",
        "configures the mappers",
    ]
    ran: dict[str, Any] = {
        name: json.loads(said) for name, said in re.findall(r"^([a-z -]+) \| (\[\[.*)$", log, flags=re.MULTILINE)
    }
    assert ran == {
        name: [
            command,
            {"argv": command, "collects": True, "sees DAGs": name == "triggerer", "checks migrations": "False"},
        ]
        for name, command in {"db migrate": ["db", "migrate"], **COMMANDS}.items()
    }
    assert log.index('[["api-server"') < log.index('[["scheduler"'), "its tasks would not find the API server"
    assert "is called airflow supervisor\n" in log
    renamed = re.findall(r"(.*) \| is called airflow api_server -- host:0.0.0.0", log)
    assert sorted(renamed) == sorted(ran.keys() - {"api-server"}), "its name in ps stays what the others' is like"
    assert (tmp_path / "home" / "config" / "ours.py").exists()
    assert (tmp_path / "home" / "simple_auth_manager_passwords.json.generated").exists()


def test_what_is_encrypted_is_so_with_the_first_of_several_keys_before_anything_reads_it(
    tmp_path: Path, free_port: int
) -> None:
    log = run(tmp_path, free_port, AIRFLOW__CORE__FERNET_KEY="new,old")

    commands = re.findall(r'^[a-z -]+ \| \[\["([a-z-]+)"', log, flags=re.MULTILINE)
    assert commands[:2] == ["db", "rotate-fernet-key"]
    assert set(commands[2:]) == COMMANDS.keys()


WORKER = [
    "airflow.dag_processing.dagbag",
    "airflow.executors.workloads",
    "airflow.providers.celery.cli.celery_command",
    "airflow.providers.celery.executors.celery_executor_utils",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    *BY_DAGS,
]
STANDS_FOR_CELERY = {
    "celery.signals": """
class Signal:
    def connect(self, receiver, weak): self.receiver = receiver
heartbeat_sent = Signal()
""",
    "airflow.cli.cli_parser": """
import gc, json, sys
from celery.signals import heartbeat_sent
def run(arguments):
    heartbeat_sent.receiver(sender=None, signal=heartbeat_sent)
    print(json.dumps([sys.argv, gc.isenabled()]), flush=True)
class Arguments:
    func = staticmethod(run)
class Parser:
    def parse_args(self, command): return Arguments
def get_parser(): return Parser()
""",
    **dict.fromkeys(WORKER, 'print("imports", __name__)'),
}


def worker(folder: Path, modules: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Return the log of a worker's container, from its start to its end."""
    for module, source in {**STANDS_FOR_AIRFLOW, "airflow.__main__": "", **STANDS_FOR_CELERY, **modules}.items():
        package = folder.joinpath("modules", *module.split("."))
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(source)
    (folder / "modules" / "airflow" / "__main__.py").touch()
    (folder / "home").mkdir()
    path, home = str(folder / "modules"), str(folder / "home")
    variables = {"PYTHONPATH": path, "AIRFLOW_HOME": home, **environment}
    with container("sys.exit(main())", "worker", **variables) as process:
        return process.communicate(timeout=20)[0]


def test_a_worker_is_loaded_once_without_a_database_and_touches_a_file_with_each_heartbeat(tmp_path: Path) -> None:
    log = worker(tmp_path, {}, {})

    loaded = re.findall(r"loader \| (.*)", log)
    assert [line for line in loaded if line.startswith("imports")] == [f"imports {module}" for module in WORKER]
    assert "db migrate" not in log
    command = ["airflow", "celery", "worker", "--skip-serve-logs", "--without-mingle", "--without-gossip"]
    assert f"worker | {json.dumps([command, True])}" in log
    assert (tmp_path / "home" / "worker-heartbeat").exists()


@pytest.mark.parametrize(("ago", "protects"), [(20, False), (40, True)])
def test_a_worker_is_protected_by_the_age_of_its_oldest_task(tmp_path: Path, ago: int, *, protects: bool) -> None:
    requests = ", ".join(f"Request(time.time() - {each})" for each in (1, ago))
    state = f"""
import time
class Request:
    def __init__(self, time_start): self.time_start = time_start
active_requests = [Request(None), {requests}]
"""
    # Where nobody listens.
    variables = {"AIRFLOW_FARGATE_PROTECTS_TASKS": "1", "ECS_AGENT_URI": "http://127.0.0.1:1"}
    log = worker(tmp_path, {"celery.worker.state": state}, variables)

    assert ("the worker's protection could not be changed" in log) == protects


def test_an_image_with_a_celery_that_the_provider_does_not_go_with_is_told_the_way_out(tmp_path: Path) -> None:
    module = "airflow.providers.celery.executors.celery_executor_utils"
    log = worker(tmp_path, {module: "raise ImportError(\"cannot import name 'retry'\")"}, {})

    assert (
        "CeleryExecutor cannot be loaded: cannot import name 'retry'. The image needs apache-airflow-providers-" in log
    )
    assert "celery below 5.7" in log
