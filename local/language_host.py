"""`pulumi-language-python` for an engine built from its Go module, which brings no language hosts.

The engine starts it, reads the port from its first line of output, and calls `Run` for every program. As in Pulumi's
own host, the program runs in a process of its own under Pulumi's own `pulumi-language-python-exec`, which is part of
the Go module's source: sys.argv and sys.path, printed lines, tracebacks cut to the user's frames and the plain messages
of RunError are therefore the real ones. A plugin written in Python (PulumiPlugin.yaml) runs the same way, by its
`__main__.py`. Left out is what only authors of packages call: code generation, packing.

Runs as a script (`python -P language_host.py`), so neither the repository nor this folder is on the program's path.
"""

import argparse
import gc
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import IO, Literal

import grpc
from google.protobuf.empty_pb2 import Empty
from typing_extensions import override

# Two hosts start for every command, and need only the SDK's messages. The rest takes half a second to import: empty
# packages stand for the two around them.
_SDK = Path(str(metadata.distribution("pulumi").locate_file("pulumi")))
for _package, _folder in ((ModuleType("pulumi"), _SDK), (ModuleType("pulumi.runtime"), _SDK / "runtime")):
    _package.__path__ = [str(_folder)]
    sys.modules[_package.__name__] = _package

from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2  # noqa: E402 - after the packages around it

MESSAGE_WAS_SHOWN = 32
"""Exit code of what runs a program after it has shown the user's error: nothing is to be added."""

MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""As in Pulumi's own hosts: a request carries the whole configuration."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """What the hosts of all languages have in common: they know one engine, and name no packages."""

    def __init__(self, engine_address: str) -> None:
        self.engine_address = engine_address

    @override
    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        self.engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    @override
    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo()

    @override
    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Name no packages: the engine finds out which providers it needs when the program registers resources."""
        return language_pb2.GetRequiredPackagesResponse()


class PythonHost(LanguageHost):
    """Runs Python programs for one engine."""

    def __init__(self, engine_address: str, executor: Path) -> None:
        super().__init__(engine_address)
        self._executor = executor

    @override
    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        python = _python(request.info)
        version = subprocess.run([python, "--version"], check=True, capture_output=True, text=True).stdout
        return language_pb2.AboutResponse(executable=str(python), version=version.removeprefix("Python ").strip())

    @override
    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        listing = subprocess.run(
            [_python(request.info), "-m", "pip", "list", "--format=json", "--not-required"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=package["name"], version=package["version"])
                for package in json.loads(listing)
            ]
        )

    @override
    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Install nothing: the environment is made before the engine is."""
        text = f"The program runs in the environment of {_python(request.info)}; `make up` keeps it up to date.\n"
        yield language_pb2.InstallDependenciesResponse(stdout=text.encode())

    @override
    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        return run_program(
            [
                _python(request.info),
                "-u",
                self._executor,
                f"--monitor={request.monitor_address}",
                f"--engine={self.engine_address}",
                f"--project={request.project}",
                f"--stack={request.stack}",
                f"--organization={request.organization}",
                f"--root_directory={request.info.root_directory}",
                f"--pwd={request.pwd}",
                f"--dry_run={'true' if request.dryRun else 'false'}",
                f"--parallel={request.parallel}",
                request.info.entry_point,
                *request.args,
            ],
            request,
            context,
        )

    @override
    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a plugin until it ends, or until the engine cancels the call, which is how it ends its plugins."""
        plugin = subprocess.Popen(
            [_python(request.info), request.info.program_directory, *request.args],
            cwd=request.pwd,
            env=dict(variable.split("=", 1) for variable in request.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(plugin.terminate)
        printed: queue.SimpleQueue[language_pb2.RunPluginResponse | None] = queue.SimpleQueue()
        for stream in ("stdout", "stderr"):
            threading.Thread(target=_pass_on, args=(plugin, stream, printed), daemon=True).start()
        for _ in range(2):
            yield from iter(printed.get, None)
        yield language_pb2.RunPluginResponse(exitcode=plugin.wait())


def run_program(
    command: Sequence[str | Path],
    request: language_pb2.RunRequest,
    context: grpc.ServicerContext,
    variables: Mapping[str, str] | None = None,
) -> language_pb2.RunResponse:
    """Run a program with the stack's configuration in its environment, and `variables`, until it ends or is ended."""
    program = subprocess.Popen(
        command,
        cwd=request.pwd,
        env={
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            **(variables or {}),
        },
        stdin=subprocess.DEVNULL,
    )
    context.add_callback(program.terminate)
    code = program.wait()
    if code == 0:
        return language_pb2.RunResponse()
    if code == MESSAGE_WAS_SHOWN:
        return language_pb2.RunResponse(bail=True)
    return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}")


def _pass_on(
    plugin: subprocess.Popen[bytes],
    name: Literal["stdout", "stderr"],
    printed: queue.SimpleQueue[language_pb2.RunPluginResponse | None],
) -> None:
    """Put what the plugin prints to one of its streams into the queue as it comes, and None when that is all."""
    stream: IO[bytes] = getattr(plugin, name)
    while data := os.read(stream.fileno(), 65536):
        response = language_pb2.RunPluginResponse()
        setattr(response, name, data)
        printed.put(response)
    printed.put(None)


def _python(info: language_pb2.ProgramInfo) -> Path:
    """Return the Python of the `virtualenv` in Pulumi.yaml if it is there, and otherwise this process's own."""
    virtualenv = str(dict(info.options).get("virtualenv", ""))
    python = Path(info.root_directory, virtualenv, "bin", "python")
    return python if virtualenv and python.exists() else Path(sys.executable)


def main() -> None:
    parser = argparse.ArgumentParser(description="Python language host (gRPC server)")
    parser.add_argument("executor", type=Path, help="pulumi-language-python-exec")
    parser.add_argument("engine", nargs="?", default="", help="the engine's address")
    arguments, _ = parser.parse_known_args()
    serve(PythonHost(arguments.engine, arguments.executor))


def serve(host: language_pb2_grpc.LanguageRuntimeServicer) -> None:
    """Answer the engine until it ends its plugins, or is not there any more."""
    gc.freeze()  # the modules are there to the end
    server = grpc.server(
        ThreadPoolExecutor(),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    # The engine ends its plugins by SIGINT; grpc cannot be stopped from within a signal handler.
    ended = threading.Event()
    signal.signal(signal.SIGINT, lambda _signal, _frame: ended.set())
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    engine = os.getppid()
    # An engine that was killed cannot end its plugins.
    while not ended.wait(timeout=1) and os.getppid() == engine:
        pass
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()
