"""A stack that steps deploy, break and mend, by a configuration of their own, and what can be asked of it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from airflow_fargate.session import clients

from operate.config_file import CONFIG_FILE, config_file, stack_file
from operate.console import CommandError
from operate.pulumi_cli import pulumi
from operate.rest import RestClient
from operate.status import aws_configuration


class SkippedError(Exception):
    """A step that cannot be taken here; the text says why."""


class Trial:
    """The stack. What its own configuration file says is where every step begins; the file itself stays as it is."""

    def __init__(self, stack: str, folder: Path) -> None:
        self.stack = stack
        own = config_file(stack, Path())
        self._own = own.read_text() if own.exists() else ""
        self._file = folder / stack_file(stack)
        self._file.write_text(self._own)
        os.environ[CONFIG_FILE] = str(self._file)

    def configure(self, **values: Any) -> None:
        """Set keys beside those of the stack's own configuration; those of an earlier step are gone."""
        self._file.write_text(self._own)
        for key, value in {"dagsPath": "dags", "enableExec": True, **values}.items():
            self._set(key, value)

    def configure_secret(self, key: str, value: str) -> None:
        """Set one more, encrypted."""
        self._pulumi("config", "set", "--path", "--secret", key, value)

    def in_region(self, region: str) -> None:
        """Go elsewhere with what is not deployed."""
        self._file.write_text(self._own)
        self._set("aws:region", region)
        self._own = self._file.read_text()

    def preview(self, *options: str) -> str:
        return self._pulumi("preview", *options)

    def up(self) -> str:
        return self._pulumi("up", "--yes", "--skip-preview")

    def failing_up(self) -> str:
        """Return what `pulumi up` printed before it failed, as it has to."""
        try:
            printed = self.up()
        except CommandError as error:
            return str(error)
        raise CommandError(f"`pulumi up` succeeded, and was to fail:\n{printed}")

    def refresh(self) -> None:
        self._pulumi("refresh", "--yes", "--skip-preview")

    def destroy(self) -> None:
        self._pulumi("destroy", "--yes", "--skip-preview")

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state, but for the stack itself."""
        deployment: dict[str, Any] = json.loads(self._pulumi("stack", "export"))["deployment"] or {}
        resources: list[dict[str, Any]] = deployment.get("resources") or []
        return [resource for resource in resources if resource["type"] != "pulumi:pulumi:Stack"]

    @property
    def outputs(self) -> Mapping[str, Any]:
        return json.loads(self._pulumi("stack", "output", "--json", "--show-secrets"))

    @property
    def rest(self) -> RestClient:
        outputs = self.outputs
        return RestClient(outputs["url"], outputs["admin_username"], outputs["admin_password"])

    @property
    def read(self) -> Any:
        """A reader of the stack's `aws:` configuration."""
        return aws_configuration(self._pulumi("config", "--json", "--show-secrets"))

    @property
    def is_on_aws(self) -> bool:
        """Whether no endpoint is configured, as it is for emulators."""
        return not self.read("endpoints")

    def client(self, service: str) -> Any:
        """Return boto3's client, as Any: with its stubs no field of an answer could be read."""
        return clients(self.read)(service)

    def task(self) -> dict[str, Any]:
        """Return the one that runs."""
        ecs, cluster = self.client("ecs"), self.outputs["cluster_arn"]
        [arn] = ecs.list_tasks(cluster=cluster)["taskArns"]
        [task] = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        return task

    def service(self) -> dict[str, Any]:
        outputs = self.outputs
        request = {"cluster": outputs["cluster_arn"], "services": [outputs["service_arn"]]}
        [service] = self.client("ecs").describe_services(**request)["services"]
        return service

    def task_definition(self) -> dict[str, Any]:
        arn = self.outputs["task_definition_arn"]
        return self.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]

    def _set(self, key: str, value: Any) -> None:
        if isinstance(value, list):
            for number, item in enumerate(cast(list[Any], value)):
                self._set(f"{key}[{number}]", item)
            return
        text = json.dumps(value) if isinstance(value, bool) else str(value)
        self._pulumi("config", "set", "--path", key, text)

    def _pulumi(self, *arguments: str) -> str:
        return pulumi(*arguments, "--stack", self.stack)
