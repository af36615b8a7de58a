"""Process 1 of a task's sandbox: starts the container's processes, reaps them, and ends them all.

The agent runs this file by its path with `python -I -S` inside fresh namespaces (or, where the machine allows none,
beside itself), so it imports the standard library only. It takes requests on a SOCK_SEQPACKET socket whose number is
the first argument: one JSON object a message, file descriptors beside it, one reply a request. When the agent's end
closes, however the agent ended, every process of the sandbox is killed. Further arguments are the `cgroup.procs` files
of the control groups that hold the container's processes, but not this one.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

CREDENTIALS_ADDRESS = "169.254.170.2"
"""Where ECS hands the credentials of the task's role to the container."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_IFF_UP = 0x1
_MESSAGE_BYTES = 256 * 1024
_MS_BIND = 0x1000


def _bind(file: str, over: str) -> None:
    """Have a file seen at the place of another in this mount namespace."""
    if ctypes.CDLL(None, use_errno=True).mount(file.encode(), over.encode(), None, _MS_BIND, None):
        raise OSError(ctypes.get_errno(), f"{over}: {os.strerror(ctypes.get_errno())}")


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(probe, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))
        for request, address in ((_SIOCSIFADDR, CREDENTIALS_ADDRESS), (_SIOCSIFNETMASK, "255.255.255.255")):
            packed = socket.inet_aton(address)
            fcntl.ioctl(probe, request, struct.pack("16sHH4s8s", b"lo:ecs", socket.AF_INET, 0, packed, b""))


def _descendants() -> list[int]:
    """Every process below this one, from /proc: only needed without a PID namespace."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # pid (comm) state ppid …; comm may hold any bytes, brackets too, hence the split at the last one.
                parent = int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    queue = [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


class Init:
    def __init__(self, control: socket.socket, group_entries: list[str]) -> None:
        self._control = control
        self._group_entries = group_entries
        self._alone = os.getpid() == 1
        self._main: int | None = None

    def serve(self) -> None:
        if self._alone:
            _bring_loopback_up()
        else:
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        wake, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        while True:
            ready, _, _ = select.select([self._control, wake], [], [])
            if wake in ready:
                os.read(wake, 4096)
                self._reap()
            if self._control in ready:
                message, fds, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, 4)
                if not message:
                    self._kill_all()
                    return
                self._answer(json.loads(message), fds)

    def _answer(self, request: dict[str, Any], fds: list[int]) -> None:
        reply: dict[str, Any] = {"id": request["id"]}
        sent: list[socket.socket] = []
        try:
            operation = request["op"]
            if operation == "start":
                reply["pid"] = self._start(request["argv"], request["env"], fds[0])
                if request["main"]:
                    self._main = reply["pid"]
            elif operation == "signal":
                with suppress(ProcessLookupError):
                    os.killpg(request["pid"], request["signal"])
            elif operation == "connect":
                sent.append(socket.create_connection(("127.0.0.1", request["port"]), timeout=5))
            elif operation == "sysctl":
                Path("/proc/sys", *request["name"].split(".")).write_text(request["value"])
            elif operation == "bind":
                _bind(request["file"], request["over"])
            elif operation == "listen":
                sent.append(socket.create_server((request["address"], request["port"])))
        except OSError as error:
            reply["error"] = error.strerror or str(error)
        for fd in fds:
            os.close(fd)
        socket.send_fds(self._control, [json.dumps(reply).encode()], [each.fileno() for each in sent])
        for each in sent:
            each.close()

    def _start(self, argv: list[str], env: dict[str, str], output: int) -> int:
        """Start a process in a session of its own; an exec that fails is an OSError here, not an exit code there."""
        failure, failure_write = os.pipe2(os.O_CLOEXEC)
        agent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                if not self._alone:
                    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                    if os.getppid() != agent:
                        os._exit(127)
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                    signal.signal(number, signal.SIG_DFL)
                for entry in self._group_entries:
                    Path(entry).write_text("0")
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(output, 1)
                os.dup2(output, 2)
                os.execve(argv[0], argv, env)  # noqa: S606 - argv is the container's command, not a shell's line
            except OSError as error:
                os.write(failure_write, str(error.errno).encode())
            finally:
                os._exit(127)
        os.close(failure_write)
        errno = os.read(failure, 16)
        os.close(failure)
        if errno:
            raise OSError(int(errno), os.strerror(int(errno)))
        return pid

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._main:
                # As in Docker: the end of a container's first process is the end of all its processes.
                self._main = None
                self._kill_all()
            code = os.waitstatus_to_exitcode(status)
            event = {"exited": pid, "code": code if code >= 0 else 128 - code}
            with suppress(OSError):
                self._control.send(json.dumps(event).encode())

    def _kill_all(self) -> None:
        if self._alone:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            return
        while below := _descendants():
            for pid in below:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


if __name__ == "__main__":
    endpoint = socket.socket(fileno=int(sys.argv[1]))
    endpoint.set_inheritable(False)
    Init(endpoint, sys.argv[2:]).serve()
