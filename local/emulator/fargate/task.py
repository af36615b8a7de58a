"""One Fargate task's life: PROVISIONING, PENDING, RUNNING, DEPROVISIONING, STOPPED."""

import asyncio
import functools
import logging
import shutil
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.ecs.models import TaskDefinition
from moto.logs.exceptions import ResourceNotFoundException

from local.emulator.fargate.container import CannotStartContainerError, Container, HealthStatus, container_environment
from local.emulator.fargate.images import Image
from local.emulator.fargate.logs import LogStream
from local.emulator.fargate.network import NetworkError, TaskNetwork, attach_network
from local.emulator.fargate.relay import Relay, loopback_ports
from local.emulator.fargate.roles import ExecutionRole
from local.emulator.fargate.sandbox import Isolation, Sandbox
from local.emulator.fargate.secrets import SecretsError, fetch_secrets, refuse_registry_credentials

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Agent:
    """What every task needs from the machine that it runs on."""

    port: int
    directory: Path
    images: Mapping[str, Image]
    isolation: Isolation
    loop: asyncio.AbstractEventLoop

    def environment(self, region: str) -> dict[str, str]:
        """Return what Fargate's task role endpoint gives: here, the emulator's address, region and test keys."""
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        if self.isolation == "none":
            # On the host's network, 0.0.0.0 would be open to other machines, and would take the relay's port.
            environment["AIRFLOW__API__HOST"] = "127.0.0.1"
        return environment


class _FailedToStartError(Exception):
    """The task's stoppedReason; stopCode is TaskFailedToStart."""


class Task:
    """`describe` gives the task as DescribeTasks does. Attributes that moto reads (tags, ARNs) carry moto's names."""

    def __init__(
        self,
        agent: Agent,
        definition: TaskDefinition,
        cluster_arn: str,
        *,
        group: str,
        started_by: str,
        network_configuration: dict[str, Any],
        capacity_provider: str | None,
        platform_version: str,
        tags: list[dict[str, str]],
    ) -> None:
        self.id = uuid.uuid4().hex
        self.cluster_arn = cluster_arn
        _, _, _, self.region, self.account_id, cluster = cluster_arn.split(":")
        self.task_arn = f"{cluster_arn.rpartition(':')[0]}:task/{cluster.partition('/')[2]}/{self.id}"
        self.task_definition_arn = definition.arn
        self.container_instance_arn = None
        self.definition = definition
        self.group = group
        self.started_by = started_by
        self.tags = tags
        self.desired_status = "RUNNING"
        self.last_status = "PROVISIONING"
        self.stop_code: str | None = None
        self.stopped_reason: str | None = None
        self.stopped_at: datetime | None = None
        self.started_at: datetime | None = None
        self._agent = agent
        self._network_configuration = network_configuration
        self._capacity_provider = capacity_provider
        self._platform_version = platform_version
        self._created_at = datetime.now(UTC)
        self._stopping_at: datetime | None = None
        self._attachment_id = str(uuid.uuid4())
        self._container_definition: dict[str, Any] = definition.container_definitions[0]
        self._container: Container | None = None
        self._container_reason: str | None = None
        self._network: TaskNetwork | None = None
        self._attachment_details: list[dict[str, str]] = []
        self._wake = threading.Event()
        self._stop_lock = threading.Lock()
        self._thread = threading.Thread(target=self._live, name=f"task {self.id}", daemon=True)
        self._thread.start()

    @property
    def health_status(self) -> HealthStatus:
        return self._container.health_status if self._container else "UNKNOWN"

    @property
    def is_usable(self) -> bool:
        """RUNNING, and HEALTHY if its container has a health check: what a deployment waits for."""
        container = self._container
        if self.last_status != "RUNNING" or self.desired_status != "RUNNING" or container is None:
            return False
        return container.health_check is None or container.health_status == "HEALTHY"

    @property
    def seconds_running(self) -> float:
        return (datetime.now(UTC) - self.started_at).total_seconds() if self.started_at else 0.0

    def stop(self, reason: str, code: str) -> None:
        """Ask the task to stop; its own thread does it."""
        self._record_stop(reason, code)
        self._wake.set()

    def join(self) -> None:
        self._thread.join()

    def describe(self) -> dict[str, Any]:
        description: dict[str, Any] = {
            "attachments": [self._describe_attachment()],
            "attributes": [{"name": "ecs.cpu-architecture", "value": self._architecture}],
            "availabilityZone": self._network.interface.availability_zone if self._network else None,
            "capacityProviderName": self._capacity_provider,
            "clusterArn": self.cluster_arn,
            "connectivity": "CONNECTED" if self.last_status == "RUNNING" else None,
            "containers": [self._describe_container()],
            "cpu": self.definition.cpu,
            "createdAt": self._created_at,
            "desiredStatus": self.desired_status,
            "enableExecuteCommand": False,
            "group": self.group,
            "healthStatus": self.health_status,
            "lastStatus": self.last_status,
            "launchType": "FARGATE",
            "memory": self.definition.memory,
            "overrides": {"containerOverrides": [{"name": self._container_definition["name"]}]},
            "platformFamily": "Linux",
            "platformVersion": self._platform_version,
            "startedAt": self.started_at,
            "startedBy": self.started_by,
            "stopCode": self.stop_code,
            "stoppedAt": self.stopped_at,
            "stoppedReason": self.stopped_reason,
            "stoppingAt": self._stopping_at,
            "tags": self.tags,
            "taskArn": self.task_arn,
            "taskDefinitionArn": self.task_definition_arn,
            "version": 1,
        }
        return {key: value for key, value in description.items() if value is not None}

    @property
    def _architecture(self) -> str:
        platform: dict[str, str] = self.definition.runtime_platform or {}
        return platform.get("cpuArchitecture", "X86_64").lower()

    @property
    def _memory(self) -> int:
        """In MiB: the container's hard limit, or all that the task has."""
        memory: int | str | None = self._container_definition.get("memory") or self.definition.memory
        assert memory  # noqa: S101 - no definition without one was registered
        return int(memory)

    @property
    def _ports(self) -> list[int]:
        return [
            each["containerPort"]
            for each in self._container_definition["portMappings"]
            if each.get("protocol", "tcp") == "tcp"
        ]

    def _describe_attachment(self) -> dict[str, Any]:
        statuses = {"PROVISIONING": "PRECREATED", "DEPROVISIONING": "DETACHING", "STOPPED": "DELETED"}
        return {
            "id": self._attachment_id,
            "type": "ElasticNetworkInterface",
            "status": statuses.get(self.last_status, "ATTACHED"),
            "details": self._attachment_details,
        }

    def _describe_container(self) -> dict[str, Any]:
        definition, container = self._container_definition, self._container
        addresses = {each["name"]: each["value"] for each in self._attachment_details}
        description: dict[str, Any] = {
            "containerArn": f"{self.task_arn.replace(':task/', ':container/')}/{self._attachment_id}",
            "cpu": str(definition.get("cpu", 0)),
            "exitCode": container.exit_code
            if container and self.last_status in ("DEPROVISIONING", "STOPPED")
            else None,
            "healthStatus": self.health_status,
            "image": definition["image"],
            "lastStatus": {"PROVISIONING": "PENDING", "DEPROVISIONING": "STOPPED"}.get(
                self.last_status, self.last_status
            ),
            "memory": str(definition["memory"]) if "memory" in definition else None,
            "name": definition["name"],
            "networkInterfaces": [
                {"attachmentId": self._attachment_id, "privateIpv4Address": addresses["privateIPv4Address"]}
            ]
            if addresses
            else [],
            "reason": self._container_reason or (container and container.reason),
            "runtimeId": f"{self.id}-{self._attachment_id[:10]}" if container else None,
            "taskArn": self.task_arn,
        }
        return {key: value for key, value in description.items() if value is not None}

    def _record_stop(self, reason: str, code: str) -> None:
        """Keep the first reason that is given."""
        with self._stop_lock:
            if self.desired_status == "RUNNING":
                self.desired_status = "STOPPED"
                self.stopped_reason = reason
                self.stop_code = code
                self._stopping_at = datetime.now(UTC)

    def _live(self) -> None:
        directory = self._agent.directory / self.id
        relay = Relay(self._agent.loop)
        sandbox: Sandbox | None = None
        try:
            self._attach()
            self.last_status = "PENDING"
            image, role = self._pull()
            secrets = fetch_secrets(self._container_definition, role, self.account_id, self.region, self.id)
            stream = self._open_log(role)
            (directory / "tmp").mkdir(parents=True)
            sandbox = Sandbox(directory, self._agent.isolation, self._memory)
            environment = container_environment(
                self._container_definition, image, directory, secrets, self._agent.environment(self.region)
            )
            self._container = Container(self._container_definition, image, environment, sandbox, stream, self._wake.set)
            self._open_ports(relay, sandbox, environment)
            self._run(self._container)
        except (_FailedToStartError, NetworkError, SecretsError) as error:
            self._record_stop(str(error), "TaskFailedToStart")
        except CannotStartContainerError as error:
            self._container_reason = str(error)
            self._record_stop(str(error), "TaskFailedToStart")
        except Exception as error:  # noqa: BLE001 - nothing else would end the task; logged with its traceback
            _LOG.exception("task %s", self.id)
            self._record_stop(f"internal error of the local agent: {error!r}", "TaskFailedToStart")
        finally:
            self._end(relay, sandbox, directory)

    def _attach(self) -> None:
        attachment_arn = f"{self.cluster_arn.partition(':cluster/')[0]}:attachment/{self._attachment_id}"
        self._network = attach_network(
            self.account_id, self.region, self._network_configuration, self._ports, attachment_arn
        )
        self._attachment_details = self._network.attachment_details()

    def _pull(self) -> tuple[Image, ExecutionRole]:
        role = ExecutionRole(self.account_id, self.region, getattr(self.definition, "execution_role_arn", None))
        if role.arn and not role.is_assumable():
            raise _FailedToStartError(
                f"ECS was unable to assume the role '{role.arn}' that was provided for this task. Please verify that "
                "the role being passed has the proper trust relationship and permissions and that your IAM user has "
                "permissions to pass this role."
            )
        if refusal := refuse_registry_credentials(self._container_definition, role, self.id):
            raise _FailedToStartError(refusal)
        name: str = self._container_definition["image"]
        image = self._agent.images.get(name)
        if image is None:
            known = ", ".join(sorted(self._agent.images)) or "none"
            self._container_reason = (
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
                f"failed to resolve ref {name}: {name}: not found (images that this machine can stand for: {known})"
            )
            raise _FailedToStartError(self._container_reason)
        return image, role

    def _open_log(self, role: ExecutionRole) -> LogStream | None:
        configuration = self._container_definition.get("logConfiguration")
        if not configuration:
            return None
        options: dict[str, str] = configuration["options"]
        group, region = options["awslogs-group"], options["awslogs-region"]
        name = f"{options['awslogs-stream-prefix']}/{self._container_definition['name']}/{self.id}"
        failed = (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
            "failed to create Cloudwatch log stream: "
        )
        arn = f"arn:aws:logs:{region}:{self.account_id}:log-group:{group}:log-stream:{name}"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            if not role.allows(action, arn):
                raise _FailedToStartError(f"{failed}{role.denial(action, arn, self.id)}")
        try:
            return LogStream(self.account_id, region, group, name)
        except ResourceNotFoundException as error:
            raise _FailedToStartError(
                f"{failed}ResourceNotFoundException: The specified log group does not exist: {group}"
            ) from error

    def _open_ports(self, relay: Relay, sandbox: Sandbox, environment: dict[str, str]) -> None:
        assert self._network is not None  # noqa: S101 - _attach has run
        for listener in self._network.listeners:
            relay.serve(listener, sandbox, functools.partial(self._network.allows, listener.getsockname()[1]))
        if self._agent.isolation != "none":
            for port in loopback_ports(environment.values()) - set(self._ports):
                relay.lead_out(sandbox, port)

    def _run(self, container: Container) -> None:
        container.start()
        self.last_status = "RUNNING"
        self.started_at = datetime.now(UTC)
        _LOG.info("task %s is RUNNING at %s", self.id, self._network and self._network.public_address)
        while True:
            self._wake.wait()
            self._wake.clear()
            if self.desired_status == "STOPPED":
                container.stop()
                return
            if container.ended.is_set():
                if not container.may_restart():
                    self._record_stop("Essential container in task exited", "EssentialContainerExited")
                    return
                _LOG.info(
                    "task %s: container %s exited with %s and is started again",
                    self.id,
                    container.name,
                    container.exit_code,
                )
                container.start()

    def _end(self, relay: Relay, sandbox: Sandbox | None, directory: Path) -> None:
        self.last_status = "DEPROVISIONING"
        try:
            relay.close()
            if sandbox:
                sandbox.close()
            shutil.rmtree(directory, ignore_errors=True)
            if self._network:
                self._network.release()
        finally:
            self.stopped_at = datetime.now(UTC)
            self.last_status = "STOPPED"
            _LOG.info("task %s is STOPPED: %s", self.id, self.stopped_reason)
