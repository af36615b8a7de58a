"""Where the local cloud keeps what it makes; nothing of it is committed.

`make clean` removes what belongs to this clone, and `make clean-cache` what all clones of this user share.
"""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

LOCAL = ROOT / ".local"
"""What belongs to this clone."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "airflow-fargate"
"""What takes minutes to make and depends on committed files alone, each by their digest: the engine, environments."""


@dataclass(frozen=True)
class Home:
    """The folder of one local cloud: `.local` for `make up`, a temporary folder in tests."""

    path: Path

    @property
    def run(self) -> Path:
        """Locks, the emulator's process file and its log."""
        return self.path / "run"

    @property
    def lock(self) -> Path:
        """Held by the command that changes this cloud."""
        return self.run / "lock"

    @property
    def parsed_dags(self) -> Path:
        """The digest of the DAG folder whose DAGs and import errors were said last."""
        return self.run / "parsed-dags"

    @property
    def data(self) -> Path:
        """The emulator's own folder, with the file systems of its tasks."""
        return self.path / "data"

    @property
    def state(self) -> Path:
        """Pulumi's file backend."""
        return self.path / "state"

    @property
    def stack(self) -> Path:
        """The stack configuration as the engine sees it, with the salt of this machine's passphrase."""
        return self.path / "stack"

    @property
    def passphrase(self) -> Path:
        """The passphrase that encrypts secrets in the state, readable by its owner alone."""
        return self.path / "passphrase"

    @property
    def pulumi(self) -> Path:
        """PULUMI_HOME: the providers, and nothing of the user's own logins and plugins."""
        return self.path / "pulumi"
