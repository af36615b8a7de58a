"""Fixtures of the container ring: the program of this repository, deployed with a real Airflow."""

import shutil
from collections.abc import Collection, Generator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from local.cloud import Cloud
from local.engine.choose import engine
from local.environments import airflow as airflow_environment
from local.paths import ROOT
from local.stack import Stack
from local.testing import earlier
from local.testing.clouds import temporary_cloud
from local.testing.deployed import Deployed, title
from local.testing.program import copy_program, local_config
from local.testing.workspace import Workspace
from local.warm import WarmPython
from operate import status
from operate.console import CommandError
from operate.rest import RestClient, until_airflow
from tests.fixtures import warm

__all__ = ["warm"]

OF_THE_RING = {
    "airflow-fargate:loadExamples": True,
    "airflow-fargate:dagsRefreshSeconds": 5,
    "airflow-fargate:cpu": 1024,
}
"""Airflow's own examples are there to be run, and nobody waits half a minute for a file, or for half a CPU."""


class Airflow(Deployed):
    """The deployed stack, and its Airflow as a user reaches it: by URL, name and password."""

    def __init__(self, cloud: Cloud, project: Path) -> None:
        super().__init__(cloud, Workspace(Stack(cloud, project, "local")))
        self.dags = project / "dags"
        self._configuration = project / "Pulumi.local.yaml"
        self._rest: RestClient | None = None

    def bring(self) -> None:
        """Deploy the program as it is committed, unless that is what runs."""
        there = self._configuration.read_text() if self._configuration.exists() else ""
        copy_program(self._configuration.parent)
        shutil.rmtree(self.dags, ignore_errors=True)
        shutil.copytree(ROOT / "dags", self.dags, ignore=shutil.ignore_patterns("__pycache__"))
        config = {**local_config(self.cloud.emulator.endpoint), **OF_THE_RING}
        self._configuration.write_text(yaml.safe_dump({"config": config}))
        if self._configuration.read_text() != there or not self.workspace.stack.lists_resources():
            self.up()

    def set(self, **values: Any) -> None:
        """Set keys of the stack's configuration."""
        configuration = yaml.safe_load(self._configuration.read_text())
        configuration["config"] |= {f"airflow-fargate:{key}": value for key, value in values.items()}
        self._configuration.write_text(yaml.safe_dump(configuration))

    def encrypted(self, value: str) -> dict[str, str]:
        """Return what `pulumi config set --secret` writes for a value."""
        stack = self.workspace.stack
        stack.pulumi("config", "set", "--secret", "encrypted", value)
        configuration = yaml.safe_load((self.cloud.home.stack / self._configuration.name).read_text())
        stack.pulumi("config", "rm", "encrypted")
        return configuration["config"]["airflow-fargate:encrypted"]

    def up(self, *, fails: bool = False) -> str:
        self._rest = None  # the keys may be others afterwards
        return self.workspace.up(fails=fails)

    @property
    def rest(self) -> RestClient:
        if self._rest is None:
            outputs = self.workspace.outputs()
            self._rest = RestClient(outputs["url"], outputs["admin_username"], outputs["admin_password"])
        return self._rest

    def tasks(self) -> list[dict[str, Any]]:
        arns, cluster = self.task_arns, self.workspace.outputs()["cluster_arn"]
        return self.client("ecs").describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []

    def log(self) -> list[str]:
        """Every line of the container's log, from CloudWatch."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = self.workspace.outputs()["log_group_name"]
        return [event["message"] for page in pages.paginate(logGroupName=group) for event in page["events"]]

    def go_on(self, but: Collection[str] = (), seconds: float = 300) -> None:
        """Wait for a healthy task of the service that is not one of the ARNs, and ask that one from now on."""
        outputs, gone = self.workspace.outputs(), {arn.rpartition("/")[2] for arn in but}
        asked = (self.client("ecs"), self.client("ec2"), outputs["cluster_arn"], outputs["service_arn"])

        def urls() -> list[str]:
            rows = status.tasks(*asked)  # those that have stopped, if none runs
            healthy = [row for row in rows if (row.status, row.health) == ("RUNNING", "HEALTHY")]
            return [row.url for row in healthy if row.task not in gone]

        try:
            [url] = until_airflow(urls, seconds, "the service to have a healthy task")
        except CommandError as failure:
            failure.add_note("\n".join(self.log()[-40:]))
            raise
        self._rest = RestClient(url, outputs["admin_username"], outputs["admin_password"])

    def run_dag(self, dag_id: str, seconds: float = 180) -> str:
        """Start a run, wait until it succeeds, and return its id."""
        try:
            return self.rest.run_dag(dag_id, seconds)
        except CommandError as failure:
            failure.add_note("\n".join(self.log()[-40:]))
            raise

    def result(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """Return what a task has returned, or one of those that it was mapped to."""
        instance = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        return self.rest.api("GET", f"{instance}/xcomEntries/return_value?map_index={map_index}").json["value"]

    def processes(self) -> dict[psutil.Process, str]:
        """Every process of Airflow in the container, with the name that `ps` shows."""
        supervisor = self.supervisor()
        named = {process: title(process) for process in (supervisor, *supervisor.children(recursive=True))}
        return {process: name for process, name in named.items() if name}  # one that has just ended has none

    def component(self, name: str) -> psutil.Process:
        """Return the process of a component, not the ones that it has started."""
        [process] = [child for child in self.supervisor().children() if title(child) == f"airflow {name}"]
        return process


@pytest.fixture(scope="session")
def the_only_airflow(warm: WarmPython, tmp_path_factory: pytest.TempPathFactory) -> Generator[Airflow]:
    """Return the one of the whole ring, in a cloud for itself: starting it takes minutes."""
    folder, images = tmp_path_factory.mktemp("cloud"), airflow_environment.images()
    [locked] = images.values()
    images[earlier.IMAGE] = earlier.environment(folder, locked)
    with temporary_cloud(folder, warm.engine(engine()), images, python=warm.executable) as cloud:
        yield Airflow(cloud, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def airflow(the_only_airflow: Airflow) -> Airflow:
    """Return it as it is committed, and healthy."""
    the_only_airflow.bring()
    return the_only_airflow
