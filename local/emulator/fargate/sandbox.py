"""A task's sandbox: the namespaces and the memory that its container runs in, and the agent's handle on them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from local.emulator.fargate.size import TaskSize

Isolation = Literal["namespaces", "user-namespaces", "none"]

_HOSTS = Path("/etc/hosts")
_INIT = Path(__file__).with_name("init.py")
_MESSAGE_BYTES = 256 * 1024
_NAMESPACES = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
# The strongest first.
_PREFIX: dict[Isolation, list[str]] = {
    "namespaces": ["unshare", *_NAMESPACES],
    "user-namespaces": ["unshare", "--user", "--map-root-user", *_NAMESPACES],
    "none": [],
}


def available_isolation() -> Isolation:
    """Return the strongest isolation that this machine grants."""
    return next(isolation for isolation in _PREFIX if is_granted(isolation))


def is_granted(isolation: Isolation) -> bool:
    """Whether this machine grants an isolation: tried, not guessed."""
    if isolation == "none":
        return True
    tried = [*_PREFIX[isolation], "true"]
    return bool(shutil.which("unshare")) and subprocess.run(tried, capture_output=True, check=False).returncode == 0


OnExit = Callable[[int], None]


class SandboxError(Exception):
    """A request that the sandbox could not carry out; the text is the operating system's."""


@dataclass
class _Request:
    on_exit: OnExit | None
    reply: Future[tuple[dict[str, Any], list[int]]] = field(default_factory=Future[tuple[dict[str, Any], list[int]]])


class Sandbox:
    """Started empty; holds the task's network while its container starts, ends and is started again."""

    def __init__(self, directory: Path, isolation: Isolation, cpu: int, memory: int) -> None:
        """Make the sandbox of the task that `directory` is named after; `cpu` is in CPU units, `memory` in MiB."""
        self._size = TaskSize(directory.name, cpu, memory)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._count = 0
        self._requests: dict[int, _Request] = {}
        self._running: dict[int, OnExit] = {}
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(*_PREFIX[isolation], sys.executable, "-I", "-S", str(_INIT), str(theirs.fileno())),
                    *map(str, self._size.entries),
                ],
                cwd=directory,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._size.watch(self._process.pid)
        threading.Thread(target=self._read, name=f"sandbox {directory.name}", daemon=True).start()

    @property
    def memory_kills(self) -> int:
        """How many processes inside were killed because all together used more memory than the task has."""
        return self._size.kills

    def start(self, argv: Sequence[str], env: dict[str, str], output: int, on_exit: OnExit, *, main: bool) -> int:
        """Start a process that writes to the descriptor `output`, and return its number inside.

        The end of the main process ends every other one. `on_exit` gets the exit code as a shell reports it.
        """
        reply, _ = self._request("start", [output], on_exit, argv=list(argv), env=env, main=main)
        return int(reply["pid"])

    def signal(self, pid: int, number: int) -> None:
        """Signal a started process and its process group, as dumb-init does in the official image."""
        with suppress(SandboxError):
            self._request("signal", pid=pid, signal=number)

    def connect(self, port: int) -> socket.socket:
        """Return a connection to 127.0.0.1:`port` as seen inside."""
        return socket.socket(fileno=self._request("connect", port=port)[1][0])

    def listen(self, address: str, port: int) -> socket.socket:
        """Return a listening socket on a loopback address inside: the way out of the namespace."""
        return socket.socket(fileno=self._request("listen", address=address, port=port)[1][0])

    def name(self, addresses: Mapping[str, str], file: Path) -> None:
        """Have names mean addresses inside, where the sandbox has a mount namespace; to be called once.

        :param file: Where to keep what stands for /etc/hosts.
        """
        lines = [f"{address} {name}" for name, address in sorted(addresses.items())]
        file.write_text("\n".join([_HOSTS.read_text(), *lines, ""]))
        self._request("bind", file=str(file), over=str(_HOSTS))

    def set_kernel_parameter(self, name: str, value: str) -> None:
        """Set a kernel parameter of the network, such as net.ipv4.tcp_retries2, where the sandbox has its own."""
        self._request("sysctl", name=name, value=value)

    def close(self) -> None:
        """Kill every process inside and wait until they are gone."""
        # shutdown, not close: the reader is blocked in recv and would keep the descriptor open.
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._size.close()

    def _request(
        self, operation: str, fds: Sequence[int] = (), on_exit: OnExit | None = None, **fields: Any
    ) -> tuple[dict[str, Any], list[int]]:
        request = _Request(on_exit)
        with self._lock:
            self._count += 1
            number = self._count
            self._requests[number] = request
            message = json.dumps({"id": number, "op": operation, **fields}).encode()
            try:
                socket.send_fds(self._control, [message], list(fds))
            except OSError as error:
                del self._requests[number]
                raise SandboxError(f"the sandbox has ended: {error.strerror}") from error
        reply, received = request.reply.result()
        if "error" in reply:
            raise SandboxError(reply["error"])
        return reply, received

    def _read(self) -> None:
        while True:
            try:
                message, fds, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, 1)
            except OSError:
                break
            if not message:
                break
            event: dict[str, Any] = json.loads(message)
            if "exited" in event:
                if on_exit := self._running.pop(event["exited"], None):
                    on_exit(event["code"])
                continue
            with self._lock:
                request = self._requests.pop(event["id"])
            if request.on_exit and "pid" in event:
                self._running[event["pid"]] = request.on_exit
            request.reply.set_result((event, fds))
        self._control.close()
        with self._lock:
            unanswered, self._requests = list(self._requests.values()), {}
        for request in unanswered:
            request.reply.set_exception(SandboxError("the sandbox has ended"))
        running, self._running = list(self._running.values()), {}
        for on_exit in running:
            on_exit(137)
