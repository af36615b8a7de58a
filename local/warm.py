"""A Python that has Pulumi's SDKs imported when it starts: each start is a fork of one process that has them.

`pulumi up` starts a program, three providers and two language hosts, which import for seconds of CPU what is the same
each time: for `make dev` and for the tests. What a `WarmPython` runs has arguments, environment, working directory,
standard streams and exit code as with any other. The command line is another one, it ends with its client
(warm_client.py), and the SDK tells the engine nothing for `--debug`.
"""

import atexit
import gc
import io
import itertools
import json
import os
import runpy
import selectors
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import warm_client
from local.engine.choose import Engine, link, write_language_host
from local.errors import LocalCloudError
from local.paths import ROOT
from local.plugins import write_executable

IMPORTED = (
    *("boto3", "pulumi", "pulumi_aws", "pulumi_awsx", "pulumi_random", "pulumi.provider"),
    *(f"pulumi_aws.{module}" for module in ("cloudwatch", "ec2", "ecs", "iam", "rds", "s3", "ssm", "vpc")),
    *("pulumi_awsx.ec2", "local.providers.aws.provider", "local.providers.awsx.provider"),
    *("local.providers.random.provider", "local.providers.server"),
)
"""Modules imported before the forks: none that a test may have another version of."""


class WarmPython:
    """An executable that is such a Python, from entering to leaving the context."""

    def __init__(self, folder: Path) -> None:
        self.executable = folder / "python"
        self._folder = folder

    def __enter__(self) -> Self:
        address = self._folder / "socket"
        write_executable(
            self.executable,
            f'exec {shlex.join([sys.executable, "-I", "-S", warm_client.__file__, str(address)])} "$@"',
        )
        self._server = subprocess.Popen(
            [sys.executable, "-m", __name__, str(address), str(self.executable)],
            cwd=ROOT,
            stdin=subprocess.PIPE,  # by whose end it knows that the test run is over
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        if self._server.stdout is None or self._server.stdout.readline() != b"ready\n":
            raise LocalCloudError("The process that has Pulumi's SDKs imported has ended.", "See its traceback above.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.communicate()

    def engine(self, found: Engine) -> Engine:
        """Return an engine with a language host that runs in this Python, and with it all programs.

        A complete distribution keeps its own. To be called again when something was added to the engine.
        """
        folder = self._folder / "engine" / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        for file in found.command.parent.glob("pulumi*"):
            link(file, folder / file.name)
        write_language_host(folder, self.executable)
        return Engine(folder / found.command.name, found.version)


@dataclass(frozen=True)
class _Start:
    """The request of a client."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    streams: list[int]


class _Server:
    """Forks for each client, passes its signals on, and tells it the end."""

    def __init__(self, address: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, socket.socket] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
        self._ended, wake = socket.socketpair()
        self._ended.setblocking(False)
        wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._wake = wake
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        for readable in (self._listener, self._ended, sys.stdin):
            self._selector.register(readable, selectors.EVENT_READ)

    def run(self) -> _Start | None:
        """Return what a client wants started, in its fork; None when all is over, here."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    if start := self._fork():
                        return start
                elif key.fileobj is self._ended:
                    self._ended.recv(4096)
                    self._tell_the_end()
                elif key.fileobj is sys.stdin:
                    for pid in self._clients:
                        os.kill(pid, signal.SIGKILL)
                    return None
                else:
                    self._pass_on(key.data)

    def _fork(self) -> _Start | None:
        client, _ = self._listener.accept()
        try:
            start = _receive(client)
        except (OSError, ValueError):  # it has ended before it had said what it wants
            client.close()
            return None
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for each in (client, *self._clients.values(), self._listener, self._ended, self._wake):
                each.close()
            return start
        for stream in start.streams:
            os.close(stream)
        self._clients[pid] = client
        self._selector.register(client, selectors.EVENT_READ, pid)
        return None

    def _pass_on(self, pid: int) -> None:
        numbers = self._clients[pid].recv(16)
        if not numbers:
            self._selector.unregister(self._clients[pid])
        for number in numbers or [signal.SIGKILL]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _tell_the_end(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                client = self._clients.pop(pid)
                with suppress(KeyError):
                    self._selector.unregister(client)
                with client, suppress(OSError):
                    client.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, signed=True))


class _QuickEnd:
    """Ends a fork as soon as all that is to happen at its end has: to clear its modules takes as long as a program."""

    def __enter__(self) -> None:
        self._code: int | None = None
        atexit.register(self._end)  # the first to be registered is the last to be called

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._code = 0
        elif isinstance(error, SystemExit) and isinstance(error.code, int | None):
            self._code = error.code or 0

    def _end(self) -> None:
        if self._code is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._code)


def _receive(client: socket.socket) -> _Start:
    size, streams, _, _ = socket.recv_fds(client, 8, 3)
    with client.makefile("rb") as sent:
        arguments, folder, environment = json.loads(sent.read(int.from_bytes(size)))
    return _Start(arguments, folder, environment, streams)


def _become(start: _Start, executable: str) -> None:
    """Do what `python` does with such arguments; what is neither a module nor a script, it does itself."""
    for number, stream in enumerate(start.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(start.folder)
    os.environ.clear()
    os.environ.update(start.environment)
    options = set(itertools.takewhile(lambda argument: argument in ("-P", "-u"), start.arguments))
    kind, *rest = start.arguments[len(options) :] or [""]
    if kind.startswith("-") and kind != "-m":
        os.execv(sys.executable, [sys.executable, *start.arguments])  # noqa: S606 - no shell is wanted
    sys.executable = executable
    sys.stdin, sys.stdout, sys.stderr = open(0, closefd=False), _unbuffered(1), _unbuffered(2)  # noqa: SIM115 - open as long as the process
    if kind == "-m":
        _find_modules(start.folder)
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        script = Path(kind).resolve()
        is_folder = script.is_dir()  # which `run_path` puts in front itself
        _find_modules("" if is_folder or "-P" in options else str(script.parent))
        sys.argv = [kind, *rest]
        runpy.run_path(str(script) if is_folder else kind, run_name="__main__")


def _find_modules(first: str) -> None:
    """Make `sys.path` what it would be, and forget what it does not lead to."""
    others = [each for each in sys.path if each != str(ROOT)]
    sys.path[:] = [*filter(None, [first, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]), *others]
    if str(ROOT) not in sys.path:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("local", "operate")]:
            del sys.modules[name]


def _unbuffered(number: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(open(number, "wb", buffering=0, closefd=False), write_through=True)


def _tell_nothing(*_arguments: object, **_named: object) -> None:
    pass


def main() -> None:
    address, executable = sys.argv[1:]
    for name in IMPORTED:
        hasattr(import_module(name), "")  # the first look at an attribute has the SDKs import what they have put off
    # Each is a request to the engine, which all but `--debug` drops: half of what the process of a large program does.
    log: Any = import_module("pulumi.log")
    log.debug = _tell_nothing
    gc.freeze()  # so that collecting in a fork does not copy what all of them share
    server = _Server(address)
    print("ready", flush=True)
    if start := server.run():
        del server
        with _QuickEnd():
            _become(start, executable)


if __name__ == "__main__":
    main()
