"""One container of a task: the process behind a container definition, its health check and its restart policy."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.emulator.fargate import clock
from local.emulator.fargate.definitions import items, part
from local.emulator.fargate.health import Health, HealthCheck
from local.emulator.fargate.images import Image
from local.emulator.fargate.logs import LogPipe, LogStream
from local.emulator.fargate.packages import VARIABLE, Installation, packages_directory
from local.emulator.fargate.sandbox import Sandbox, SandboxError
from local.emulator.fargate.task import ContainerState, HealthStatus

_LOG = logging.getLogger(__name__)

# What a container inherits from this machine: the character set, the time zone, where certificates are. Of those, the
# agent adds its own to `SSL_CERT_FILE`.
_INHERITED = (
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEFAULT_STOP_TIMEOUT = 30
_DEFAULT_RESTART_PERIOD = 300
_HEALTH_OUTPUT_BYTES = 4096
# In the words of the ECS agent, whatever the exit code: the killed process need not be the container's first.
_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


class CannotStartContainerError(Exception):
    """The container's command could not be executed; the text is the containers[].reason of DescribeTasks."""


def container_environment(
    definition: dict[str, Any], image: Image, directory: Path, secrets: dict[str, str], agent: dict[str, str]
) -> dict[str, str]:
    """All that the container's processes see: nothing of the emulator's own environment but what `_INHERITED` names.

    `directory` stands for the container's filesystem. Without an image there is no `airflow_home`, so a value that
    begins with it gets `directory` in its place. `agent` is what Fargate would give (region, endpoint, keys).
    """
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {
        "PATH": f"{image.venv}/bin:{_SYSTEM_PATH}",
        "HOME": str(directory),
        "TMPDIR": str(directory / "tmp"),
        "AIRFLOW_HOME": image.airflow_home,
        **agent,
        **image.environment,
    }
    environment |= {each["name"]: each["value"] for each in items(definition, "environment")}
    environment |= secrets
    if image.installs_packages:
        # pip in the container installs into the image's environment, which is the task's own.
        packages = packages_directory(directory)
        environment["PIP_TARGET"] = str(packages)
        environment["PATH"] = f"{packages}/bin:{environment['PATH']}"
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(packages), environment.get("PYTHONPATH"))))
    return {name: _in_directory(value, image.airflow_home, directory) for name, value in environment.items()}


def _in_directory(value: str, airflow_home: str, directory: Path) -> str:
    if value == airflow_home or value.startswith(f"{airflow_home}/"):
        return f"{directory}{value.removeprefix(airflow_home)}"
    return value


def restarts(definition: dict[str, Any], exit_code: int | None, seconds_run: float) -> bool:
    """Whether a definition's restartPolicy has ECS start a container again that has ended.

    One that ended before `restartAttemptPeriod` seconds is not (ECS API reference, ContainerRestartPolicy).
    """
    policy = part(definition, "restartPolicy")
    if not policy.get("enabled") or exit_code in (policy.get("ignoredExitCodes") or ()):
        return False
    return seconds_run >= (policy.get("restartAttemptPeriod") or _DEFAULT_RESTART_PERIOD)


class Container:
    """Starts, watches and stops the process of a container definition; may be started again after it has ended.

    `state` is where it tells what is known of it.
    """

    def __init__(
        self,
        definition: dict[str, Any],
        image: Image,
        environment: dict[str, str],
        sandbox: Sandbox,
        stream: LogStream | None,
        state: ContainerState,
        on_end: Callable[[], None],
    ) -> None:
        self.definition = definition
        self.name: str = definition["name"]
        self._health_check = HealthCheck.of(definition)
        self.state = state
        self.ended = threading.Event()
        self._argv = image.argv(definition.get("entryPoint") or [], definition.get("command") or [])
        self._image = image
        self._environment = environment
        self._sandbox = sandbox
        self._stream = stream
        self._on_end = on_end
        self._pid: int | None = None
        self._started = 0.0
        self._installation: Installation | None = None
        requirements = environment.get(VARIABLE, "").split() if image.installs_packages else []
        if requirements:
            self._installation = Installation(requirements, image.venv, Path(environment["HOME"]))

    @property
    def seconds_run(self) -> float:
        return clock.now() - self._started

    def start(self) -> None:
        argv = self._executable(self._argv)
        self.ended = ended = threading.Event()
        state = self.state
        state.started = True
        state.exit_code = None
        state.reason = None
        state.health_status = "UNKNOWN"
        self._pid = None
        killed_before = self._sandbox.memory_kills
        pipe = LogPipe(self._stream)

        def on_exit(code: int) -> None:
            pipe.close()
            state.exit_code = code
            state.reason = _OUT_OF_MEMORY if self._sandbox.memory_kills > killed_before else None
            ended.set()
            self._on_end()

        self._started = clock.now()
        if self._installation:
            threading.Thread(
                target=self._install_and_run,
                args=(self._installation, argv, pipe.writer, on_exit),
                name=f"pip {self.name}",
                daemon=True,
            ).start()
        else:
            try:
                self._pid = self._sandbox.start(argv, self._environment, pipe.writer, on_exit, main=True)
            except SandboxError as error:
                pipe.close()
                raise CannotStartContainerError(self._cannot_start(self._argv[0], str(error))) from error
        if self._health_check:
            threading.Thread(
                target=self._watch_health, args=(self._health_check, ended), name=f"health {self.name}", daemon=True
            ).start()

    def _install_and_run(
        self, installation: Installation, argv: list[str], output: int, on_exit: Callable[[int], None]
    ) -> None:
        """As the image's entrypoint, whose end is the container's when pip fails."""
        code = installation.run(output)
        if code:
            on_exit(code)
            return
        try:
            self._pid = self._sandbox.start(argv, self._environment, output, on_exit, main=True)
        except SandboxError as error:
            os.write(output, f"{argv[0]}: {error}\n".encode())
            on_exit(127)

    def _signal(self, number: int) -> None:
        if self._pid is not None:
            self._sandbox.signal(self._pid, number)
        elif self._installation:
            self._installation.cancel()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after the definition's stopTimeout."""
        self._signal(signal.SIGTERM)
        if not self.ended.wait(self.definition.get("stopTimeout") or _DEFAULT_STOP_TIMEOUT):
            _LOG.info("container %s did not end on SIGTERM: killed", self.name)
            self._signal(signal.SIGKILL)
            self.ended.wait(5)

    def may_restart(self) -> bool:
        """Whether ECS starts the container again after it ended just now."""
        return restarts(self.definition, self.state.exit_code, self.seconds_run)

    def _executable(self, argv: list[str]) -> list[str]:
        if not argv:
            raise CannotStartContainerError(
                "CannotStartContainerError: no command specified; no image's CMD is known here, so give `command`"
            )
        program = self._image.find_program(argv[0], self._environment["PATH"])
        if program is None:
            raise CannotStartContainerError(self._cannot_start(argv[0], "executable file not found in $PATH"))
        return [program, *argv[1:]]

    @staticmethod
    def _cannot_start(program: str, why: str) -> str:
        return (
            "CannotStartContainerError: failed to create task: OCI runtime create failed: "
            f'unable to start container process: exec: "{program}": {why}: unknown'
        )

    def _watch_health(self, check: HealthCheck, ended: threading.Event) -> None:
        """As in Docker, first after one interval."""
        health = Health(check)
        while not clock.wait(ended, check.interval):
            began = self.seconds_run
            succeeded, output = self._probe(check)
            if ended.is_set():
                return
            self._report(health.note(succeeded=succeeded, seconds_run=began), output)

    def _report(self, status: HealthStatus, output: str) -> None:
        if status != self.state.health_status:
            self.state.health_status = status
            _LOG.info(
                "container %s is %s%s", self.name, status, f": {output}" if status == "UNHEALTHY" and output else ""
            )

    def _probe(self, check: HealthCheck) -> tuple[bool, str]:
        reader, writer = os.pipe()
        finished = threading.Event()
        codes: list[int] = []

        def on_exit(code: int) -> None:
            codes.append(code)
            finished.set()

        os.set_blocking(reader, False)
        with os.fdopen(reader, "rb") as output:
            try:
                # Its paths in the image are paths in the task's directory, as those in the environment are.
                home, directory = self._image.airflow_home, self._environment["HOME"]
                command = [word.replace(f"{home}/", f"{directory}/") for word in check.command]
                pid = self._sandbox.start(self._executable(command), self._environment, writer, on_exit, main=False)
            except (SandboxError, CannotStartContainerError) as error:
                return False, str(error)
            finally:
                os.close(writer)
            if not finished.wait(check.timeout):
                self._sandbox.signal(pid, signal.SIGKILL)
                return False, f"health check took more than {check.timeout} s"
            text = (output.read(_HEALTH_OUTPUT_BYTES) or b"").decode(errors="replace").strip()
            return codes[0] == 0, text
