"""The container images that this machine can stand for: each is a Python environment and the image's own defaults."""

import shutil
from dataclasses import dataclass
from pathlib import Path

_AIRFLOW_REPOSITORY = "apache/airflow"

# What the image's Dockerfile sets with ENV and a task can see (apache/airflow, Dockerfile, "main" stage).
_AIRFLOW_ENVIRONMENT = {"AIRFLOW__CORE__LOAD_EXAMPLES": "false", "DUMB_INIT_SETSID": "1"}

# Its entrypoint script runs these as they are, and takes everything else as arguments of `airflow`.
_AIRFLOW_PROGRAMS = ("bash", "python", "airflow")

_AIRFLOW_HOME = "/opt/airflow"

# Airflow 1.10's images were of another author (puckel/docker-airflow, Dockerfile).
_OTHER_HOMES = {"puckel/docker-airflow": "/usr/local/airflow"}


def is_from_docker_hub(name: str) -> bool:
    """Whether an image's name has no registry in front, which would have a dot or a port in it."""
    registry, slash, _ = name.partition("/")
    return not slash or not ("." in registry or ":" in registry or registry == "localhost")


@dataclass(frozen=True)
class Image:
    """`name` is what task definitions say (repository:tag); the programs of `venv` come first on PATH."""

    name: str
    venv: Path

    @classmethod
    def parse(cls, text: str) -> "Image":
        """Read an `--image NAME:TAG=VENV` argument, and refuse a VENV without a Python in it."""
        name, separator, directory = text.partition("=")
        if not separator or ":" not in name:
            raise ValueError(f"--image {text}: expected NAME:TAG=VENV")
        venv = Path(directory).absolute()
        if not (venv / "bin" / "python").exists():
            raise ValueError(
                f"--image {text}: {venv}/bin/python does not exist; VENV is the directory of a Python environment"
            )
        return cls(name, venv)

    @property
    def repository(self) -> str:
        return self.name.rpartition(":")[0]

    @property
    def is_airflow(self) -> bool:
        return self.repository == _AIRFLOW_REPOSITORY

    @property
    def airflow_home(self) -> str:
        """AIRFLOW_HOME in the image. A task without an image gets a directory of its own instead."""
        return _OTHER_HOMES.get(self.repository, _AIRFLOW_HOME)

    @property
    def environment(self) -> dict[str, str]:
        return _AIRFLOW_ENVIRONMENT if self.is_airflow else {}

    @property
    def installs_packages(self) -> bool:
        """Whether its entrypoint reads `_PIP_ADDITIONAL_REQUIREMENTS`."""
        return self.is_airflow

    def argv(self, entry_point: list[str], command: list[str]) -> list[str]:
        """Return what the container executes: entryPoint and command, or as the image's own entrypoint has it."""
        if not entry_point and self.is_airflow and command and command[0] not in _AIRFLOW_PROGRAMS:
            return ["airflow", *command]
        return [*entry_point, *command]

    def find_program(self, program: str, path: str) -> str | None:
        return shutil.which(program, path=path)
