"""The supervisor as the container runs it: its source in ``python -c``, with stand-ins for Airflow's components."""

import http.server
import importlib
import json
import math
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest
from airflow_fargate.task import supervisor

from . import packing

SOURCE = Path(supervisor.__file__)
PASSWORD = """p'w"d $HOME \n `date` é {"x"} %s !! #"""

STAND_INS = """
import subprocess
def idle():
    print("ready", flush=True)
    while True: time.sleep(60)
def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    idle()
def with_workers():
    for _ in range(2):
        if os.fork() == 0: time.sleep(600)
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    idle()
def in_time(action):
    def run():
        sys.stdin.readline()
        return action()
    return run
def supervise(first=lambda: None, load=lambda: None, keeper=None, **components):
    names = {name.replace("_", "-"): run for name, run in components.items()}
    def loading():
        load()
        return [Component("db migrate", first)], [Component(name, run) for name, run in names.items()]
    watcher = Supervisor(("db migrate", *names), stop_seconds=2.0, failure_seconds=1.0, keeper=keeper)
    sys.exit(watcher.run(loading))
"""


@contextmanager
def container(script: str, *arguments: str, **environment: str) -> Generator[subprocess.Popen[str]]:
    """Start the module's source, ``script`` for its last two lines, as a process in its own session.

    What happens ``in_time`` happens when the test reads all of the rest: ``communicate`` closes the standard input.
    """
    source = SOURCE.read_text().rpartition('if __name__ == "__main__":')[0] + STAND_INS + script
    process = subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Unbuffered, the lines of two processes would mix.
        env={**os.environ, "PYTHONUNBUFFERED": "", **environment},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for pid in processes_of(process.pid):
            with suppress(ProcessLookupError):  # it may end while they are counted
                os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()


def processes_of(root: int) -> set[int]:
    """``root``'s descendants, found from outside."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_bytes().rpartition(b")")[2].split()[1])
        except OSError:
            continue
    found: set[int] = set()
    while new := {pid for pid, parent in parents.items() if parent in found | {root}} - found:
        found |= new
    return found


def wait_for(process: subprocess.Popen[str], *expected: str) -> str:
    """Read the log until every one of ``expected`` has been seen in it, and return what was read."""
    assert process.stdout is not None
    log = ""
    while not all(text in log for text in expected):
        line = process.stdout.readline()
        assert line, f"the container ended before {expected}:\n{log}"
        log += line
    return log


def survivors(pids: set[int]) -> set[int]:
    """Those of ``pids`` that still run."""
    alive: set[int] = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            continue
        if state != b"Z":
            alive.add(pid)
    return alive


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


ALL_READY = ("scheduler | ready", "triggerer | ready", "api-server | ready")


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("lambda: sys.exit(3)", "scheduler ended with exit code 3"),
        ("lambda: None", "scheduler ended with exit code 0"),
        ("lambda: os.kill(os.getpid(), signal.SIGKILL)", "scheduler ended by SIGKILL"),
        ("lambda: 1 / 0", "scheduler ended with exit code 1"),
    ],
)
def test_the_end_of_a_component_ends_the_container_and_names_it(action: str, said: str) -> None:
    script = f"supervise(scheduler=in_time({action}), triggerer=with_workers, api_server=idle)"
    with container(script) as process:
        wait_for(process, "triggerer | ready", "api-server | ready", "started api-server")
        family = processes_of(process.pid)
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert f"supervisor | {said}: ending the container" in log
    assert survivors(family) == set()


def test_the_end_of_the_component_that_was_the_loader_ends_the_container() -> None:
    with container("supervise(scheduler=idle, api_server=in_time(lambda: sys.exit(4)))") as process:
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "supervisor | api-server ended with exit code 4: ending the container" in log


def test_workers_of_a_killed_component_do_not_survive() -> None:
    with container("supervise(scheduler=with_workers, triggerer=idle, api_server=idle)") as process:
        log = wait_for(process, *ALL_READY, "started scheduler", "started api-server")
        family = processes_of(process.pid)
        scheduler = int(log.partition("started scheduler as process ")[2].split()[0])
        os.kill(scheduler, signal.SIGKILL)
        rest, _ = process.communicate(timeout=10)
    assert "scheduler ended by SIGKILL" in rest
    assert len(family) >= 6
    assert survivors(family) == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_everything_with_exit_code_0(number: signal.Signals) -> None:
    with container("supervise(scheduler=idle, triggerer=with_workers, api_server=idle)") as process:
        wait_for(process, *ALL_READY)
        family = processes_of(process.pid)
        process.send_signal(number)
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "supervisor | stopped" in log
    assert survivors(family) == set()


WORKER_STOPS = """
def work():
    # What a task of Airflow does: it ends by itself, and is not told to before that.
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"the task is told\\n"))
        time.sleep({seconds})
        os.write(1, b"the task ends\\n")
        os._exit(0)
    signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"the worker is told\\n"))
    os.write(1, b"ready\\n")
    os.wait()
watcher = Supervisor(("worker",), stop_seconds=3.0, alone_seconds={alone})
sys.exit(watcher.run(lambda: ([], [Component("worker", work)])))
"""


@pytest.mark.parametrize(("seconds", "alone", "told"), [(2, 2.5, False), (1, 0.5, True)])
def test_tasks_of_a_worker_end_by_themselves_and_are_told_to_stop_when_the_time_is_nearly_over(
    seconds: float, alone: float, *, told: bool
) -> None:
    with container(WORKER_STOPS.format(seconds=seconds, alone=alone)) as process:
        wait_for(process, "ready")
        process.terminate()
        log = process.communicate(timeout=10)[0]

    assert process.returncode == 0
    assert "the worker is told" in log
    assert "the task ends" in log
    assert ("the task is told" in log) == told


RUNNING_TASK = """
def says(text): return lambda *_: os.write(1, text + b"\\n")
def task():
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, says(b"on_kill"))
    if os.fork() == 0:
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"helper told\\n"), os._exit(0)))
            idle()
        os._exit(0)
    os.wait()
    code = subprocess.run(["sleep", "2"]).returncode
    os.write(1, b"task ends with %d\\n" % code)
    os._exit(0)
def worker():
    runner = os.fork()
    if runner == 0: task()
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(runner, number))
    os.waitpid(runner, 0)
    os._exit(0)
def scheduler():
    signal.signal(signal.SIGTERM, says(b"scheduler told"))
    if os.fork() == 0: worker()
    os.wait()
watcher = Supervisor(("scheduler", "api-server"), stop_seconds=8.0, alone_seconds=0.3)
sys.exit(watcher.run(lambda: ([], [Component("scheduler", scheduler), Component("api-server", idle)])))
"""


def test_a_task_is_told_once_and_by_its_worker_and_what_it_runs_goes_on() -> None:
    with container(RUNNING_TASK) as process:
        wait_for(process, "scheduler | ready", "api-server | ready")
        process.terminate()
        log, _ = process.communicate(timeout=12)
    assert process.returncode == 0
    assert [line for line in log.splitlines() if line.startswith("scheduler")] == [
        "scheduler | scheduler told",
        "scheduler | on_kill",
        "scheduler | task ends with 0",
        "scheduler | helper told",
    ]


def test_what_the_api_server_has_started_is_told_with_it() -> None:
    script = """
def serve():
    # Its child ends with it, at once.
    signal.signal(signal.SIGTERM, lambda *_: (os.wait(), os._exit(0)))
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"child told\\n"), os._exit(0)))
        idle()
    time.sleep(600)
def slow():
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), os.write(1, b"ends\\n"), os._exit(0)))
    idle()
supervise(scheduler=slow, api_server=serve)
"""
    with container(script) as process:
        wait_for(process, "scheduler | ready", "api-server | ready")
        process.terminate()
        log, _ = process.communicate(timeout=10)
    assert log.index("scheduler | ends") < log.index("api-server | child told")
    assert "killing" not in log


def test_a_worker_has_nearly_all_of_the_two_minutes_that_fargate_allows(tmp_path: Path) -> None:
    script = """
class Supervisor:
    def __init__(self, *given, **named): print(*given, named)
    def run(self, load): print(load.__name__)
main()
"""
    with container(script, "worker", AIRFLOW_HOME=str(tmp_path)) as process:
        log = process.communicate(timeout=10)[0]

    assert log == "['worker'] 115.0 {'alone_seconds': 105.0}\nload_worker\n"


def test_the_entrypoints_hang_up_ends_nothing() -> None:
    with container("supervise(scheduler=idle, api_server=idle)") as process:
        wait_for(process, "scheduler | ready", "api-server | ready")
        os.killpg(process.pid, signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_a_component_that_ignores_sigterm_is_killed_within_the_bound() -> None:
    with container("supervise(scheduler=stubborn, triggerer=idle, api_server=idle)") as process:
        wait_for(process, *ALL_READY)
        family = processes_of(process.pid)
        begin = time.monotonic()
        process.terminate()
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert 1.9 < time.monotonic() - begin < 4
    assert "supervisor | killing api-server, scheduler, still running after 2 s" in log
    assert survivors(family) == set()


def test_the_api_server_is_told_to_stop_after_the_others() -> None:
    """Although dumb-init sends SIGTERM to a whole process group, not to the supervisor alone."""
    script = """
def says_when(seconds):
    def run():
        def stop(*_):
            time.sleep(seconds)
            print("ends", flush=True)
            os._exit(0)
        signal.signal(signal.SIGTERM, stop)
        idle()
    return run
supervise(scheduler=says_when(0.2), api_server=says_when(0))
"""
    with container(script) as process:
        wait_for(process, "scheduler | ready", "api-server | ready")
        os.killpg(process.pid, signal.SIGTERM)
        log, _ = process.communicate(timeout=10)
    assert log.index("scheduler | ends") < log.index("api-server | ends")


def test_a_triggerer_whose_child_has_ended_is_told_a_second_time() -> None:
    """Airflow's would wait in vain for ten seconds."""
    script = """
def waits_in_vain():
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGUSR1, lambda *_: (time.sleep(0.3), os.write(1, b"child ends\\n"), os._exit(0)))
        print("child ready", flush=True)
        while True: time.sleep(60)
    told = []
    def stop(*_):
        told.append(child)
        os.write(1, b"told\\n")  # what it interrupts may be a print
        if len(told) == 1: os.kill(child, signal.SIGUSR1)
        else: os._exit(0)
    signal.signal(signal.SIGTERM, stop)
    idle()
TELL_AGAIN_SECONDS = 0.1
supervise(triggerer=waits_in_vain, api_server=idle)
"""
    with container(script) as process:
        wait_for(process, "triggerer | ready", "triggerer | child ready", "api-server | ready")
        process.terminate()
        log, _ = process.communicate(timeout=10)
    assert [line for line in log.splitlines() if "triggerer" in line] == [
        "triggerer | told",
        "triggerer | child ends",
        "triggerer | told",
    ]
    assert process.returncode == 0


@pytest.mark.parametrize(("second", "told"), [("<idle>", 2), ("etl.load", 1)])
def test_a_scheduler_that_runs_on_with_idle_workers_alone_is_told_again(second: str, told: int) -> None:
    """Airflow's drops the first signal if it comes in the wrong place; with a task it may as well be waiting for it."""
    script = f"""
def drops_the_first():
    workers = [
        subprocess.Popen(
            ["airflow worker -- LocalExecutor: " + title, "60"],
            executable="/bin/sleep",
            preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        )
        for title in ("<idle>", {second!r})
    ]
    told = []
    def stop(*_):
        told.append(1)
        os.write(1, b"told\\n")  # print is not to be interrupted by itself
        if len(told) > 1: os._exit(0)
    signal.signal(signal.SIGTERM, stop)
    idle()
TELL_AGAIN_SECONDS = 0.3
supervise(scheduler=drops_the_first, api_server=idle)
"""
    with container(script) as process:
        wait_for(process, "scheduler | ready", "api-server | ready")
        process.terminate()
        log, _ = process.communicate(timeout=10)
    assert log.count("scheduler | told") == told
    assert ("killing api-server, scheduler" in log) == (told == 1)
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["scheduler", "dag_processor", "triggerer"])
def test_a_component_without_a_task_that_does_not_obey_twice_is_killed(name: str) -> None:
    with container(f"TELL_AGAIN_SECONDS = 0.2\nsupervise({name}=stubborn, api_server=idle)") as process:
        wait_for(process, f"{name.replace('_', '-')} | ready", "api-server | ready")
        begin = time.monotonic()
        process.terminate()
        log, _ = process.communicate(timeout=10)
    assert time.monotonic() - begin < 1.5
    assert "killing" not in log
    assert process.returncode == 0


def test_a_stop_signal_while_airflow_is_imported_is_obeyed() -> None:
    with container(
        'supervise(load=lambda: (print("importing", flush=True), time.sleep(60)), api_server=idle)'
    ) as process:
        wait_for(process, "loader | importing")
        process.terminate()
        process.communicate(timeout=5)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("supervise(first=lambda: sys.exit(2), api_server=idle)", "loader | db migrate ended with exit code 2"),
        ("supervise(load=lambda: 1 / 0, api_server=idle)", "loader | ZeroDivisionError"),
    ],
)
def test_nothing_is_started_after_a_failed_import_or_migration(script: str, said: str) -> None:
    with container(script) as process:
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said in log
    assert "supervisor | loader ended with exit code 1: ending the container" in log
    assert "started api-server" not in log


def test_the_migration_has_ended_before_a_component_starts() -> None:
    script = 'supervise(first=lambda: (time.sleep(0.2), print("migrated")), api_server=lambda: print("runs"))'
    with container(script) as process:
        log, _ = process.communicate(timeout=10)
    assert log.index("db migrate | migrated") < log.index("api-server | runs")


def name_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_components_do_not_survive_a_killed_supervisor() -> None:
    with container("supervise(scheduler=with_workers, triggerer=stubborn, api_server=idle)") as process:
        wait_for(process, *ALL_READY)
        family = processes_of(process.pid)
        deadline = time.monotonic() + 5
        # It is a Python until it has become what it is to run.
        while not (detached := {pid for pid in family if name_of(pid).startswith(b"sleep")}):
            assert time.monotonic() < deadline, "no process has left the group"
            time.sleep(0.01)
        process.kill()
        while survivors(family - detached) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = survivors(family - detached)
        for pid in detached:
            os.kill(pid, signal.SIGKILL)
    assert left == set()


def test_every_line_of_the_log_carries_its_components_name() -> None:
    script = """
def talk():
    os.write(1, b"one\\ntw")
    time.sleep(0.2)
    os.write(2, b"o\\n\\n\\xff\\nno end")
    if os.fork() == 0:
        os.write(1, b" of a worker")
        os._exit(0)
    os.wait()
supervise(scheduler=talk, api_server=idle)
"""
    with container(script.replace("\\xff", "\\xc3\\xa9")) as process:
        log, _ = process.communicate(timeout=10)
    lines = [line for line in log.splitlines() if line.startswith("scheduler")]
    assert lines == [
        "scheduler | one",
        "scheduler | two",
        "scheduler | ",
        "scheduler | é",
        "scheduler | no end of a worker",
    ]
    assert all(" | " in line for line in log.splitlines())


def test_a_line_that_does_not_end_is_forwarded_in_parts_as_long_as_cloudwatch_takes() -> None:
    script = 'supervise(scheduler=lambda: (os.write(1, b"x" * 400_000), time.sleep(60)), api_server=idle)'
    with container(script) as process:
        log = wait_for(process, "scheduler | x")
    [part] = [line for line in log.splitlines() if line.startswith("scheduler | x")]
    assert 256 * 1024 < len(part) < 256 * 1024 + 70_000


def test_a_log_that_is_written_faster_than_it_is_read_delays_neither_the_keeper_nor_a_stop() -> None:
    script = """
def flood():
    while True: os.write(1, (b"x" * 199 + b"\\n") * 20)
keeper = Keeper(("-c", "import sys; print(sys.argv[1], flush=True)"), 0.5)
supervise(keeper=keeper, scheduler=flood, api_server=idle)
"""
    with container(script) as process:
        assert process.stdout is not None
        log, begin, told = b"", time.monotonic(), math.inf
        # As a log driver does that takes 1 MB a second.
        while (data := os.read(process.stdout.fileno(), 20_000)) and time.monotonic() < min(begin + 30, told + 10):
            log += data
            time.sleep(0.02)
            if b"keeper | running" in log and b"started api-server" in log and told == math.inf:
                process.terminate()
                told = time.monotonic()
        took = time.monotonic() - told
        assert process.wait(timeout=5) == 0

    assert took < 2 + 3
    assert log.index(b"keeper | stopping") < log.index(b"keeper | final") < log.index(b"supervisor | stopped")


def test_a_line_is_forwarded_when_it_is_written() -> None:
    script = 'supervise(scheduler=lambda: (print("now"), time.sleep(60)), api_server=idle)'
    with container(script) as process:
        begin = time.monotonic()
        wait_for(process, "scheduler | now")
        assert time.monotonic() - begin < 5


LATE_SERVER = """
def serve_late():
    time.sleep(0.2)
    print("listens", flush=True)
    with socket.create_server(("127.0.0.1", PORT)): idle()
def schedule():
    wait_for_port(PORT)
    print("schedules", flush=True)
    idle()
supervise(scheduler=schedule, api_server=serve_late)
"""


def test_what_waits_for_the_port_goes_on_when_the_api_server_listens(free_port: int) -> None:
    with container(LATE_SERVER.replace("PORT", str(free_port))) as process:
        log = wait_for(process, "scheduler | schedules", "api-server | ready")
        process.terminate()
        process.communicate(timeout=10)
    assert log.index("api-server | listens") < log.index("scheduler | schedules")


def test_what_waits_for_the_port_still_ends_on_a_stop_signal(free_port: int) -> None:
    script = f"supervise(scheduler=lambda: wait_for_port({free_port}), api_server=idle)"
    with container(script) as process:
        wait_for(process, "api-server | ready", "started scheduler")
        process.terminate()
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "killing" not in log


@pytest.mark.parametrize(
    ("arguments", "runs", "kept_by"),
    [
        ((), ["scheduler", "dag-processor", "triggerer", "api-server"], []),
        (("triggerer",), ["triggerer"], []),
        (("api-server", "scheduler"), ["api-server", "scheduler"], []),
        (("triggerer", "-c", "keep", "scheduler"), ["triggerer"], ["-c", "keep", "scheduler"]),
        (("-c", "keep"), ["scheduler", "dag-processor", "triggerer", "api-server"], ["-c", "keep"]),
    ],
)
def test_the_arguments_name_the_components_the_last_of_which_the_loader_becomes_and_then_the_keeper(
    arguments: tuple[str, ...], runs: list[str], kept_by: list[str]
) -> None:
    script = """
def load_airflow(names, keeper):
    print("loading as", os.getpid(), "kept by", keeper, flush=True)
    return [Component("db migrate", lambda: None)], [Component(name, idle) for name in names]
sys.exit(main())
"""
    with container(script, *arguments) as process:
        log = wait_for(process, *(f"{name} | ready" for name in runs), *(f"started {name} as" for name in runs))
        process.terminate()
        process.communicate(timeout=10)
    started = dict(re.findall(r"supervisor \| started (\S+) as process (\d+)", log))
    [loader] = re.findall(r"loader \| loading as (\d+)", log)
    assert f"loading as {loader} kept by {kept_by}" in log
    assert set(started) == set(runs)
    assert started[runs[-1]] == loader


@pytest.mark.parametrize(
    ("entrypoint", "packages"),
    [
        # Which is not there, outside of the official image; in it, it has installed the packages before.
        (["/entrypoint"], "None"),
        (["env"], "pandas"),
    ],
)
def test_a_command_of_ones_own_runs_with_its_login_prepared_and_the_password_still_there(
    tmp_path: Path, entrypoint: list[str], packages: str
) -> None:
    passwords = tmp_path / "passwords.json"
    script = """
import os, sys
print(*sys.argv[1:], os.environ["ADMIN_PASSWORD"], os.environ.get("_PIP_ADDITIONAL_REQUIREMENTS"))
"""
    with container(
        "sys.exit(main())",
        *("--", *entrypoint, sys.executable, "-c", script, "an argument"),
        ADMIN_PASSWORD="secret",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(passwords),
        _PIP_ADDITIONAL_REQUIREMENTS="pandas",
    ) as process:
        log, _ = process.communicate(timeout=10)
    assert (process.returncode, log) == (0, f"an argument secret {packages}\n")
    assert json.loads(passwords.read_text()) == {"admin": "secret"}


def test_where_the_images_user_may_not_write_the_login_is_in_airflows_home(tmp_path: Path) -> None:
    (tmp_path / "opt").write_text("a file, below which root can write no other")
    with container(
        "sys.exit(main())",
        *("--", sys.executable, "-c", f"import os; print(os.environ[{supervisor.PASSWORDS_FILE_VARIABLE!r}])"),
        ADMIN_PASSWORD="secret",
        AIRFLOW_HOME=str(tmp_path),
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(tmp_path / "opt" / "airflow" / "passwords.json"),
    ) as process:
        log, _ = process.communicate(timeout=10)
    assert json.loads(Path(log.strip()).read_text()) == {"admin": "secret"}
    assert Path(log.strip()).parent == tmp_path


def test_a_password_that_can_be_written_nowhere_ends_the_container(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    for environment in ({}, {supervisor.PASSWORDS_FILE_VARIABLE: str(tmp_path / "home" / "passwords.json")}):
        with pytest.raises(OSError, match="home"):
            supervisor.write_password_file("x", {**environment, "AIRFLOW_HOME": str(tmp_path / "home")}, None)


@pytest.mark.parametrize("arguments", [("scheduler", "worker"), ("scheduler", "scheduler")])
def test_a_component_that_there_is_not_or_that_is_named_twice_is_refused(arguments: tuple[str, ...]) -> None:
    with container("sys.exit(main())", *arguments) as process:
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert log == (
        f"The arguments are {' '.join(arguments)}; "
        "name each of scheduler, dag-processor, triggerer, api-server at most once, or worker alone.\n"
    )


KEEPER = """
keeper = Keeper(("-c", '''
import os, sys, time
print(sys.argv[1], "begins in its own group" if os.getpgid(0) == os.getpid() else "", flush=True)
time.sleep(%s)
print(sys.argv[1], "ends", flush=True)
sys.exit(%s)
'''), %s)
"""


def kept(log: str) -> list[str]:
    """Return what the keeper printed."""
    return [line.removeprefix("keeper | ") for line in log.splitlines() if line.startswith("keeper | ")]


def stages(*names: str) -> list[str]:
    return [line for name in names for line in (f"{name} begins in its own group", f"{name} ends")]


def test_the_keeper_runs_every_so_often_one_at_a_time_and_its_failures_end_nothing() -> None:
    script = KEEPER % (0.4, 1, 0.2) + "supervise(keeper=keeper, scheduler=idle, api_server=idle)"
    with container(script) as process:
        log = ""
        while log.count("running ends") < 3:
            log += wait_for(process, "running ends")
        assert process.poll() is None
    assert kept(log)[:6] == stages(*["running"] * 3)


def test_the_keeper_runs_at_a_stop_signal_and_when_all_else_has_ended() -> None:
    script = (
        KEEPER % (0.5, 0, "None")
        + """
def slow():
    def stop(*_):
        time.sleep(1)
        print("ends", flush=True)
        os._exit(0)
    signal.signal(signal.SIGTERM, stop)
    idle()
supervise(keeper=keeper, scheduler=slow, triggerer=stubborn, api_server=idle)
"""
    )
    with container(script) as process:
        wait_for(process, *ALL_READY)
        family = processes_of(process.pid)
        os.killpg(process.pid, signal.SIGTERM)
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert kept(log) == stages("stopping", "final")
    assert log.index("stopping ends") < log.index("scheduler | ends") < log.index("final begins")
    assert log.index("killing") < log.index("final begins") < log.index("supervisor | stopped")
    assert survivors(family) == set()


def test_the_keeper_runs_before_a_container_ends_whose_component_died() -> None:
    script = KEEPER % (0.3, 0, "None") + "supervise(keeper=keeper, scheduler=in_time(lambda: 1 / 0), api_server=idle)"
    with container(script) as process:
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert kept(log) == stages("final")


def test_the_keeper_ends_what_it_does_at_a_stop_signal_before_the_last_that_it_does() -> None:
    script = KEEPER % (1, 0, "None") + "supervise(keeper=keeper, scheduler=idle, api_server=idle)"
    with container(script) as process:
        wait_for(process, "scheduler | ready", "api-server | ready")
        process.terminate()
        log, _ = process.communicate(timeout=10)
    assert kept(log) == stages("stopping", "final")


CLEANS_FOR_MINUTES = """
keeper = Keeper(("-c", '''
import subprocess, sys
print(sys.argv[1], flush=True)
cleans = "trap 'echo is told' TERM; while :; do sleep 0.1; done"
if sys.argv[1] == "running": subprocess.run(["sh", "-c", cleans])
'''), 0.3)
def slow():
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), os._exit(0)))
    idle()
supervise(keeper=keeper, scheduler=slow, triggerer=in_time({triggerer}), api_server=idle)
"""


@pytest.mark.parametrize(
    ("triggerer", "code", "does"), [("idle", 0, ["stopping", "final"]), ("lambda: 1 / 0", 1, ["final"])]
)
def test_what_the_keeper_does_because_it_was_time_gives_way_to_the_end(
    triggerer: str, code: int, does: list[str]
) -> None:
    with container(CLEANS_FOR_MINUTES.format(triggerer=triggerer)) as process:
        wait_for(process, "keeper | running", "scheduler | ready", "api-server | ready", "started api-server")
        family = processes_of(process.pid)
        begin = time.monotonic()
        if code == 0:
            process.terminate()
        log, _ = process.communicate(timeout=20)
    assert process.returncode == code
    assert kept(log) == does
    assert time.monotonic() - begin < 6
    assert survivors(family) == set()


def test_a_process_whose_name_is_no_utf_8_stops_with_the_others(tmp_path: Path) -> None:
    # Linux keeps 15 bytes of a name, and so half of the last letter.
    program = tmp_path / "berechne_die_löhne.sh"
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(0o755)
    script = (
        KEEPER % (0, 0, "None")
        + f"""
def task():
    subprocess.Popen([{str(program)!r}])
    idle()
supervise(keeper=keeper, scheduler=task, api_server=idle)
"""
    )
    with container(script) as process:
        wait_for(process, "scheduler | ready", "api-server | ready")
        family = processes_of(process.pid)
        assert any(b"\xc3)" in Path(f"/proc/{pid}/stat").read_bytes() for pid in family)
        process.terminate()
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert kept(log) == stages("stopping", "final")
    assert survivors(family) == set()


@pytest.mark.parametrize("failing", ["first=lambda: 1 / 0", "load=lambda: 1 / 0"])
def test_the_keeper_keeps_nothing_of_a_task_in_which_nothing_has_started(failing: str) -> None:
    script = KEEPER % (0, 0, 0.1) + f"supervise({failing}, keeper=keeper, scheduler=idle, api_server=idle)"
    with container(script) as process:
        log, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert kept(log) == []


@pytest.mark.parametrize("existing", [None, "", "{not json", "[]", '{"admin": "old", "viewer": "kept"}'])
def test_the_password_file_holds_exactly_the_password_and_is_for_its_owner_only(
    tmp_path: Path, existing: str | None
) -> None:
    path = tmp_path / "home" / "passwords.json"
    if existing is not None:
        path.parent.mkdir()
        path.write_text(existing)
        path.chmod(0o644)
        (path.parent / "passwords.json.new").write_text("left by a container that was killed")
    environment = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(path),
    }
    assert supervisor.write_password_file(PASSWORD, environment, None) == path
    passwords = json.loads(path.read_text())
    assert passwords.pop("admin") == PASSWORD
    assert passwords == ({"viewer": "kept"} if existing and "viewer" in existing else {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_passwords_of_other_users_are_beside_the_administrators_and_no_child_inherits_any(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords.json"
    script = """
write_password_file(take_from_environment("ADMIN_PASSWORD"), os.environ, take_from_environment("USER_PASSWORDS"))
print({"ADMIN_PASSWORD", "USER_PASSWORDS"} & os.environ.keys())
"""
    with container(
        script,
        ADMIN_PASSWORD="of the administrator",
        USER_PASSWORDS='{"vera": "of vera"}',
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="root:admin,vera:viewer",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(passwords),
    ) as process:
        log, _ = process.communicate(timeout=10)
    assert log == "set()\n"
    assert json.loads(passwords.read_text()) == {"root": "of the administrator", "vera": "of vera"}


def test_the_password_belongs_to_the_first_user_and_to_airflows_default_file(tmp_path: Path) -> None:
    environment = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": " eve : admin", "AIRFLOW_HOME": str(tmp_path)}
    path = supervisor.write_password_file("x", environment, None)
    assert path == tmp_path / "simple_auth_manager_passwords.json.generated"
    assert json.loads(path.read_text()) == {"eve": "x"}


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ADMIN_PASSWORD is empty"):
        supervisor.write_password_file("", {"AIRFLOW_HOME": str(tmp_path)}, None)


def test_modules_are_put_where_airflow_has_its_own(tmp_path: Path) -> None:
    for source in ("x = 'é'\n", "x = 2\n"):  # as after a restart with another version
        sources = {"ours/__init__.py": "", "ours/bucket.py": source}
        supervisor.write_modules(packing.modules(sources), {"AIRFLOW_HOME": str(tmp_path)})

        assert (tmp_path / "config" / "ours" / "bucket.py").read_text(encoding="utf-8") == source
    assert (tmp_path / "config" / "ours" / "__init__.py").read_text() == ""


def test_a_taken_variable_is_in_no_environment_of_any_process() -> None:
    script = """
assert take_from_environment("ADMIN_PASSWORD") == os.environ["EXPECTED"]
def show():
    of_a_program = subprocess.run(["env"], capture_output=True).stdout
    print(os.environ.get("ADMIN_PASSWORD"), of_a_program.count(b"ADMIN_PASSWORD"))
    idle()
supervise(scheduler=show, api_server=idle)
"""
    with container(script, ADMIN_PASSWORD=PASSWORD, EXPECTED=PASSWORD) as process:
        wait_for(process, "scheduler | None 0", "scheduler | ready", "api-server | ready")
        environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in {process.pid} | processes_of(process.pid)]
        assert len(environments) == 3
        assert all(b"EXPECTED=" in environment for environment in environments)
        assert [environment for environment in environments if b"ADMIN_PASSWORD" in environment] == []


def test_a_second_run_in_the_same_directory_works(tmp_path: Path) -> None:
    script = """
write_password_file(take_from_environment("ADMIN_PASSWORD"), os.environ, None)
supervise(scheduler=idle, triggerer=idle, api_server=idle)
"""
    for _ in range(2):
        with container(script, ADMIN_PASSWORD=PASSWORD, AIRFLOW_HOME=str(tmp_path)) as process:
            wait_for(process, *ALL_READY)
            process.kill()
            process.wait()
    [file] = tmp_path.iterdir()
    assert json.loads(file.read_text()) == {"admin": PASSWORD}


def test_the_supervisor_imports_no_airflow_before_it_needs_it() -> None:
    assert "airflow" not in sys.modules


def test_the_triggerer_finds_modules_beside_the_dags_as_soon_as_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles: list[dict[str, Any]] = [
        {"name": "s3", "classpath": "airflow_fargate_dags.bucket.BucketBundle", "kwargs": {}},
        {"name": "git", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": {"subdir": "a/dags"}},
        {"name": "root", "classpath": "airflow_fargate_dags.git.GitBundle", "kwargs": {"subdir": None}},
    ]
    folders = supervisor.bundle_folders(bundles, tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, supervisor.BesideDags(folders)])
    modules = {
        "of_s3": "s3/files",
        "of_git": "git/tracking_repo/a/dags",
        "of_root": "root/tracking_repo",
        "json": "s3/files",
    }
    with pytest.raises(ImportError):
        importlib.import_module("of_s3")

    for name, folder in modules.items():
        package = tmp_path / folder / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("from . import inner\n")
        (package / "inner.py").write_text(f"where = {folder!r}\n")

    assert {name: importlib.import_module(name).inner.where for name in modules if name != "json"} == {
        name: folder for name, folder in modules.items() if name != "json"
    }
    monkeypatch.delitem(sys.modules, "json")
    assert not hasattr(importlib.import_module("json"), "inner"), "what is installed goes first"
    with pytest.raises(ImportError):
        importlib.import_module("of_s3.absent")


@pytest.mark.parametrize(("code", "ends"), [("", False), ("raise SystemExit(3)", True)], ids=["", "fails"])
def test_what_prepares_the_container_runs_before_airflow_is_loaded(tmp_path: Path, code: str, *, ends: bool) -> None:
    ours = f"import os, sys; print('prepares', sys.argv[1], os.environ.get('ADMIN_PASSWORD'), flush=True); {code}"
    with container(
        "load_airflow = lambda *_: print('loads', flush=True) or sys.exit(0); sys.exit(main())",
        AIRFLOW_HOME=str(tmp_path),
        ADMIN_PASSWORD="secret",
        AIRFLOW_FARGATE_MODULES=packing.modules({"ours/__init__.py": "", "ours/first.py": ours}),
        AIRFLOW_FARGATE_PREPARATION=json.dumps(["ours.first", "words"]),
    ) as process:
        output, _ = process.communicate(timeout=10)

    assert "prepares words None\n" in output
    assert ("loads" in output) != ends
    assert ("supervisor | ours.first ended with exit code 3\n" in output) == ends


class Agent(http.server.BaseHTTPRequestHandler):
    """The ECS agent, as far as it protects a task."""

    asked: ClassVar[list[tuple[str, Any]]] = []
    status = 200
    says: ClassVar[str | None] = None
    """If it does not do what it is asked for."""

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        done = {"protection": {"ProtectionEnabled": body["ProtectionEnabled"], "TaskArn": "arn"}}
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write((json.dumps(done) if self.says is None else self.says).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
        pass


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    monkeypatch.setattr(Agent, "asked", [])
    server = http.server.HTTPServer(("127.0.0.1", 0), Agent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_worker_is_protected_while_a_task_runs_for_long_and_no_longer(agent: str) -> None:
    minutes = [0.0]
    protection = supervisor.Protection(agent, lambda: minutes[0] * 60)

    def asked(at: float, seconds: float) -> list[Any]:
        minutes[0] = at
        del Agent.asked[:]
        protection.keep(seconds)
        return Agent.asked[:]

    protected = ("/api/1/task-protection/v1/state", {"ProtectionEnabled": True, "ExpiresInMinutes": 30})
    assert asked(0, 0) == []
    assert asked(0, 29) == [], "it would end before it were stopped"
    assert asked(0, 30) == [protected]
    assert asked(14, 850) == []
    assert asked(15, 910) == [protected], "in time before it ends"
    assert asked(16, 3) == [("/api/1/task-protection/v1/state", {"ProtectionEnabled": False})]
    assert asked(17, 0) == []


REFUSALS = {
    "by the agent": (400, '{"error": {"Code": "AccessDeniedException"}}', "HTTP Error 400: Bad Request {"),
    "by ECS": (
        200,
        '{"failure": {"Arn": "arn", "Detail": null, "Reason": "TASK_NOT_VALID"}}',
        '{"failure": {"Arn"',
    ),
    "without a word": (200, '{"protection": {"ProtectionEnabled": false}}', '{"protection": {'),
    "in other words": (200, "<html>", "Expecting value"),
}


@pytest.mark.parametrize(("status", "says", "said"), REFUSALS.values(), ids=REFUSALS)
def test_a_protection_that_is_refused_is_said_and_asked_for_again(
    agent: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int, says: str, said: str
) -> None:
    monkeypatch.setattr(Agent, "status", status)
    monkeypatch.setattr(Agent, "says", says)
    protection = supervisor.Protection(agent)
    protection.keep(60)
    protection.keep(62)

    assert len(Agent.asked) == 2
    assert f"the worker's protection could not be changed: {said}" in capsys.readouterr().out

    monkeypatch.setattr(Agent, "status", 200)
    monkeypatch.setattr(Agent, "says", None)
    protection.keep(64)
    protection.keep(66)
    assert len(Agent.asked) == 3
