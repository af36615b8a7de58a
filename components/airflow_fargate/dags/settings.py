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

    @property
    def has_source(self) -> bool:
        """Whether DAGs come from somewhere else than the image."""
        return bool(self.dags_path or self.dags_git_url)

    @property
    def is_prepared(self) -> bool:
        """Whether something is put into the container before Airflow is loaded, if the folder or file has it."""
        return bool(self.plugins_path or self.requirements_path)

    @cached_property
    def plugins(self) -> DagFolder:
        """Return what is in `plugins_path`, read as `folder` is."""
        return read_dag_folder(Path(self.plugins_path), "plugin") if self.plugins_path else DagFolder()

    @cached_property
    def folder(self) -> DagFolder:
        """Return what is in `dags_path`, which is read when it is first asked for, and only then."""
        return read_dag_folder(Path(self.dags_path)) if self.dags_path else DagFolder()
