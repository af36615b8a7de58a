"""`pulumi-language-nodejs` and `pulumi-language-go` for previews of the examples, where no distribution brings them.

Pulumi's own are modules of Go that cannot be had by their names. As with Python, what runs a program in Node.js is part
of its SDK, and a program in Go runs by itself. Left out is what installs dependencies: the tests do.

    python -m local.testing.language_hosts nodejs|go <the engine's address>
"""

import argparse
import tempfile
from pathlib import Path

import grpc
from typing_extensions import override

from local.language_host import LanguageHost, language_pb2, run_program, serve

NODE_SDK = "@pulumi/pulumi"


class NodeHost(LanguageHost):
    """Runs programs in TypeScript and JavaScript for one engine."""

    @override
    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        program = Path(request.info.program_directory)
        options = {
            "monitor": request.monitor_address,
            "engine": self.engine_address,
            "organization": request.organization,
            "project": request.project,
            "root-directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": str(program),
            "parallel": str(request.parallel),
        }
        return run_program(
            [
                "node",
                program / "node_modules" / NODE_SDK / "cmd" / "run",
                *(word for name, value in options.items() for word in (f"--{name}", value)),
                *(["--dry-run"] if request.dryRun else []),
                request.info.entry_point,
            ],
            request,
            context,
            {"PULUMI_NODEJS_TYPESCRIPT": "true"},
        )


class GoHost(LanguageHost):
    """Compiles programs in Go and runs them, for one engine."""

    @override
    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        variables = {
            "PULUMI_MONITOR": request.monitor_address,
            "PULUMI_ENGINE": self.engine_address,
            "PULUMI_ORGANIZATION": request.organization,
            "PULUMI_PROJECT": request.project,
            "PULUMI_ROOT_DIRECTORY": request.info.root_directory,
            "PULUMI_STACK": request.stack,
            "PULUMI_DRY_RUN": str(request.dryRun).lower(),
            "PULUMI_PARALLEL": str(request.parallel),
        }
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "program")
            built = run_program(["go", "build", "-o", program, "."], request, context)
            return built if built.error else run_program([program], request, context, variables)


HOSTS = {"nodejs": NodeHost, "go": GoHost}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("language", choices=HOSTS)
    parser.add_argument("engine", nargs="?", default="")
    arguments, _ = parser.parse_known_args()
    serve(HOSTS[arguments.language](arguments.engine))


if __name__ == "__main__":
    main()
