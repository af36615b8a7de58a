"""A Pulumi stack of a local cloud, worked by the real `pulumi` command."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from local.cloud import Cloud
from local.errors import LocalCloudError
from operate.console import CommandError, say
from operate.pulumi_cli import waited_for
from operate.repair.file_backend import release
from operate.repair.repair import repair


@dataclass(frozen=True)
class Stack:
    """A stack by its name and the folder of its project, which holds Pulumi.yaml and Pulumi.<name>.yaml."""

    cloud: Cloud
    project: Path
    name: str

    def prepare(self) -> None:
        """Make the stack if it is new, hand it the committed configuration, and free it from a killed run.

        What `pulumi config set --secret` has put into its own copy stays, until `pulumi config rm` takes it away.
        """
        configuration = self.cloud.home.stack / f"Pulumi.{self.name}.yaml"
        committed: dict[str, Any] = yaml.safe_load((self.project / configuration.name).read_text()) or {}
        own: dict[str, Any] = yaml.safe_load(configuration.read_text()) if configuration.exists() else {}
        encrypted = {key: value for key, value in _configured(own).items() if _has_encrypted(value)}
        merged = {**committed, "config": {**encrypted, **_configured(committed)}}
        if salt := own.get("encryptionsalt"):
            merged["encryptionsalt"] = salt
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text(yaml.safe_dump(merged, sort_keys=False))
        if not self.exists():
            # Where `stack init` runs, it writes the salt into the configuration: not where that file is committed.
            (configuration.parent / "Pulumi.yaml").write_text(f"name: {self._project_name}\nruntime: python\n")
            self.pulumi("stack", "init", self.name, cwd=configuration.parent)
        release(self.cloud.home.state, self.name, lambda: self.pulumi("cancel", "--yes"), say)

    @property
    def file(self) -> Path:
        """The stack in the file backend."""
        return self.cloud.home.state / ".pulumi" / "stacks" / self._project_name / f"{self.name}.json"

    def exists(self) -> bool:
        return self.file.exists()

    def checkpoint(self) -> dict[str, Any]:
        """Return the state as the backend keeps it; `pulumi stack export` takes a second to show it decrypted."""
        file = self.file
        return (json.loads(file.read_text())["checkpoint"].get("latest") or {}) if file.exists() else {}

    def lists_resources(self) -> bool:
        """Whether the state says that something is there."""
        return bool(self.checkpoint().get("resources"))

    def repair(self) -> None:
        """Bring the state in step with the emulator if the last `pulumi` was killed; do nothing otherwise."""
        if not self.checkpoint().get("pending_operations"):
            return
        say("An earlier run was killed: looking for what it had begun.")
        try:
            repair(lambda *arguments: self.pulumi(*arguments).stdout, say)
        except CommandError as error:
            raise LocalCloudError(
                str(error), "Or `make stop`, which ends the emulator with all that is in it."
            ) from error

    def outputs(self) -> dict[str, Any]:
        """All outputs, secrets in plain text."""
        return json.loads(self.pulumi("stack", "output", "--json", "--show-secrets").stdout) if self.exists() else {}

    def run(self, *arguments: str, output: int | None = None) -> None:
        """Run `pulumi` with its output going straight to the user, or into a file by its descriptor.

        Ctrl-C lets `pulumi` save the state first.
        """
        with self.start(*arguments, stdout=output, stderr=output) as process:
            code = waited_for(process.wait)
        if code:
            raise LocalCloudError(
                f"`pulumi {' '.join(arguments)}` failed with exit code {code}; see its output above.",
                "If the emulator itself is in the way, `make stop` ends it with all that is in it.",
            )

    def start(
        self, *arguments: str, stdin: int | None = None, stdout: int | None = None, stderr: int | None = None
    ) -> "subprocess.Popen[str]":
        """Start `pulumi`, whose streams are this process's unless others are given, and return its process."""
        return subprocess.Popen(
            [self.cloud.engine.command, *arguments],
            cwd=self.project,
            env=self._environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )

    def pulumi(self, *arguments: str, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `pulumi` without a terminal and return what it printed."""
        result = subprocess.run(
            [self.cloud.engine.command, *arguments, "--non-interactive"],
            cwd=cwd or self.project,
            env=self._environment,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if check and result.returncode:
            raise LocalCloudError(f"`pulumi {' '.join(arguments)}` failed:\n{result.stdout}{result.stderr}")
        return result

    @property
    def _environment(self) -> dict[str, str]:
        return self.cloud.environment(self.name)

    @property
    def _project_name(self) -> str:
        return yaml.safe_load((self.project / "Pulumi.yaml").read_text())["name"]


def _configured(file: dict[str, Any]) -> dict[str, Any]:
    return file.get("config") or {}


def _has_encrypted(value: Any) -> bool:
    match value:
        case {"secure": str()}:
            return True
        case dict():
            return any(_has_encrypted(each) for each in cast(dict[str, Any], value).values())
        case list():
            return any(_has_encrypted(each) for each in cast(list[Any], value))
        case _:
            return False
