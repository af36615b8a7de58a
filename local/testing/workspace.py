"""A small Pulumi project against a local cloud, for tests."""

import functools
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

from local.cloud import Cloud
from local.paths import ROOT
from local.stack import Stack
from local.testing.program import local_config


@dataclass(frozen=True)
class Workspace:
    """A project with one stack. Every method asserts that `pulumi` succeeded, or with `fails` that it did not."""

    stack: Stack

    @classmethod
    def make(cls, cloud: Cloud, folder: Path, program: str, config: Mapping[str, Any]) -> "Workspace":
        """Write a project with a program in Python."""
        (folder / "Pulumi.yaml").write_text("name: probe\nruntime: python\n")
        workspace = cls.of(cloud, folder, config)
        workspace.write(program)
        return workspace

    @classmethod
    def of(cls, cloud: Cloud, folder: Path, config: Mapping[str, Any]) -> "Workspace":
        """Give a project a stack; the provider's configuration is the repository's, with this cloud's endpoint."""
        name = f"test-{uuid.uuid4().hex[:8]}"  # no two stacks of a cloud share their configuration
        local = local_config(cloud.emulator.endpoint)
        provider = {key: value for key, value in local.items() if key.startswith("aws:")}
        (folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": {**provider, **config}}))
        return cls(Stack(cloud, folder, name))

    def write(self, program: str) -> None:
        """Replace the program."""
        (self.stack.project / "__main__.py").write_text(dedent(program))

    def up(self, *options: str, fails: bool = False) -> str:
        return self._run("up", "--yes", "--skip-preview", *options, fails=fails)

    def preview(self, *options: str, fails: bool = False) -> str:
        return self._run("preview", *options, fails=fails)

    def refresh(self, *options: str, fails: bool = False) -> str:
        return self._run("refresh", "--yes", "--skip-preview", *options, fails=fails)

    def destroy(self, *options: str, fails: bool = False) -> str:
        return self._run("destroy", "--yes", "--skip-preview", *options, fails=fails)

    def repair(self) -> None:
        """Do what `make up` and `make destroy` do first."""
        self.stack.prepare()
        self.stack.repair()

    def command(
        self, module: str, *arguments: str, python: Path | str | None = None, **environment: str | None
    ) -> "subprocess.CompletedProcess[str]":
        """Run one of `operate`'s commands as `make` does, in the project's folder; None takes a variable away."""
        stack = self.stack
        given = {**stack.cloud.environment(stack.name), "PYTHONPATH": str(ROOT), **environment}
        result = subprocess.run(
            [python or stack.cloud.python, "-m", module, *arguments],
            cwd=stack.project,
            env={variable: value for variable, value in given.items() if value is not None},
            check=False,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in result.stderr, result.stderr
        return result

    def export(self) -> dict[str, Any]:
        """Return the state: the deployment that `pulumi stack export` takes a second to show."""
        return self.stack.checkpoint()

    def outputs(self) -> dict[str, Any]:
        """All outputs, secrets in plain text; the engine is not asked for what it has not changed since."""
        file = self.stack.file
        return _outputs(self.stack, file.stat().st_mtime_ns) if file.exists() else {}

    def _run(self, *arguments: str, fails: bool) -> str:
        self.stack.prepare()
        result: subprocess.CompletedProcess[str] = self.stack.pulumi(*arguments, check=False)
        text = result.stdout + result.stderr
        assert (result.returncode != 0) == fails, text
        return text


@functools.cache
def _outputs(stack: Stack, _written: int) -> dict[str, Any]:
    return stack.outputs()
