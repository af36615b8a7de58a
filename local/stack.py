"""A Pulumi stack of a local cloud, worked by the real `pulumi` command."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.cloud import Cloud
from local.errors import LocalCloudError
from operate.console import CommandError, say
from operate.repair.file_backend import release
from operate.repair.repair import repair


@dataclass(frozen=True)
class Stack:
    """A stack by its name and the folder of its project, which holds Pulumi.yaml and Pulumi.<name>.yaml."""

    cloud: Cloud
    project: Path
    name: str

    def prepare(self) -> None:
        """Make the stack if it is new, hands it the committed configuration, and frees it from a killed run."""
        configuration = self.cloud.home.stack / f"Pulumi.{self.name}.yaml"
        committed = (self.project / configuration.name).read_text()
        salt = _salt(configuration)
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text(f"{committed.rstrip()}\n{salt}")
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
        """Brings the state in step with the emulator, if the last `pulumi` was killed; otherwise does nothing."""
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

    def run(self, *arguments: str) -> None:
        """Run `pulumi` with its output going straight to the user.

        Ctrl-C reaches `pulumi` as well, which then finishes what it has begun and saves the state: it is waited for.
        """
        with self.start(*arguments) as process:
            interrupted = False
            while True:
                try:
                    code = process.wait()
                    break
                except KeyboardInterrupt:
                    interrupted = True
        if interrupted:
            raise KeyboardInterrupt
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


def _salt(configuration: Path) -> str:
    """Return the line that the engine has added to an earlier copy of the configuration."""
    if not configuration.exists():
        return ""
    salt = yaml.safe_load(configuration.read_text()).get("encryptionsalt")
    return f"encryptionsalt: {salt}\n" if salt else ""
