"""One local cloud: a home folder, an engine, an emulator on a port, and the environment that brings them together."""

import functools
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local import plugins
from local.emulator_process import EmulatorProcess
from local.engine.choose import Engine
from local.inventory import inventory
from local.paths import Home
from local.proxies import without_proxy

REGION = "us-east-1"
CREDENTIAL = "test"
"""Both halves of the access key, as with other emulators; nothing checks it."""

UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "PULUMI_CONFIG_PASSPHRASE")
"""Variables that would take precedence over those that `Cloud.variables` sets, or mix with them."""


@dataclass(frozen=True)
class Cloud:
    """One emulator with all that belongs to it; commands and tests each work with one."""

    home: Home
    port: int
    engine: Engine
    detached: bool = False
    """Whether the emulator outlives the process that starts it."""
    python: Path = Path(sys.executable)
    """The Python that runs the provider stand-ins."""

    @property
    def emulator(self) -> EmulatorProcess:
        return EmulatorProcess(self.home, self.port, detached=self.detached)

    def left_behind(self) -> set[str]:
        """Return what is there now and was not when the emulator started."""
        before = json.loads(self._inventory.read_text())
        return inventory(self.client) - set(before)

    def start(self, images: Mapping[str, Path]) -> None:
        """Start the emulator, and note what is there before anything is deployed."""
        self.emulator.start(images)
        try:
            self._inventory.write_text(json.dumps(sorted(inventory(self.client))))
        except BaseException:
            self.emulator.stop()
            raise

    @property
    def _inventory(self) -> Path:
        return self.home.run / "inventory.json"

    def prepare(self) -> None:
        """Make what the engine needs in the home folder: providers, backend, passphrase. Keeps what is there."""
        plugins.write_providers(self.home.pulumi, self.python)
        self.home.state.mkdir(parents=True, exist_ok=True)
        if not self.home.passphrase.exists():
            descriptor = os.open(self.home.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))

    def variables(self, stack: str) -> dict[str, str]:
        """Return the variables with which plain `pulumi`, the AWS CLI and boto3 work against this cloud.

        PULUMI_OPTION_CONFIG_FILE stands for `--config-file` on every command: the engine writes the salt that belongs
        to the passphrase into the stack's configuration file, and the committed one must stay as it is.
        """
        path = os.environ.get("PATH", os.defpath).split(os.pathsep)
        return {
            "PATH": os.pathsep.join(dict.fromkeys([str(self.engine.command.parent), *path])),
            "PULUMI_HOME": str(self.home.pulumi),
            "PULUMI_BACKEND_URL": self.home.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.home.passphrase),
            "PULUMI_STACK": stack,
            "PULUMI_OPTION_CONFIG_FILE": str(self.home.stack / f"Pulumi.{stack}.yaml"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "AWS_ENDPOINT_URL": self.emulator.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
            "AWS_EC2_METADATA_DISABLED": "true",
            **without_proxy(os.environ),
        }

    def environment(self, stack: str) -> dict[str, str]:
        """Return the whole environment for a process that works against this cloud."""
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        return {**kept, **self.variables(stack)}

    def client(self, service: str) -> Any:
        """Return boto3's client of a service, the same one every time.

        Any: its stubs make every member of an answer optional, and tables name operations by their attributes.
        """
        return _client(service, self.emulator.endpoint)


@functools.cache
def _client(service: str, endpoint: str) -> Any:
    return session().client(service, endpoint_url=endpoint)


@functools.cache
def session() -> Any:
    """Return the session of all clients: each one reads the descriptions of the services again, which takes time."""
    return boto3.Session(aws_access_key_id=CREDENTIAL, aws_secret_access_key=CREDENTIAL, region_name=REGION)
