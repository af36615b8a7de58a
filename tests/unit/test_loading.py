"""How the supervisor loads Airflow and what each of its processes runs, with modules that stand for Airflow's."""

import json
import re
from pathlib import Path
from typing import Any

from .test_supervisor import container, free_port, wait_for

__all__ = ["free_port"]

BY_SEVERAL = (
    "airflow.__main__",
    "airflow.api_fastapi.app",
    "airflow.api_fastapi.execution_api.routes",
    "airflow.api_fastapi.execution_api.versions",
    "airflow.cli.commands.db_command",
    "airflow.executors.local_executor",
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
    if arguments.command[0] == "db":
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


def test_airflow_is_loaded_once_and_each_process_runs_a_command_of_airflows(tmp_path: Path, free_port: int) -> None:
    for module, source in STANDS_FOR_AIRFLOW.items():
        package = tmp_path.joinpath("modules", *module.split("."))
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(source)
    (tmp_path / "modules" / "airflow" / "__main__.py").write_text(STANDS_FOR_AIRFLOW["airflow.__main__"])
    (tmp_path / "bundles" / "s3" / "files").mkdir(parents=True)
    (tmp_path / "bundles" / "s3" / "files" / "beside_the_dags.py").touch()

    with container(
        "sys.exit(main())",
        PYTHONPATH=str(tmp_path / "modules"),
        PYTHONDONTWRITEBYTECODE="",
        BUNDLES=str(tmp_path / "bundles"),
        PORT=str(free_port),
        ADMIN_PASSWORD="secret",
        AIRFLOW_FARGATE_MODULES=json.dumps({"ours.py": ""}),
        AIRFLOW_HOME=str(tmp_path / "home"),
    ) as process:
        log = wait_for(process, *(f'[["{name}"' for name in COMMANDS))
        process.terminate()
        process.communicate(timeout=10)

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
