"""How the tests run: what belongs together on one worker, the dearest first, and at the end what each has cost."""

import gc
import itertools
import signal

import pytest
from xdist.remote import Producer  # pyright: ignore[reportMissingTypeStubs] # typed, without saying so
from xdist.scheduler import LoadScopeScheduling  # pyright: ignore[reportMissingTypeStubs] # as above

CONTAINER = "tests/container/"

DEAREST = (
    CONTAINER + "test_airflow.py",
    CONTAINER + "test_recovery.py",
    CONTAINER + "test_dags.py",  # which takes the only Airflow away in the end
    "tests/engine/test_updates.py",
    "tests/engine/test_interruption.py",
    "tests/unit/test_supervisor.py",
)
"""What takes longest in its ring begins first, so that no worker is alone with it in the end."""

SHOWN = 10
NEGLIGIBLE = 0.1
"""Seconds."""

# A shell has what it runs in the background ignore SIGINT, and so would everything that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Nothing that an import makes is garbage, and looking for some while the SDKs are imported takes a quarter as long.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave what is imported, most of it the SDKs', out of every garbage collection."""
    gc.freeze()
    gc.set_threshold(20_000)  # one run of the component makes far more that lasts as long as the run
    gc.enable()


class _ByFile(LoadScopeScheduling):
    """Give a file's tests to one worker, which share what they deploy; and to one those that share an Airflow."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return CONTAINER if file.startswith(CONTAINER) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    gc.enable()  # in this process, which imports no tests
    config.option.loadscopereorder = False  # it would begin with the files that have the most tests
    return _ByFile(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: number for number, name in enumerate(DEAREST)}

    def rank(item: pytest.Item) -> int:
        return next((order[name] for name in DEAREST if item.nodeid.startswith(name)), len(order))

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the dearest tests of each ring, with setting up and tearing down, and the longest step of a story."""
    rings: dict[str, dict[str, float]] = {}
    steps: dict[str, tuple[float, str]] = {}
    for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
        if not isinstance(report, pytest.TestReport):
            continue
        if context := getattr(report, "context", None):  # of a subtest
            steps[report.nodeid] = max(steps.get(report.nodeid, (0, "")), (report.duration, str(context.msg)))
        else:
            tests = rings.setdefault(report.nodeid.split("/")[1], {})
            tests[report.nodeid] = tests.get(report.nodeid, 0) + report.duration
    for ring, tests in rings.items():
        terminalreporter.write_sep("=", f"dearest tests of {ring}: {sum(tests.values()):.0f} s in all")
        for nodeid, seconds in sorted(tests.items(), key=lambda test: -test[1])[:SHOWN]:
            if seconds < NEGLIGIBLE:
                break
            step = "; {:.1f} s: {}".format(*steps[nodeid]) if nodeid in steps else ""
            terminalreporter.write_line(f"{seconds:8.1f} s  {nodeid.partition('/')[2]}{step}")
