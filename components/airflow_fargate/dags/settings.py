"""The settings of the DAGs, and the files of their folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..settings import CapabilitySettings, SecretText
from .folder import DagFolder, read_dag_folder


@dataclass(frozen=True, kw_only=True)
class DagSettings(CapabilitySettings):
    """Where DAGs come from, and what they need installed."""

    dags_path: str | None = None
    dags_refresh_seconds: int = 30
    dags_git_url: str | None = None
    dags_git_ref: str = "main"
    dags_git_subdir: str = ""
    dags_git_token: SecretText | None = None
    dags_git_username: str = ""
    load_examples: bool = False
    plugins_path: str | None = None
    pip_requirements: tuple[str, ...] = ()
    requirements_path: str | None = None
    constraints_path: str | None = None

    @cached_property
    def plugins(self) -> DagFolder:
        """Return what is in `plugins_path`, read as `folder` is."""
        return read_dag_folder(Path(self.plugins_path), "plugin") if self.plugins_path else DagFolder()

    @cached_property
    def folder(self) -> DagFolder:
        """Return what is in `dags_path`, which is read when it is first asked for, and only then."""
        return read_dag_folder(Path(self.dags_path)) if self.dags_path else DagFolder()
