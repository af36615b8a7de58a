"""Finds the `pulumi` to run, and gets one if there is none."""

import filecmp
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from semver import VersionInfo

from local import plugins
from local.bootstrap import check_space
from local.errors import LocalCloudError
from local.lock import lock
from local.paths import CACHE, LOCAL, ROOT
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


def engine(
    cache: Path = CACHE / "engine", folder: Path = LOCAL / "engine", environ: Mapping[str, str] = os.environ
) -> Engine:
    """Return the engine, getting it first if there is none.

    In this order: `pulumi` on PATH, if it is new enough; Pulumi's own installer; a build from the Go module.

    :param cache: Where what this function installs or builds is kept for all clones.
    :param folder: Where this clone has it, by its version, beside a language host of its own.
    :param environ: The environment, for its PATH.
    """
    with _lock(cache, "getting the engine"):
        found = _on_path(folder, environ)
        if found is None:
            place = cache / _digest(_GO_MODULE)
            kept = _kept(place) or _install(place) or build(place, environ)
            found = Engine(folder / str(kept.version) / "bin" / kept.command.name, kept.version)
            for file in kept.command.parent.iterdir():
                link(file, found.command.parent / file.name)
            write_language_host(found.command.parent)
    return found


def add_yaml(found: Engine, cache: Path = CACHE / "engine", environ: Mapping[str, str] = os.environ) -> None:
    """Put Pulumi YAML's language host beside an engine that was built; a complete distribution brings it.

    Only the tests and examples in YAML need it, so `engine` leaves it out. It takes a minute, on top of the engine.
    """
    target = found.command.parent / "pulumi-language-yaml"
    with _lock(cache, "getting Pulumi YAML"):
        if target.exists() or shutil.which(target.name, path=environ.get("PATH")):
            return
        module = _GO_MODULE / "yaml"
        kept = cache / _digest(module) / target.name
        if not kept.exists():
            go = _find_go(environ)
            with Step("Building Pulumi YAML's language host from its Go module, once (a minute on two cores)") as step:
                new = kept.with_name(f".{kept.name}.new")
                _compile(step, [go, "build", "-v", "-ldflags", "-s -w", "-o", new, _YAML], module)
                new.replace(kept)
        link(kept, target)


def _lock(cache: Path, doing: str) -> AbstractContextManager[None]:
    return lock(cache / "run" / "lock", doing, on_wait=lambda who: say(f"Waiting for {who}"))


def _digest(module: Path) -> str:
    """Return what a Go module's versions are known by."""
    return hashlib.sha256((module / "go.sum").read_bytes()).hexdigest()[:16]


def link(file: Path, target: Path) -> None:
    """Give a file a second name, or copy it to another disk.

    Where a symbolic link points to, the engine would look for its language hosts.
    """
    if target.exists() and (target.samefile(file) or filecmp.cmp(target, file)):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copy2(file, target)


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


def _kept(place: Path) -> Engine | None:
    """Return the engine that an earlier run got."""
    command = place / "bin" / "pulumi"
    version = _version(command) if command.exists() else None
    return version and Engine(command, version)


def _install(place: Path) -> Engine | None:
    """Run Pulumi's own installer through the Automation API; return None where it cannot download."""
    script = (
        "import socket, sys; from pulumi.automation import PulumiCommand; "
        "socket.setdefaulttimeout(20); PulumiCommand.install(root=sys.argv[1])"
    )
    new = place.with_name(f"{place.name}.new")
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
        return _keep(new, place)
    shutil.rmtree(new, ignore_errors=True)
    say(f"It did not succeed ({problem.strip().rpartition(chr(10))[2]}); building the engine from its Go module.")
    return None


def build(place: Path, environ: Mapping[str, str]) -> Engine:
    """Build the engine from the Go module that local/engine/go.mod names, and put it into its place."""
    go = _find_go(environ)
    for folder in (place, *_go(go, "env", "GOMODCACHE", "GOCACHE").splitlines()):
        check_space(Path(folder), NEEDED_SPACE)
    version = _go(go, "list", "-m", "-f", "{{.Version}}", f"{_PULUMI}/pkg/v3").strip().removeprefix("v")
    new = place.with_name(f"{place.name}.new")
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
        return _keep(new, place)
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
        assert process.stderr is not None  # noqa: S101 - for the type checker; Popen opens what is asked for
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


def _keep(new: Path, place: Path) -> Engine:
    """Put a complete engine in its place, in one step."""
    version = _version(new / "bin" / "pulumi")
    if version is None:
        raise LocalCloudError(f"{new / 'bin' / 'pulumi'} does not run", "`make clean-cache`, and try again.")
    shutil.rmtree(place, ignore_errors=True)
    new.rename(place)
    return Engine(place / "bin" / "pulumi", version)


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
