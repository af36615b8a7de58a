"""What the tests of the container ring share: the program of this repository, deployed with a real Airflow."""

import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, cast

import psutil
import pytest
import yaml

from local.cloud import Cloud
from local.engine.choose import engine
from local.environments import airflow as airflow_environment
from local.paths import ROOT, Home
from local.stack import Stack
from local.testing.emulated import free_port
from local.testing.program import copy_program, local_config
from operate.console import CommandError
from operate.rest import RestClient


@dataclass
class Airflow:
    """The deployed stack, and its Airflow as a user reaches it: by URL, name and password."""

    cloud: Cloud
    stack: Stack
    _rest: RestClient | None = field(default=None, repr=False)

    @property
    def outputs(self) -> dict[str, Any]:
        return self.stack.outputs()

    def configure(self, **values: Any) -> None:
        """Set keys of the stack's configuration."""
        file = self.stack.project / "Pulumi.local.yaml"
        configuration = yaml.safe_load(file.read_text())
        configuration["config"] |= {f"airflow-fargate:{key}": value for key, value in values.items()}
        file.write_text(yaml.safe_dump(configuration))

    def up(self, *, check: bool = True) -> str:
        self._rest = None  # address, login and keys may be others afterwards
        return self._pulumi("up", "--yes", "--skip-preview", check=check)

    def preview(self, *options: str, check: bool = True) -> str:
        return self._pulumi("preview", *options, check=check)

    def client(self, service: str) -> Any:
        return cast(Any, self.cloud.session()).client(service, endpoint_url=self.cloud.emulator.endpoint)

    def tasks(self) -> list[dict[str, Any]]:
        cluster = self.outputs["cluster_arn"]
        arns = self.client("ecs").list_tasks(cluster=cluster)["taskArns"]
        return self.client("ecs").describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []

    def log(self) -> list[str]:
        """Every line of the container's log, from CloudWatch."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = self.outputs["log_group_name"]
        return [event["message"] for page in pages.paginate(logGroupName=group) for event in page["events"]]

    def supervisor(self) -> psutil.Process:
        """Return the first process of the container."""
        emulator = self.cloud.emulator.running()
        assert emulator is not None, "the emulator does not run"
        return next(p for p in emulator.children(recursive=True) if _name(p) == "airflow supervisor")

    def processes(self) -> dict[psutil.Process, str]:
        """Every process of Airflow in the container, with the name that `ps` shows."""
        supervisor = self.supervisor()
        named = {process: _name(process) for process in (supervisor, *supervisor.children(recursive=True))}
        return {process: name for process, name in named.items() if name}  # one that has just ended has none

    def component(self, name: str) -> psutil.Process:
        """Return the process of a component, not the ones that it has started."""
        [process] = [child for child in self.supervisor().children() if _name(child) == f"airflow {name}"]
        return process

    @property
    def rest(self) -> RestClient:
        """The REST API, for the administrator."""
        if self._rest is None:
            outputs = self.outputs
            self._rest = RestClient(outputs["url"], outputs["admin_username"], outputs["admin_password"])
        return self._rest

    def run_dag(self, dag_id: str, seconds: float = 180) -> str:
        """Start a run as soon as the DAG is known, wait until it succeeds, and return its id."""
        try:
            return self.rest.run_dag(dag_id, seconds)
        except CommandError as failure:
            failure.add_note("\n".join(self.log()[-40:]))
            raise

    def _pulumi(self, *arguments: str, check: bool = True) -> str:
        self.stack.prepare()
        result: subprocess.CompletedProcess[str] = self.stack.pulumi(*arguments, check=False)
        text = result.stdout + result.stderr
        assert (result.returncode == 0) == check, text
        return text


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.NoSuchProcess:
        return ""


AGEING = 10
"""How much faster than this machine's clock a container's restart policy goes."""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Generator[Airflow]:
    """Return the program of this repository on its stack `local`, healthy, in a cloud of its own."""
    cloud = Cloud(Home(tmp_path_factory.mktemp("cloud")), free_port(), engine())
    project = tmp_path_factory.mktemp("project")
    copy_program(project)
    shutil.copytree(ROOT / "dags", project / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    config = {**local_config(cloud.emulator.endpoint), "airflow-fargate:loadExamples": True}
    (project / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": config}))
    cloud.prepare()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("EMULATOR_AGEING", str(AGEING))
        cloud.start(airflow_environment.images())
    try:
        deployed = Airflow(cloud, Stack(cloud, project, "local"))
        deployed.up()
        yield deployed
    finally:
        cloud.emulator.stop()
