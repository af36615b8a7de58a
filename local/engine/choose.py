"""Finds the `pulumi` to run, and gets one if there is none."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from semver import VersionInfo

from local import plugins
from local.bootstrap import check_space
from local.errors import LocalCloudError
from local.lock import lock
from local.paths import ROOT, SHARED
from local.progress import Step
from operate.console import say

MINIMUM = VersionInfo(3, 250, 0)
"""Older engines were never tried with this program."""

INSTALLER_SECONDS = 300
"""Upper limit for Pulumi's installer, which downloads about 100 MB and has no time limit of its own."""

NEEDED_SPACE = 6 * 1024**3
"""Bytes for a build: almost all of it is Go's module and build caches."""

_GO_MODULE = Path(__file__).parent
_LANGUAGE_HOST = "pulumi-language-python"
_EXECUTOR = "pulumi-language-python-exec"
_YAML = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
_PULUMI = "github.com/pulumi/pulumi"


@dataclass(frozen=True)
class Engine:
    """A `pulumi` that works, and its version."""

    command: Path
    version: VersionInfo


def engine(folder: Path = SHARED / "engine", environ: Mapping[str, str] = os.environ) -> Engine:
    """Return the engine, getting it first if there is none.

    In this order: `pulumi` on PATH, if it is new enough; Pulumi's own installer; a build from the Go module.

    :param folder: Where engines are kept that this function installs or builds, by version.
    :param environ: The environment, for its PATH.
    """
    with lock(SHARED / "run" / "engine.lock", "getting the engine", on_wait=lambda who: say(f"Waiting for {who}")):
        found = _on_path(folder, environ)
        if found is None:
            found = _kept(folder) or _install(folder) or build(folder, environ)
            write_language_host(found.command.parent)
    return found


def add_yaml(found: Engine, environ: Mapping[str, str] = os.environ) -> None:
    """Put Pulumi YAML's language host beside an engine that was built; a complete distribution brings it.

    Only the tests and examples in YAML need it, so `engine` leaves it out. It takes a minute, on top of the engine.
    """
    target = found.command.parent / "pulumi-language-yaml"
    with lock(SHARED / "run" / "engine.lock", "getting Pulumi YAML", on_wait=lambda who: say(f"Waiting for {who}")):
        if target.exists() or shutil.which(target.name, path=environ.get("PATH")):
            return
        go = _find_go(environ)
        with Step("Building Pulumi YAML's language host from its Go module, once (a minute on two cores)") as step:
            new = target.with_name(f".{target.name}.new")
            _compile(step, [go, "build", "-v", "-ldflags", "-s -w", "-o", new, _YAML], _GO_MODULE / "yaml")
            new.replace(target)


def _on_path(folder: Path, environ: Mapping[str, str]) -> Engine | None:
    path = shutil.which("pulumi", path=environ.get("PATH"))
    if path is None or Path(path).resolve().is_relative_to(folder):
        return None
    version = _version(Path(path))
    if version is None or version < MINIMUM:
        say(f"Not used: {path} is version {version or 'unknown'}, and {MINIMUM} or later is needed.")
        return None
    beside = Path(path).resolve().parent / _LANGUAGE_HOST
    if not beside.exists() and shutil.which(_LANGUAGE_HOST, path=environ.get("PATH")) is None:
        say(f"Not used: {path} brings no {_LANGUAGE_HOST}.")
        return None
    return Engine(Path(path), version)


def _version(command: Path) -> VersionInfo | None:
    result = subprocess.run([command, "version"], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    try:
        return VersionInfo.parse(result.stdout.strip().removeprefix("v"))
    except ValueError:
        return None


def _kept(folder: Path) -> Engine | None:
    """Return the newest engine that an earlier run got."""
    engines = [
        Engine(command, version)
        for command in folder.glob("*/bin/pulumi")
        if not command.parts[-3].endswith(".new") and (version := _version(command)) is not None
    ]
    return max(engines, key=lambda candidate: candidate.version, default=None)


def _install(folder: Path) -> Engine | None:
    """Run Pulumi's own installer through the Automation API; return None where it cannot download."""
    script = (
        "import socket, sys; from pulumi.automation import PulumiCommand; "
        "socket.setdefaulttimeout(20); PulumiCommand.install(root=sys.argv[1])"
    )
    new = folder / "installed.new"
    with (
        Step("Pulumi's own installer, from get.pulumi.com"),
        subprocess.Popen(
            [sys.executable, "-c", script, new],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that whatever it has started can be ended with it
        ) as installer,
    ):
        try:
            problem = installer.communicate(timeout=INSTALLER_SECONDS)[1]
        except subprocess.TimeoutExpired:
            problem = f"not done within {INSTALLER_SECONDS} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(installer.pid, signal.SIGKILL)
    if installer.returncode == 0:
        return _keep(new, folder)
    shutil.rmtree(new, ignore_errors=True)
    say(f"It did not succeed ({problem.strip().rpartition(chr(10))[2]}); building the engine from its Go module.")
    return None


def build(folder: Path, environ: Mapping[str, str]) -> Engine:
    """Build the engine from the Go module that local/engine/go.mod names, and puts it into a folder of its version."""
    go = _find_go(environ)
    for place in (folder, *_go(go, "env", "GOMODCACHE", "GOCACHE").splitlines()):
        check_space(Path(place), NEEDED_SPACE)
    version = _go(go, "list", "-m", "-f", "{{.Version}}", f"{_PULUMI}/pkg/v3").strip().removeprefix("v")
    new = folder / f"{version}.new"
    shutil.rmtree(new, ignore_errors=True)
    try:
        with Step(f"Building Pulumi {version} from its Go module, once (4 minutes on two cores)") as step:
            link = f"-s -w -X {_PULUMI}/sdk/v3/go/common/version.Version={version}"
            target = new / "bin" / "pulumi"
            _compile(
                step, [go, "build", "-v", "-ldflags", link, "-o", target, f"{_PULUMI}/pkg/v3/cmd/pulumi"], _GO_MODULE
            )
            source = Path(_go(go, "list", "-m", "-f", "{{.Dir}}", f"{_PULUMI}/sdk/v3").strip())
            # Content only: files in Go's module cache are read-only.
            executor = new / "bin" / _EXECUTOR
            executor.write_bytes((source / "python" / "cmd" / _EXECUTOR).read_bytes())
            executor.chmod(0o755)
        return _keep(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _find_go(environ: Mapping[str, str]) -> str:
    go = shutil.which("go", path=environ.get("PATH"))
    if go is None:
        raise LocalCloudError(
            "There is no complete Pulumi on PATH, its installer could not download one, and there is no `go`",
            "Install either one: https://www.pulumi.com/docs/install/ or https://go.dev/dl/ (1.21 or later).",
        )
    return go


def _go(*command: str) -> str:
    result = subprocess.run(
        command, cwd=_GO_MODULE, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if result.returncode:
        raise _go_failed(result.stderr.splitlines())
    return result.stdout


def _compile(step: Step, command: Sequence[str | Path], module: Path) -> None:
    """Run `go build -v` for the go.mod of a folder; it names what it downloads and every package that it compiles."""
    lines: list[str] = []
    compiled = 0
    with subprocess.Popen(command, cwd=module, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None  # noqa: S101 -- for the type checker; Popen opens what is asked for
        for line in process.stderr:
            lines.append(line.rstrip())
            if lines[-1].startswith("go: "):
                step.waiting_for(lines[-1].removeprefix("go: "))
            else:
                compiled += 1
                step.waiting_for(f"compiling {lines[-1]} ({compiled} packages so far)")
    if process.returncode:
        raise _go_failed(lines)


def _go_failed(lines: Sequence[str]) -> LocalCloudError:
    words = "\n  ".join(lines[-10:])
    return LocalCloudError(
        f"Building the engine failed:\n  {words}",
        "If the module proxy did not answer, check the network and `go env GOPROXY`, and try again.",
    )


def _keep(new: Path, folder: Path) -> Engine:
    """Put a complete engine in its place, in one step."""
    version = _version(new / "bin" / "pulumi")
    if version is None:
        raise LocalCloudError(f"{new / 'bin' / 'pulumi'} does not run", "Delete .local/engine and try again.")
    kept = folder / str(version)
    shutil.rmtree(kept, ignore_errors=True)
    new.rename(kept)
    return Engine(kept / "bin" / "pulumi", version)


def write_language_host(bin_folder: Path, python: Path = Path(sys.executable)) -> None:
    """Write our language host beside an engine that was built; a complete distribution brings Pulumi's own.

    :param python: What runs it, and with it all programs that name no environment.
    """
    if (bin_folder / "pulumi-language-nodejs").exists():
        return
    script = ROOT / "local" / "language_host.py"
    plugins.write_executable(
        bin_folder / _LANGUAGE_HOST,
        f'exec {shlex.join([str(python), "-P", str(script), str(bin_folder / _EXECUTOR)])} "$@"',
    )
