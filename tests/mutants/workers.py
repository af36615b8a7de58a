"""Runs the tests against a copy of the repository, in forked processes that have imported the SDK already."""

import gc
import importlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import pytest

from .collected import Request, Serving, same_id
from .mutations import Mutation
from .reached import Reached, Recorder

ROOT = Path(__file__).parents[2]
TESTS = "tests/unit"


def import_what_stays() -> None:
    """Import what the component and its tests import, and forget what is of this repository."""
    for module in ("airflow_fargate", "airflow_fargate.plugin", "hypothesis", "botocore.stub", "boto3"):
        importlib.import_module(module)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name != "__main__" and Path(file).is_relative_to(ROOT) and ".venv" not in file:
            del sys.modules[name]
    gc.collect()
    gc.freeze()


def recorded(file: Path) -> Reached:
    """Return what an earlier run of all tests has shown."""
    return Reached(*pickle.loads(file.read_bytes()))  # noqa: S301 - written by the process that ran them


class Copy:
    """A copy of the repository's files, in which one at a time is mutated."""

    def __init__(self, folder: Path) -> None:
        """Make the copy in `folder`."""
        shutil.rmtree(folder, ignore_errors=True)
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
        )
        for name in listed.stdout.decode().splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        # Tests ask git for the files, and in a folder that it ignores it has none.
        for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
            subprocess.run(command, cwd=folder, check=True)
        self.folder = folder
        self._versions = 0
        self._requests: Connection | None = None

    def record(self, into: Path) -> Reached:
        """Run all tests, and return which functions they reach, written down in `into`."""
        recorder = Recorder(self.folder)

        def run() -> int:
            recorder.start()
            failed = pytest.main(["-q", *_OPTIONS, TESTS], plugins=[recorder])
            if not failed:
                into.write_bytes(pickle.dumps(tuple(recorder.reached)))
            return failed

        child = self._fork(run)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise SystemExit(f"the tests fail as they are: {self.folder / 'log'}")
        return recorded(into)

    def serve(self) -> None:
        """Read all tests, in a process that goes on from there each time; it ends with this one."""
        self._requests, served = Pipe()

        def next_request() -> Request | None:
            with suppress(EOFError):
                return Request(*served.recv())
            return None

        def answer(run: Callable[[], int] | None) -> None:
            served.send(run is not None)
            if run:
                started = Run(self._fork(run), self.folder)
                while (result := started.result()) is None:
                    time.sleep(0.005)
                served.send(result)

        def serve(mine: Connection = self._requests) -> int:
            mine.close()
            plugins = [Serving(self.folder, next_request, answer), _Noticing()]
            return pytest.main(["-q", *_OPTIONS, TESTS], plugins=plugins)

        self._fork(serve)
        served.close()

    def test(
        self, module: str, mutation: Mutation, tests: Sequence[str], likely: int, *, imported: bool
    ) -> "Run | Served":
        """Start the tests, in their order and up to the first that fails, with a module mutated.

        :param likely: How many of the tests are tried before the files of all others are read.
        :param imported: Whether the mutation may change what happens when a module is imported.
        """
        before = (self.folder / module).read_text(encoding="utf-8")
        restore = self._mutate({module: mutation})
        likely = max(likely, _LIKELY)
        if self._requests and not imported:
            request = Request(module, before, mutation.source, mutation.function, tests)
            self._requests.send(tuple(request))  # its class is not the one of the modules that are read anew
            if self._requests.recv():
                return Served(self._requests, restore)
        return Run(self._fork(lambda: _run(tests[:likely]) or _run(tests[likely:])), self.folder, restore)

    def test_together(self, mutations: Mapping[str, Mutation], tests: Sequence[str]) -> "Run":
        """Start the tests, in their order and up to the first that fails, with several modules mutated, each once."""
        restore = self._mutate(mutations)
        return Run(self._fork(lambda: _run(tests)), self.folder, restore)

    def _mutate(self, mutations: Mapping[str, Mutation]) -> Callable[[], None]:
        """Write the mutations of modules into the copy, and return what takes them back."""
        (self.folder / "noticed").unlink(missing_ok=True)
        (self.folder / "log").write_text("")
        before = {self.folder / module: (self.folder / module).read_text(encoding="utf-8") for module in mutations}
        # A time that no other version of it has: Python knows by it whether what it once compiled is of this one.
        self._versions += 1
        for module, mutation in mutations.items():
            (self.folder / module).write_text(mutation.source, encoding="utf-8")
            os.utime(self.folder / module, (self._versions, self._versions))

        def restore() -> None:
            for path, source in before.items():
                path.write_text(source, encoding="utf-8")

        return restore

    def _fork(self, run: Callable[[], int]) -> int:
        child = os.fork()
        if not child:
            self._be_a_test_run(run)
        return child

    def _be_a_test_run(self, run: Callable[[], int]) -> NoReturn:
        code = 99
        try:
            os.setsid()
            os.chdir(self.folder)
            log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for stream in (1, 2):
                os.dup2(log, stream)
            elsewhere = [path for path in sys.path if path and not (ROOT in Path(path).parents and ".venv" not in path)]
            sys.path[:] = [str(self.folder), str(self.folder / "components"), *(p for p in elsewhere if p != str(ROOT))]
            code = run()
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stdout.flush()
            os._exit(code)


# The same examples every time; no memory of earlier runs; and nothing said of a failure, which may take a second.
_OPTIONS = (
    "--assert=plain",
    "--tb=no",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    "--hypothesis-seed=0",
)


_LIKELY = 8
"""At least so many tests are tried before the files of all others are read."""


def _run(tests: Sequence[str]) -> int:
    files = sorted({test.partition("::")[0] for test in tests})
    return pytest.main(["-q", "-x", *_OPTIONS, *files], plugins=[_Selection(tests), _Noticing()]) if tests else 0


class _Noticing:
    """A plugin of pytest that writes down which test has failed."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            Path("noticed").write_text(report.nodeid)


class _Selection:
    """A plugin of pytest that runs the given tests, in their order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._places: Mapping[str, int] = {same_id(test): place for place, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        places = {item: self._places[same_id(item.nodeid)] for item in items if same_id(item.nodeid) in self._places}
        items[:] = sorted(places, key=lambda item: places[item])


class Run:
    """A run of tests in a process of its own."""

    LONGEST_SECONDS = 120
    """How long a run may say nothing, be it on a machine that has other things to do."""

    def __init__(self, process: int, folder: Path, restore: Callable[[], None] = lambda: None) -> None:
        """Watch a process that leads a session, and writes its log and the test that failed into `folder`."""
        self._process = process
        self._noticed = folder / "noticed"
        self._log = folder / "log"
        self._restore = restore

    def result(self) -> str | None:
        """Return the first test that failed, "" if none did, and None while they go on; a run that hangs has failed."""
        ended, status = os.waitpid(self._process, os.WNOHANG)
        late = time.time() - self._log.stat().st_mtime > self.LONGEST_SECONDS
        if not ended and not late:
            return None
        with suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)
        if not ended:
            os.waitpid(self._process, 0)
        self._restore()
        if not late and os.waitstatus_to_exitcode(status) == 0:
            return ""
        return self._noticed.read_text() if self._noticed.exists() else "the end of the run"


class Served:
    """A run of tests in a fork of the process that has read them."""

    def __init__(self, answers: Connection, restore: Callable[[], None]) -> None:
        self._answers = answers
        self._restore = restore

    def result(self) -> str | None:
        """Return the same as a `Run`."""
        if not self._answers.poll():
            return None
        self._restore()
        return self._answers.recv()
