"""The Python that the programs and providers of this ring run in does what the real one does, but for its start."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.warm import WarmPython

SHOWS = """
import os, sys
print(__name__, sys.argv[1:], os.getcwd(), os.environ.get("GREETING"), os.environ.get("HOME"), sys.stdin.read())
print([path for path in sys.path if "site-packages" not in path and "lib/python" not in path])
print("to the other stream", file=sys.stderr)
try:
    import local
except ImportError:
    print("does not see the repository")
"""

STARTS: dict[str, list[str]] = {
    "a script": ["script.py", "one", "two words"],
    "a script without its folder": ["-P", "script.py"],
    "a folder": [".", "one"],
    "a module": ["-m", "script", "one"],
    "a module beside an unbuffered stream": ["-u", "-m", "script"],
    "an error": ["fails.py"],
    "an exit code": ["exits.py"],
    "a version": ["--version"],
    "a command": ["-c", "import sys; print(sys.argv)", "one"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    for name in ("script.py", "__main__.py"):
        (folder / name).write_text(SHOWS)
    (folder / "fails.py").write_text("raise SystemExit('for a reason')")
    (folder / "exits.py").write_text("import os; os._exit(7)")
    (folder / "waits.py").write_text("print('waiting', flush=True); import time; time.sleep(60)")
    return folder


@pytest.mark.parametrize("arguments", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("path", [{}, {"PYTHONPATH": "/nowhere:/elsewhere"}], ids=["", "PYTHONPATH"])
def test_it_is_started_as_python_is(warm: WarmPython, folder: Path, arguments: list[str], path: dict[str, str]) -> None:
    def run(python: Path) -> Any:
        environment = {"GREETING": "grüß dich", "PYTHONUTF8": "1", **path}
        result = subprocess.run(
            [python, *arguments],
            cwd=folder,
            env=environment,
            input="typed",
            check=False,
            capture_output=True,
            text=True,
        )
        return result.returncode, result.stdout, result.stderr

    assert run(warm.executable) == run(Path(sys.executable))


def test_what_it_starts_needs_no_time_to_import_the_sdk(warm: WarmPython, folder: Path) -> None:
    (folder / "imports.py").write_text(
        "import resource, pulumi_aws; pulumi_aws.ec2.Vpc; print(resource.getrusage(0)[0])"
    )

    seconds = subprocess.run([warm.executable, folder / "imports.py"], check=True, capture_output=True).stdout

    assert float(seconds) < 0.2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_signal_ends_it(warm: WarmPython, folder: Path, number: signal.Signals) -> None:
    with subprocess.Popen([warm.executable, "waits.py"], cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(number)
        assert process.wait(10) in (-number, 1)
        assert process.stdout.read() == b"", "the stream is closed, so what was started has ended"


def test_all_that_it_has_started_ends_with_it(tmp_path: Path, folder: Path) -> None:
    with WarmPython(tmp_path) as python:
        process = subprocess.Popen([python.executable, "waits.py"], cwd=folder, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
    with process:
        assert process.wait(10) == 1
