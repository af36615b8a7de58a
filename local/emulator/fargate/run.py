"""The run of a task: from its network to its end, in a thread of its own."""

import asyncio
import functools
import logging
import random
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from moto.logs.exceptions import ResourceNotFoundException
from moto.utilities.utils import get_partition

from local.emulator.fargate import credentials
from local.emulator.fargate.container import CannotStartContainerError, Container, container_environment
from local.emulator.fargate.credentials import TaskCredentials
from local.emulator.fargate.definitions import items
from local.emulator.fargate.discovery import Names
from local.emulator.fargate.images import Image, is_from_docker_hub
from local.emulator.fargate.limits import Limits
from local.emulator.fargate.logs import LogStream
from local.emulator.fargate.network import ManagedNetworkInterface, NetworkError, TaskNetwork, attach_network
from local.emulator.fargate.protection import TaskProtections
from local.emulator.fargate.relay import Relay, destinations
from local.emulator.fargate.roles import Role
from local.emulator.fargate.sandbox import Isolation, Sandbox, SandboxError
from local.emulator.fargate.secrets import SecretsError, fetch_secrets, refuse_registry_credentials
from local.emulator.fargate.task import Task

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Peer:
    """A task that others may reach."""

    interface: ManagedNetworkInterface
    sandbox: Sandbox


@dataclass(frozen=True)
class Agent:
    """The machine's means that every task shares."""

    port: int
    directory: Path
    images: Mapping[str, Image]
    isolation: Isolation
    loop: asyncio.AbstractEventLoop
    limits: Limits
    credentials: TaskCredentials
    protections: TaskProtections
    trusted: Path
    """The authorities of certificates that a container trusts: this machine's, and that of the managed services."""
    peers: dict[tuple[str, str], "Peer"] = field(default_factory=dict[tuple[str, str], "Peer"])
    """The running tasks by VPC and private address, as long as they have one."""

    def environment(self, task: Task) -> dict[str, str]:
        """Return what Fargate gives a container: the region, the agent, and its role's credentials.

        The emulator's address stands for the names of AWS's endpoints, which nobody has to be told.
        """
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": task.region,
            "AWS_DEFAULT_REGION": task.region,
            "SSL_CERT_FILE": str(self.trusted),
        }
        is_alone = self.isolation != "none"
        agent = f"http://{credentials.ADDRESS[0]}" if is_alone else environment["AWS_ENDPOINT_URL"]
        environment["ECS_AGENT_URI"] = f"{agent}{self.protections.open(task)}"
        if role_arn := task.task_role_arn:
            path = self.credentials.open(task, role_arn)
            if not is_alone:
                environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{environment['AWS_ENDPOINT_URL']}{path}"
            else:
                environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = path
        if not is_alone:
            # On the host's network, 0.0.0.0 would be open to other machines, and would take the relay's port.
            environment["AIRFLOW__API__HOST"] = "127.0.0.1"
        return environment

    def run(self, task: Task) -> None:
        """Run the task in the background, until it ends or is asked to stop."""
        threading.Thread(target=_Run(self, task).run, name=f"task {task.id}", daemon=True).start()


class _FailedToStartError(Exception):
    """The task's stoppedReason; stopCode is TaskFailedToStart."""


class _Run:
    def __init__(self, agent: Agent, task: Task) -> None:
        self._agent = agent
        self._task = task
        self._directory = agent.directory / task.id
        self._relay = Relay(agent.loop)
        self._network: TaskNetwork | None = None
        self._sandbox: Sandbox | None = None

    def run(self) -> None:
        task = self._task
        try:
            self._keep_running(self._prepare())
        except (_FailedToStartError, NetworkError, SecretsError) as error:
            task.stop(str(error), "TaskFailedToStart")
        except CannotStartContainerError as error:
            task.container.reason = str(error)
            task.stop(str(error), "TaskFailedToStart")
        except Exception as error:  # noqa: BLE001 - nothing else would end the task; logged with its traceback
            _LOG.exception("task %s", task.id)
            task.stop(f"internal error of the local agent: {error!r}", "TaskFailedToStart")
        finally:
            self._end()

    def _prepare(self) -> Container:
        task, agent = self._task, self._agent
        network = self._attach()
        task.last_status = "PENDING"
        image, role = self._pull()
        secrets = fetch_secrets(task.container_definition, role, task.account_id, task.region)
        stream = self._open_log(role)
        (self._directory / "tmp").mkdir(parents=True)
        self._sandbox = sandbox = Sandbox(self._directory, agent.isolation, int(task.cpu), task.memory_limit)
        environment = container_environment(
            task.container_definition, image, self._directory, secrets, agent.environment(task)
        )
        self._set_system_controls(sandbox)
        self._open_ports(network, sandbox, environment)
        self._open_names(network, sandbox, environment)
        agent.peers[network.vpc_id, network.private_address] = Peer(network.interface, sandbox)
        return Container(task.container_definition, image, environment, sandbox, stream, task.container, task.wake.set)

    def _attach(self) -> TaskNetwork:
        task = self._task
        self._network = network = attach_network(
            task.account_id, task.region, task.network_configuration, task.ports, task.attachment_arn
        )
        task.attachment_details = network.attachment_details()
        task.availability_zone = network.interface.availability_zone
        return network

    def _pull(self) -> tuple[Image, Role]:
        task = self._task
        role = self._assumable(task.execution_role_arn)
        self._assumable(task.task_role_arn)
        if refusal := refuse_registry_credentials(task.container_definition, role):
            raise _FailedToStartError(refusal)
        name: str = task.container_definition["image"]
        if not self._agent.limits.pulls and is_from_docker_hub(name):
            task.container.reason = (
                "CannotPullContainerError: inspect image has been retried 5 time(s): httpReaderSeeker: failed open: "
                f"unexpected status code https://registry-1.docker.io/v2/{name.replace(':', '/manifests/')}: "
                "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. "
                "You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"
            )
            raise _FailedToStartError(task.container.reason)
        image = self._agent.images.get(name)
        if image is None:
            known = ", ".join(sorted(self._agent.images)) or "none"
            task.container.reason = (
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
                f"failed to resolve ref {name}: {name}: not found (images that this machine can stand for: {known})"
            )
            raise _FailedToStartError(task.container.reason)
        return image, role

    def _assumable(self, arn: str | None) -> Role:
        """Return a role of the task, which ECS must be able to assume if it is given."""
        task = self._task
        role = Role(task.account_id, task.region, arn, task.id)
        if role.arn and not role.is_assumable(task.task_arn):
            raise _FailedToStartError(
                f"ECS was unable to assume the role '{role.arn}' that was provided for this task. Please verify that "
                "the role being passed has the proper trust relationship and permissions and that your IAM user has "
                "permissions to pass this role."
            )
        return role

    def _open_log(self, role: Role) -> LogStream | None:
        task = self._task
        configuration = task.container_definition.get("logConfiguration")
        if not configuration:
            return None
        options: dict[str, str] = configuration["options"]
        group, region = options["awslogs-group"], options["awslogs-region"]
        name = f"{options['awslogs-stream-prefix']}/{task.container_definition['name']}/{task.id}"
        failed = (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
            "failed to create Cloudwatch log stream: "
        )
        arn = f"arn:{get_partition(region)}:logs:{region}:{task.account_id}:log-group:{group}:log-stream:{name}"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            if not role.allows(action, arn):
                raise _FailedToStartError(f"{failed}AccessDeniedException: {role.denial(action, arn)}")
        try:
            return LogStream(task.account_id, region, group, name)
        except ResourceNotFoundException as error:
            raise _FailedToStartError(
                f"{failed}ResourceNotFoundException: The specified log group does not exist: {group}"
            ) from error

    def _set_system_controls(self, sandbox: Sandbox) -> None:
        if self._agent.isolation == "none":
            return  # they would be this machine's
        for control in items(self._task.container_definition, "systemControls"):
            name, value = control["namespace"], control["value"]
            try:
                sandbox.set_kernel_parameter(name, value)
            except SandboxError as error:
                raise CannotStartContainerError(
                    "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime "
                    f"task: open /proc/sys/{name.replace('.', '/')}: {error}"
                ) from error

    def _open_ports(self, network: TaskNetwork, sandbox: Sandbox, environment: dict[str, str]) -> None:
        for listener in network.listeners:
            self._relay.serve(listener, sandbox, functools.partial(network.allows, listener.getsockname()[1]))
        if self._agent.isolation != "none":
            own = {("127.0.0.1", port) for port in self._task.ports}
            # No rule of a security group applies to the agent itself.
            self._relay.lead_out(sandbox, credentials.ADDRESS, ("127.0.0.1", self._agent.port), lambda: True)
            for to in destinations(environment.values()):
                if (to.address, to.port) not in own:
                    allows = functools.partial(network.may_reach, to.address, to.port)
                    at = (to.address, to.port)
                    self._relay.lead_out(sandbox, at, at, network.reaches_internet if to.is_web else allows)

    def _open_names(self, network: TaskNetwork, sandbox: Sandbox, environment: Mapping[str, str]) -> None:
        """Let the container reach other tasks by the names of Cloud Map that URLs in its environment have."""
        task = self._task
        names = Names(task.account_id, task.region, network.vpc_id)
        wanted = names.in_urls(environment.values())
        if not wanted:
            return
        if self._agent.isolation == "none":
            raise _FailedToStartError(
                f"{min(wanted)[0]} is a name of AWS Cloud Map, which leads nowhere here: containers share the network "
                "of this machine, as it grants no namespaces (unshare --net --pid), or --isolation none asks for it"
            )
        # A container that serves the port itself is the one that it reaches by the name, as on its own interface.
        own = {name for name, port in wanted if port in task.ports}
        others = sorted({name for name, _ in wanted} - own)
        addresses = {name: f"127.53.0.{number}" for number, name in enumerate(others, 1)}
        for name, port in wanted:
            if name not in own:
                peers = functools.partial(self._peers, names, name, port, network)
                self._relay.lead_over(sandbox, (addresses[name], port), peers)
        sandbox.name({**addresses, **dict.fromkeys(own, "127.0.0.1")}, self._directory / "tmp" / "hosts")

    def _peers(self, names: Names, name: str, port: int, network: TaskNetwork) -> list[Sandbox]:
        """Return those of the tasks behind a name that the security groups let this one reach, in any order."""
        answered = names.answer(name)
        peers = [peer for each in answered if (peer := self._agent.peers.get((network.vpc_id, each)))]
        reached = [peer.sandbox for peer in peers if network.may_connect(peer.interface, port)]
        if not reached:
            _LOG.info(
                "task %s: no way to %s:%d: %s",
                self._task.id,
                name,
                port,
                "the rules of the security groups do not allow it" if peers else "no running task is registered",
            )
        random.shuffle(reached)
        return reached

    def _keep_running(self, container: Container) -> None:
        """Run the container until it ends for good or the task is asked to stop."""
        task = self._task
        container.start()
        task.run()
        _LOG.info("task %s is RUNNING at %s", task.id, self._network and self._network.public_address)
        while True:
            task.wake.wait()
            task.wake.clear()
            if task.desired_status == "STOPPED":
                container.stop()
                return
            if container.ended.is_set():
                code = task.container.exit_code
                if not container.may_restart():
                    task.stop("Essential container in task exited", "EssentialContainerExited")
                    return
                _LOG.info("task %s: container %s exited with %s and is started again", task.id, container.name, code)
                container.start()

    def _end(self) -> None:
        task = self._task
        task.last_status = "DEPROVISIONING"
        try:
            self._relay.close()
            self._agent.credentials.close(task)
            self._agent.protections.close(task)
            if self._sandbox:
                self._sandbox.close()
            shutil.rmtree(self._directory, ignore_errors=True)
            if self._network:
                self._agent.peers.pop((self._network.vpc_id, self._network.private_address), None)
                self._network.release()
        finally:
            task.end()
            _LOG.info("task %s is STOPPED: %s", task.id, task.stopped_reason)
