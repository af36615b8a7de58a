"""The container's program: imports Airflow once, forks its components, and ends when one of them ends.

This module is the container's command, ``["python", "-c", …, packed source, component, …, "-c", keeper, …]``: it uses
nothing but the standard library and the image's Airflow, on Python 3.10 and later, and imports Airflow only inside
functions. The components are those of `COMMANDS`, all of them if none is named, or `WORKER` alone; the last one is
what the importing process becomes. From ``-c`` on, the arguments are those of a Python that keeps what is to outlive
the task. After ``--`` comes another command instead, the caller's or a task of Airflow's, which this process becomes
when all is ready.
``docs/container.md`` tells what each step saves.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import ctypes
import gc
import importlib
import io
import json
import math
import os
import selectors
import shutil
import signal
import socket
import sys
import time
import zlib
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

STOP_SECONDS = 40.0
"""Seconds from SIGTERM to SIGKILL for the components; ``stopTimeout`` has more, for the keeper."""

FAILURE_SECONDS = 10.0
"""The same when a component has died: the rest can do nothing useful, and the container should soon be back."""

ENTRYPOINT = "/entrypoint"
"""The official image's: it runs programs as they are, and takes every other word for a command of Airflow's."""

PASSWORDS_FILE_VARIABLE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"

LOADER = "loader"
"""The process that imports Airflow, until it becomes the last component."""

KEEPER = "keeper"
"""The program that keeps what is to outlive the task (``data/keeper.py``): here for moments, a stage at a time."""

RUNNING = "running"
"""The stage of the keeper that comes again and again."""

LAST_TO_STOP = "api-server"
"""Running tasks report their end to it, so it is told to stop when all others have stopped."""

TELL_AGAIN_SECONDS = 3.0
"""How long a component that has nothing to wait for has to stop; then it is told again, and after as long killed."""

IDLE_WORKER = b"airflow worker -- LocalExecutor: <idle>"
"""The title of a process of the scheduler that runs no task (``airflow.executors.local_executor``)."""

COMMANDS = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "api-server": ("api-server", "--workers", "1"),
}
"""Airflow's own command for each component. Without log servers: the api-server reads the logs from the same disk."""

WORKER = "worker"
"""The component of a container that runs tasks for CeleryExecutor, and nothing else."""

WORKER_COMMAND = ("celery", "worker", "--skip-serve-logs", "--without-mingle", "--without-gossip")
"""Airflow's own command for it. It asks no other worker for what that knows, and serves no logs: they are kept."""

WORKER_STOP_SECONDS = 115.0
"""Seconds from SIGTERM to SIGKILL for a worker and its tasks; Fargate allows 120."""

LAST_WORDS_SECONDS = 10.0
"""For how long of them tasks have been told to stop too: Airflow calls ``on_kill`` of an operator then."""

PROTECTED_AFTER_SECONDS = 30.0
"""How long a task has run when its worker is protected; what is over sooner has the time of a stop to end."""

PROTECTED_MINUTES = 30
"""How long a protection lasts that is not renewed, as of a worker that is stuck."""

HEARTBEAT_FILE = "worker-heartbeat"
"""In ``AIRFLOW_HOME``, touched by a worker every two seconds as long as it has its broker."""

MIGRATION, FERNET_ROTATION = "db migrate", "rotate fernet key"

_IMPORTED_BY_DAGS = (
    "airflow.dag_processing.bundles.local",
    "airflow.providers.standard.operators.bash",
    "airflow.sdk.definitions.asset.metadata",
    "airflow.sdk.definitions.decorators",
    "jinja2.ext",
)
"""What each parsing of a file and each task would import, since each is a process of its own."""

PRELOADED = (
    "airflow.__main__",
    "airflow.api_fastapi.app",
    "airflow.api_fastapi.execution_api.routes",
    "airflow.api_fastapi.execution_api.versions",
    "airflow.cli.commands.db_command",
    "airflow.executors.local_executor",
    *_IMPORTED_BY_DAGS,
)
"""Modules that two or more processes import, with all that these bring along, besides the components' commands."""

WORKER_PRELOADED = (
    "airflow.__main__",
    "airflow.dag_processing.dagbag",
    "airflow.executors.workloads",
    "airflow.providers.celery.cli.celery_command",
    "airflow.providers.celery.executors.celery_executor_utils",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    *_IMPORTED_BY_DAGS,
)
"""What a worker's processes for tasks import, each for itself if the worker has not."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_PARTIAL_LINE = 256 * 1024  # the most that CloudWatch Logs takes as one event
_PIPE_BYTES = 64 * 1024  # what a pipe of Linux holds
_READS = 4

_libc = ctypes.CDLL(None)


class Component(NamedTuple):
    """A process of the container: its name in ``ps`` and in the log, and what it runs."""

    name: str
    run: Callable[[], object]


def take_from_environment(name: str) -> str | None:
    """Return the variable and remove it.

    It goes from ``os.environ``, so that no child inherits it, and from the block that the kernel shows as
    ``/proc/<pid>/environ``. The container's PID 1 (dumb-init) keeps its own copy.
    """
    value = os.environ.get(name)
    if value is None:
        return None
    _libc.getenv.restype = ctypes.c_void_p
    address = _libc.getenv(name.encode())
    if address:
        entry = len(name) + 1
        ctypes.memset(address - entry, 0, entry + len(os.fsencode(value)))
    del os.environ[name]
    return value


def write_password_file(password: str, environment: MutableMapping[str, str], others: str | None) -> Path:
    """Write SimpleAuthManager's password file, readable by its owner only, and return its path.

    The password is that of the first user in ``AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS``; those that Airflow has
    generated for other users stay. In an image whose user may not write where the file should be, it is in
    ``AIRFLOW_HOME``, and the environment says so.

    :param others: A JSON object, the passwords of other users by name.
    """
    if not password:
        raise SystemExit("ADMIN_PASSWORD is empty: anyone could log in. Give it a value, or leave it out.")
    user = environment.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "admin:admin").split(",")[0].split(":")[0]
    passwords = {user.strip(): password, **json.loads(others or "{}")}
    at_home = Path(_airflow_home(environment), "simple_auth_manager_passwords.json.generated")
    path = Path(environment.get(PASSWORDS_FILE_VARIABLE) or at_home)
    try:
        _add_passwords(path, passwords)
    except OSError:
        if path == at_home:
            raise
        path = at_home
        _add_passwords(path, passwords)
        environment[PASSWORDS_FILE_VARIABLE] = str(path)
    return path


def _add_passwords(path: Path, added: Mapping[str, str]) -> None:
    """Replace the file in one step: a container killed here starts again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        passwords = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        passwords = {}
    passwords.update(added)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(passwords, file)
    new.replace(path)


def write_modules(sources: str, environment: MutableMapping[str, str]) -> None:
    """Put Python modules where every process of Airflow finds them, those that a person starts in the container too.

    That is ``config`` below ``AIRFLOW_HOME``, which Airflow has among the paths of its modules.

    :param sources: A JSON object, each module by the path of its file, packed as this program is.
    """
    for name, packed in json.loads(sources).items():
        file = Path(_airflow_home(environment), "config", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(zlib.decompress(base64.b85decode(packed)))


def put_in_place() -> None:
    """Do what the environment asks for before Airflow is loaded: write modules, and run the one that prepares it."""
    modules = take_from_environment("AIRFLOW_FARGATE_MODULES")
    if modules is not None:
        write_modules(modules, os.environ)
    preparation = take_from_environment("AIRFLOW_FARGATE_PREPARATION")
    if preparation is not None:
        prepare(json.loads(preparation))


def prepare(arguments: Sequence[str]) -> None:
    """Run one of these modules before Airflow is loaded, and end the container if it fails."""
    config = f"{_airflow_home(os.environ)}/config"
    path = os.pathsep.join(filter(None, (config, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", *arguments]
    pid = os.posix_spawn(sys.executable, command, {**os.environ, "PYTHONPATH": path})
    if code := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise SystemExit(f"supervisor | {arguments[0]} ended with exit code {code}")
    importlib.invalidate_caches()


def _airflow_home(environment: MutableMapping[str, str]) -> str:
    return environment.get("AIRFLOW_HOME", str(Path.home() / "airflow"))


def become(command: list[str]) -> NoReturn:
    """Run a command, behind the entrypoint of the official image if that is its first word."""
    if command[0] == ENTRYPOINT:
        # It has been passed on the way here, and has installed them.
        os.environ.pop("_PIP_ADDITIONAL_REQUIREMENTS", None)
        if not Path(ENTRYPOINT).exists():
            command = command[1:] if shutil.which(command[1]) else ["airflow", *command[1:]]
    os.execvp(command[0], command)  # noqa: S606 - it is what the caller wants to run


class Log:
    """The output of the container's processes: a pipe for each of them, whose complete lines go out behind its name."""

    def __init__(self, names: Sequence[str], selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._writers: dict[str, int] = {}
        self._readers: dict[int, str] = {}
        self._partial: dict[int, bytes] = {}
        for name in names:
            reader, self._writers[name] = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(reader, False)
            selector.register(reader, selectors.EVENT_READ)
            self._readers[reader] = name
            self._partial[reader] = b""

    def writer(self, name: str) -> int:
        """Return where ``name`` is to write: for a process that is not forked from this one."""
        return self._writers[name]

    def receive(self, name: str) -> None:
        """Turn this process's output into that of ``name``."""
        for stream in (1, 2):
            os.dup2(self._writers[name], stream)

    def close_writers(self, but: str | None = None) -> None:
        """Leave writing to the processes that have received their pipe: a pipe ends when none can write to it."""
        for name, writer in self._writers.items():
            if name != but:
                os.close(writer)

    def close_readers(self) -> None:
        """Leave reading to the supervisor."""
        for reader in self._readers:
            os.close(reader)

    def forward(self, name: str | None = None) -> None:
        """Copy what can be read, of ``name`` or of all."""
        for reader, owner in list(self._readers.items()):
            if name in (owner, None):
                self.forward_from(reader)

    def forward_from(self, reader: int) -> None:
        """Copy the complete lines that can be read from a pipe; at its end, and if it is too long, a part of a line.

        At most what a pipe holds, several times over: one that is filled faster than the log is taken is never empty.
        """
        for _ in range(_READS):
            try:
                data = os.read(reader, _PIPE_BYTES)
            except BlockingIOError:
                return
            lines = (self._partial[reader] + data).split(b"\n")
            rest = lines.pop()
            if rest and (not data or len(rest) > _LONGEST_PARTIAL_LINE):
                lines.append(rest)
                rest = b""
            self._partial[reader] = rest
            _write_lines(self._readers[reader], lines)
            if not data:
                self._selector.unregister(reader)
                os.close(reader)
                del self._partial[reader], self._readers[reader]
                return


class Keeper:
    """Runs the program of the keeper for the stages of a task, one after the other, once components run.

    It is asked every ``seconds`` for the stage `RUNNING`. Without ``arguments``, those of a Python, nothing is run.
    """

    def __init__(self, arguments: Sequence[str] = (), seconds: float | None = None) -> None:
        self._arguments = arguments
        self._seconds = seconds
        self._last: float | None = None
        self._asked = ""
        self._stage = ""
        self.pid: int | None = None

    @property
    def is_busy(self) -> bool:
        return self.pid is not None or bool(self._asked)

    def begin(self) -> None:
        """Note that components run: there is something to keep."""
        if self._arguments and self._last is None:
            self._last = time.monotonic()

    def ask(self, stage: str) -> None:
        """Have the stage run as soon as none is being run."""
        if self._last is not None:
            self._asked = stage

    def interrupt(self) -> None:
        """Do no more because it is time for it, and end what is being done for that: it may take long."""
        self._seconds = None
        if self.pid is not None and self._stage == RUNNING:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def proceed(self, output: int) -> float | None:
        """Start what is due, with ``output`` as its log, and return the seconds until something is."""
        if self._last is None or self.pid is not None:
            return None
        left = None if self._seconds is None else self._last + self._seconds - time.monotonic()
        if not self._asked and (left is None or left > 0):
            return left
        self._stage, self._asked = self._asked or RUNNING, ""
        self._last = time.monotonic()
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, *self._arguments, self._stage],
                os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, output, descriptor) for descriptor in (1, 2)],
                setpgroup=0,
            )
        except OSError as error:
            _write_lines(KEEPER, [f"could not be started: {error}".encode()])
        return self._seconds


class Supervisor:
    """Watches over components until one ends or a signal says stop; then no process is left.

    A child, the loader, imports what the components share, forks them, and becomes the last component itself::

        while Airflow is imported         then
        supervisor                        supervisor
        └─ loader                         ├─ scheduler
           ├─ db migrate                  │  └─ worker, worker, …
           └─ (between)                   ├─ dag-processor
              └─ scheduler                ├─ triggerer
                                          └─ api-server, which was the loader

    The supervisor must see each component end, which only a parent does, and must not have imported Airflow: in a
    process that only waits, the pages that all others have copied by now would be kept for nobody. So the loader forks
    a component twice. The process between ends at once, and the kernel gives its child to the nearest ancestor that
    has asked for orphans (``PR_SET_CHILD_SUBREAPER``): the supervisor, which each component tells its process id.
    """

    def __init__(
        self,
        names: Sequence[str],
        stop_seconds: float = STOP_SECONDS,
        failure_seconds: float = FAILURE_SECONDS,
        keeper: Keeper | None = None,
        alone_seconds: float | None = None,
    ) -> None:
        """Nothing runs yet.

        :param alone_seconds: How long components are told to stop without what they have started; half of
            ``stop_seconds`` if it is not given.
        """
        self._stop_seconds = stop_seconds
        self._alone_seconds = stop_seconds / 2 if alone_seconds is None else alone_seconds
        self._failure_seconds = failure_seconds
        self._keeper = keeper or Keeper()
        self._pid = os.getpid()
        self._stopping = False
        self._running: dict[int, str] = {}
        self._ended: dict[str, int] = {}
        self._told: dict[int, float] = {}
        self._told_again: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._births = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._births[0], False)
        self._selector.register(self._wake[0], selectors.EVENT_READ)
        self._selector.register(self._births[0], selectors.EVENT_READ)
        self._log = Log((LOADER, KEEPER, *names), self._selector)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, _wake_up)
        # Versions of the image's entrypoint hang up their process group ten minutes after they have installed packages.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # Components, whose parents are gone on purpose, and whatever they leave behind, become our children.
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def run(self, load: Callable[[], tuple[Sequence[Component], Sequence[Component]]]) -> int:
        """Call ``load``, run the first components it returns to their ends, then the others side by side.

        Returns the exit code of the container: 0 after SIGTERM, 1 when a component ended by itself.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _run_and_exit(lambda: self._load(load))
        self._running[pid] = LOADER
        self._log.close_writers(but=KEEPER)
        while not self._ended and not self._stopping:
            self._wait(None)
        if self._stopping:
            self._say(f"stopping, with {self._stop_seconds:g} s for what is running")
            self._keeper.ask("stopping")
            self._end_all(self._stop_seconds, self._alone_seconds)
            self._say("stopped")
            return 0
        died = ", ".join(f"{name} {_how_it_ended(code)}" for name, code in self._ended.items())
        self._say(f"{died}: ending the container")
        self._end_all(self._failure_seconds, 0)
        return 1

    def _ask_to_stop(self, *_: object) -> None:
        self._stopping = True

    def _load(self, load: Callable[[], tuple[Sequence[Component], Sequence[Component]]]) -> None:
        """Load Airflow and fork the components, and end as the last of them."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        self._log.close_readers()
        for inherited in (*self._wake, self._births[0]):
            os.close(inherited)
        self._enter(LOADER, self._pid)
        firsts, (*others, last) = load()
        loader = os.getpid()
        for first in firsts:
            pid = os.fork()
            if pid == 0:
                _run_and_exit(lambda: self._become(first, loader))  # noqa: B023 - never outlives the turn
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if code != 0:
                raise SystemExit(f"{first.name} {_how_it_ended(code)}")
        for component in others:
            between = os.fork()
            if between == 0:
                if os.fork() == 0:
                    _run_and_exit(lambda: self._become(component, self._pid))  # noqa: B023 - never outlives the turn
                os._exit(0)
            os.waitpid(between, 0)
        self._become(last, self._pid)

    def _become(self, component: Component, parent: int) -> None:
        self._enter(component.name, parent)
        if parent == self._pid:
            os.write(self._births[1], b"%d %s\n" % (os.getpid(), component.name.encode()))
        os.close(self._births[1])
        self._log.close_writers()
        pid = os.getpid()
        # LocalExecutor's workers would wait for ever for work from a scheduler that has been killed.
        os.register_at_fork(after_in_child=lambda: _end_with_parent() if os.getppid() == pid else None)
        component.run()

    def _enter(self, name: str, parent: int) -> None:
        """Make this process ``name``: title, log, and a process group of its own; it ends with its parent."""
        # dumb-init signals a whole process group, but the order of stopping is the supervisor's.
        os.setpgid(0, 0)
        self._log.receive(name)
        set_title(name)
        deadline = time.monotonic() + 5
        while os.getppid() != parent and time.monotonic() < deadline:
            time.sleep(0.001)
        _end_with_parent()
        if os.getppid() != parent:
            raise SystemExit(f"the parent of {name} has ended")

    def _wait(self, seconds: float | None) -> None:
        """Forward what has been logged and note who has ended, sleeping at most ``seconds`` for news."""
        due = self._keeper.proceed(self._log.writer(KEEPER))
        for key, _ in self._selector.select(min((each for each in (seconds, due) if each is not None), default=None)):
            if key.fd == self._wake[0]:
                os.read(key.fd, 4096)
            elif key.fd == self._births[0]:
                self._note_births()
            else:
                self._log.forward_from(key.fd)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._note_births()
            if pid == self._keeper.pid:
                self._keeper.pid = None
            if name := self._running.pop(pid, None):
                self._ended[name] = os.waitstatus_to_exitcode(status)
                self._log.forward(name)

    def _note_births(self) -> None:
        try:
            births = os.read(self._births[0], 4096).decode().splitlines()
        except BlockingIOError:
            return
        for pid, _, name in (birth.partition(" ") for birth in births):
            self._running[int(pid)] = name
            self._keeper.begin()
            self._say(f"started {name} as process {pid}")

    def _end_all(self, seconds: float, everyone_after: float) -> None:
        """End every descendant within ``seconds``: the components, what they have left, the api-server, in this order.

        The components have ``everyone_after`` seconds to end what they have started by themselves. Then that is told
        too, and tells what it has started itself, as Airflow's own worker does: the process of a task calls
        ``on_kill``, and what the task runs is the operator's to end.
        """
        begin = time.monotonic()
        self._keeper.interrupt()
        self._terminate(self._told_first, begin + everyone_after)
        self._terminate(self._all_but_the_last, begin + seconds, self._told_next)
        self._terminate(self._all, begin + seconds)
        if self._running:
            self._say("killing " + ", ".join(self._running.values()) + f", still running after {seconds:g} s")
        while alive := self._all():
            for pid in alive:
                _kill(pid, signal.SIGKILL)
            self._wait(0.05)
        self._keeper.ask("final")
        while self._keeper.is_busy:
            self._wait(None)
        self._log.forward()

    def _terminate(
        self,
        awaited: Callable[[], AbstractSet[int]],
        deadline: float,
        told: Callable[[], AbstractSet[int]] | None = None,
    ) -> None:
        """Send SIGTERM to each process that has not had it, until none is awaited or it is ``deadline``."""
        while (left := deadline - time.monotonic()) > 0 and (alive := awaited()):
            for pid in (told() if told else alive) - self._told.keys():
                _kill(pid, signal.SIGTERM)
                self._told[pid] = time.monotonic()
            self._wait(min(left, 0.1))
            for pid, name in self._running.items():
                told_at = self._told.get(pid, math.inf)
                if time.monotonic() - told_at > TELL_AGAIN_SECONDS and _waits_in_vain(name, pid):
                    _kill(pid, signal.SIGKILL if pid in self._told_again else signal.SIGTERM)
                    self._told[pid] = time.monotonic()
                    self._told_again.add(pid)

    def _told_first(self) -> set[int]:
        return self._running.keys() - self._last_to_stop()

    def _told_next(self) -> set[int]:
        """Return the components and their children; without any, what has lost its parent: no task needs it now."""
        first = self._told_first()
        found = _children()
        return first | {pid for parent in first or {self._pid} for pid in found.get(parent, [])} - self._kept_apart()

    def _all_but_the_last(self) -> set[int]:
        return descendants(but=self._kept_apart())

    def _all(self) -> set[int]:
        return descendants(but={self._keeper.pid})

    def _kept_apart(self) -> set[int | None]:
        return {self._keeper.pid, *self._last_to_stop()}

    def _last_to_stop(self) -> set[int]:
        return {pid for pid, name in self._running.items() if name == LAST_TO_STOP}

    def _say(self, message: str) -> None:
        _write_lines("supervisor", [message.encode()])


def descendants(of: int | None = None, *, but: AbstractSet[int | None] = frozenset()) -> set[int]:
    """Return the ids of all processes that descend from this one, or another, and have not ended.

    Without those of ``but`` and those below them.
    """
    children = _children()
    found: set[int] = set()
    ahead = children.get(of or os.getpid(), [])
    while ahead:
        pid = ahead.pop()
        if pid not in but:
            found.add(pid)
            ahead += children.get(pid, [])
    return found


def _children() -> dict[int, list[int]]:
    """Return the ids of each process's children that have not ended."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # A process names itself, in bytes of its own choice.
            state, parent = stat.read_bytes().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if state != b"Z" or int(parent) == os.getpid():
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    return children


def _waits_in_vain(name: str, pid: int) -> bool:
    """Whether a component that was told to stop runs on although no task does, so that nothing is lost if it is killed.

    Airflow's triggerer may miss the end of its child, and wait ten seconds for it. Its scheduler raises ``SystemExit``
    when it is told, which Python drops while it forks; and the log that both write of it waits for itself for ever if
    a line is just being written.
    """
    below = descendants(pid)
    if name == "scheduler":
        return all(IDLE_WORKER in _title(each) for each in below)
    return name == "dag-processor" or (name == "triggerer" and not below)


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def set_title(name: str) -> None:
    """Name this process ``airflow <name>`` in ``ps``."""
    try:
        setproctitle = importlib.import_module("setproctitle")
    except ImportError:
        return
    setproctitle.setproctitle(f"airflow {name}")


def _run_and_exit(run: Callable[[], object]) -> NoReturn:
    """Run what a forked process is for, and end it.

    An ordinary exit would tear down every module, and so copy the memory that is shared with the other processes.
    """
    code = 1
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException as error:  # noqa: BLE001 - nothing may run on as a second supervisor
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        try:
            atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage] - os._exit leaves them out
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _wake_up(*_: object) -> None:
    """Give a signal a handler: without one it does not reach the wake-up descriptor."""


def _how_it_ended(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _write_lines(name: str, lines: Sequence[bytes]) -> None:
    data = b"".join(b"%s | %s\n" % (name.encode(), line) for line in lines)
    with contextlib.suppress(OSError):  # a reader that has gone away must not end Airflow
        while data:
            data = data[os.write(1, data) :]


def wait_for_port(port: int) -> None:
    """Return when something on this machine accepts connections at ``port``; whoever stops this process ends it."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
            return
        time.sleep(0.2)


class BesideDags:
    """Finds modules beside the DAGs, in what Airflow has copied of its bundles, after all others.

    Airflow's triggerer has no bundle to look in, as its tasks have, and could not import a trigger that comes along
    with a DAG. What of it is not there yet is looked for again at the next import.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def find_spec(self, name: str, path: object = None, _target: object = None) -> ModuleSpec | None:
        if path is not None:
            return None
        # Of folders that are not there, Python would remember that.
        return PathFinder.find_spec(name, [str(folder) for folder in self._folders if folder.is_dir()])


BUNDLE_FOLDERS = {"BucketBundle": "files", "GitBundle": "tracking_repo", "GitDagBundle": "tracking_repo"}
"""Where in its own folder a bundle has what it follows, by the name of its class."""


def bundle_folders(bundles: Sequence[Mapping[str, Any]], root: Path) -> list[Path]:
    """Return where below ``root`` Airflow has the DAGs of its bundles."""
    return [
        root
        / bundle["name"]
        / BUNDLE_FOLDERS.get(bundle["classpath"].rpartition(".")[2], "")
        / (bundle["kwargs"].get("subdir") or "")
        for bundle in bundles
    ]


def load_airflow(names: Sequence[str], keeper: Sequence[str]) -> tuple[list[Component], list[Component]]:
    """Import what the components share and return what comes before them and the components, ready to be forked.

    What comes before them is the start of the keeper, if there is one, and the migration of the database.
    """
    # Nobody else reads the bytecode, and writing it would cost a tenth of the start.
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    commands = [f"airflow.cli.commands.{name.replace('-', '_')}_command" for name in names]
    airflow = _import_airflow(*PRELOADED, *commands)
    airflow.utils.db.import_all_models()
    # Each process would do this at its first query.
    importlib.import_module("sqlalchemy.orm").configure_mappers()
    parser = airflow.cli.cli_parser.get_parser()

    def ignore_title(_title: str) -> None: ...

    def keep_title() -> None:
        # Airflow would rename the process to `airflow api_server -- host:…`.
        titles: Any = importlib.import_module("setproctitle")
        titles.setproctitle = ignore_title

    def wait_for_api() -> None:
        # A task that finds no API server tries for seconds and fails; on a small CPU one starts too early.
        if "api-server" in names:
            wait_for_port(airflow.configuration.conf.getint("api", "port"))

    def find_beside_dags() -> None:
        bundles: Any = importlib.import_module("airflow.dag_processing.bundles.base")
        configured = airflow.configuration.conf.getjson("dag_processor", "dag_bundle_config_list")
        sys.meta_path.append(cast(Any, BesideDags(bundle_folders(configured, bundles.get_bundle_storage_root_path()))))

    before = {"api-server": keep_title, "scheduler": wait_for_api, "triggerer": find_beside_dags}

    def component(name: str, command: Sequence[str]) -> Component:
        arguments = parser.parse_args(command)

        def run() -> None:
            gc.enable()
            if name in before:
                before[name]()
            sys.argv = ["airflow", *command]
            arguments.func(arguments)

        return Component(name, run)

    def restore() -> None:
        # As `python -c` would, but in a process that has imported what it needs.
        sys.argv = ["-c", *keeper[2:], "start"]
        exec(keeper[1], {"__name__": "__main__"})  # noqa: S102 - it is this container's own command

    firsts = [Component(KEEPER, restore)] if keeper else []
    firsts.append(component(MIGRATION, ("db", "migrate")))
    if "," in os.environ.get("AIRFLOW__CORE__FERNET_KEY", ""):
        # So that the keys after the first are needed no more.
        firsts.append(component(FERNET_ROTATION, ("rotate-fernet-key",)))
    loaded = firsts, [component(name, COMMANDS[name]) for name in names]
    sys.dont_write_bytecode = dont_write
    # What is frozen is never visited by the collector, which would write to, and so copy, every shared page. Without
    # a collection before it: the holes left by one would be filled, and so copied, by each process.
    gc.freeze()
    gc.unfreeze = lambda: None  # LocalExecutor thaws everything when it has forked its workers
    return loaded


def load_worker() -> tuple[list[Component], list[Component]]:
    """Import what a worker and its processes for tasks share, and return the worker, ready to be forked.

    It needs no database of Airflow's, and so nothing comes before it.
    """
    _import_airflow(*WORKER_PRELOADED)
    signals: Any = importlib.import_module("celery.signals")
    protection = Protection(os.environ["ECS_AGENT_URI"]) if "AIRFLOW_FARGATE_PROTECTS_TASKS" in os.environ else None
    arguments = importlib.import_module("airflow.cli.cli_parser").get_parser().parse_args(WORKER_COMMAND)
    heartbeat = Path(_airflow_home(os.environ), HEARTBEAT_FILE)

    def beat(**_: object) -> None:
        heartbeat.touch()
        if protection is not None:
            state: Any = importlib.import_module("celery.worker.state")
            begun = [request.time_start for request in list(state.active_requests) if request.time_start]
            protection.keep(time.time() - min(begun) if begun else 0.0)

    def run() -> None:
        gc.enable()
        signals.heartbeat_sent.connect(beat, weak=False)
        sys.argv = ["airflow", *WORKER_COMMAND]
        arguments.func(arguments)

    gc.freeze()
    return [], [Component(WORKER, run)]


def _import_airflow(*modules: str) -> Any:
    """Import modules and those that the environment names, and return Airflow, configured; no garbage is collected."""
    gc.disable()
    for module in (*modules, *os.environ.get("AIRFLOW_FARGATE_PRELOADED", "").split()):
        import_executor(module)
    # By name, and so untyped: Airflow is installed where this runs, not where it is checked.
    airflow: Any = importlib.import_module("airflow")
    airflow.configuration.write_default_airflow_configuration_if_needed()
    airflow.providers_manager.ProvidersManager().initialize_providers_configuration()
    return airflow


class Protection:
    """What keeps ECS from stopping this container to have fewer workers, while a task runs for longer than a stop."""

    def __init__(self, agent: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is protected yet.

        :param agent: The URL of the ECS agent.
        """
        self._url = f"{agent}/task-protection/v1/state"
        self._clock = clock
        self._protected = False
        self._next = clock()
        # No other container has a use for it.
        self._http: Any = importlib.import_module("urllib.request")

    def keep(self, seconds: float) -> None:
        """Protect the container, whose longest task has run for so long, or do so no more."""
        wanted, now = seconds >= PROTECTED_AFTER_SECONDS, self._clock()
        if wanted == self._protected and not (wanted and now >= self._next):
            return
        body = {"ProtectionEnabled": wanted, **({"ExpiresInMinutes": PROTECTED_MINUTES} if wanted else {})}
        headers = {"Content-Type": "application/json"}
        request = self._http.Request(self._url, json.dumps(body).encode(), headers, method="PUT")
        try:
            with self._http.urlopen(request, timeout=3) as answer:
                said = answer.read().decode()
            # What ECS refuses, the agent tells with status 200.
            done = json.loads(said).get("protection", {}).get("ProtectionEnabled") is wanted
        except (OSError, ValueError) as error:
            # An answer with another status is such an error, and a file with what it says.
            body_of: Any = getattr(error, "read", bytes)
            said, done = f"{error} {body_of().decode()}".rstrip(), False
        if done:
            self._protected, self._next = wanted, now + PROTECTED_MINUTES * 60 / 2
        else:
            # It is tried again at the next heartbeat.
            print(f"the worker's protection could not be changed: {said}", flush=True)


def import_executor(module: str) -> None:
    """Import a module of an executor, and end the container with the way out if the image does not carry it."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        if not module.startswith("airflow.providers.celery."):
            raise
        raise SystemExit(
            f"CeleryExecutor cannot be loaded: {error}. The image needs apache-airflow-providers-celery and -redis, "
            "and celery below 5.7, which the provider does not go with (docs/growing.md)."
        ) from error


def main() -> int:
    """Run the components that the arguments name in this container until one of them ends, or SIGTERM."""
    if sys.argv[1:2] == ["--"]:
        put_in_place()
        # Such a command may read the password itself, so that it stays; one that runs a task of Airflow has none.
        if "ADMIN_PASSWORD" in os.environ:
            write_password_file(os.environ["ADMIN_PASSWORD"], os.environ, os.environ.get("USER_PASSWORDS"))
        become(sys.argv[2:])
    arguments = sys.argv[1:]
    end = arguments.index("-c") if "-c" in arguments else len(arguments)
    names, keeper = arguments[:end] or list(COMMANDS), arguments[end:]
    if names == [WORKER]:
        put_in_place()
        set_title("supervisor")
        alone = WORKER_STOP_SECONDS - LAST_WORDS_SECONDS
        return Supervisor(names, WORKER_STOP_SECONDS, alone_seconds=alone).run(load_worker)
    if not set(names) <= COMMANDS.keys() or len(set(names)) < len(names):
        raise SystemExit(
            f"The arguments are {' '.join(names)}; name each of {', '.join(COMMANDS)} at most once, or {WORKER} alone."
        )
    password, others = take_from_environment("ADMIN_PASSWORD"), take_from_environment("USER_PASSWORDS")
    if password is not None:
        write_password_file(password, os.environ, others)
    put_in_place()
    set_title("supervisor")
    # The migration below has just run, so the components need not each load all migrations to check it.
    os.environ.setdefault("AIRFLOW__DATABASE__CHECK_MIGRATIONS", "False")
    seconds = os.environ.get("AIRFLOW_FARGATE_KEEPER_SECONDS")
    kept = Keeper(keeper, float(seconds) if seconds else None)
    return Supervisor((MIGRATION, FERNET_ROTATION, *names), keeper=kept).run(lambda: load_airflow(names, keeper))


if __name__ == "__main__":
    sys.exit(main())
