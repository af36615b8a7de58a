"""How large the task definition gets, as far as it is known before anything is created. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from .dags.settings import DagSettings
from .environment import EnvironmentSettings
from .errors import Refusal
from .login.login import LoginSettings
from .parameter_store import ParameterStoreSettings
from .part import Variables
from .proxy import NO_PROXY
from .task.workload import TaskSettings

# AWS: Amazon ECS service quotas, "Task definition size limit".
_MAX_BYTES = 64 * 1024
# With some room, since names and addresses are known late: the ARN of a parameter and the label with its version; what
# the component itself puts there beside programs and modules, and what it puts there for tasks that run elsewhere.
_BYTES_OF_A_SECRET = 190
_BYTES_OF_THE_REST = 7 * 1024
_BYTES_FOR_ELSEWHERE = 4 * 1024

_WORTH_TELLING = 100


@dataclass(frozen=True)
class Size:
    """The bytes of a task definition; what is not known yet counts as nothing."""

    given: Mapping[str, int]
    """By the argument that gives them."""
    own: int
    """What the component adds."""

    @property
    def bytes(self) -> int:
        """Those of all."""
        return sum(self.given.values()) + self.own


def sizes(
    task: TaskSettings,
    environment: EnvironmentSettings,
    login: LoginSettings,
    dags: DagSettings,
    parameter_store: ParameterStoreSettings,
    tags: Variables,
) -> dict[str, int]:
    """Return how many bytes of the task definition each argument makes."""
    # A list of hosts is there in both spellings.
    hosts = next((environment.environment[name] for name in NO_PROXY if name in environment.environment), "")
    looked_for = [name for name in parameter_store.connections if name.endswith("_default")]
    return {
        "command": _bytes(task.command or ()),
        "environment": _bytes_of_pairs(environment.environment) + _bytes(_plain(hosts)),
        "secrets": sum(3 * len(name) + _BYTES_OF_A_SECRET for name in environment.secrets),
        "admin_username": _bytes(login.admin_username),
        "users": _bytes([*login.users.items()]),
        "pip_requirements": _bytes(dags.pip_requirements),
        # In JSON, of which another variable consists.
        "dags_git_url": _bytes(json.dumps(dags.dags_git_url or "")),
        "dags_git_ref": _bytes(json.dumps(dags.dags_git_ref)),
        "dags_git_subdir": _bytes(json.dumps(dags.dags_git_subdir)),
        "secrets_backend_prefix": 2 * _bytes(json.dumps(parameter_store.secrets_backend_prefix)),
        "connections": _bytes(json.dumps(looked_for)),
        # Whether ECS counts them too, it does not say.
        "tags": _bytes_of_pairs(tags),
    }


def own_size(programs: Sequence[str], modules: Mapping[str, str], *, is_apart: bool) -> int:
    """Return how many bytes the component adds with what runs before the caller's command, and modules for Airflow.

    :param is_apart: Whether tasks run elsewhere.
    """
    rest = _BYTES_OF_THE_REST + (_BYTES_FOR_ELSEWHERE if is_apart else 0)
    return _bytes(programs) + _bytes(json.dumps(modules)) + rest


def refuse_large(size: Size) -> Iterator[Refusal]:
    """Refuse what makes the task definition larger than ECS takes."""
    if size.bytes > _MAX_BYTES:
        told = ", ".join(f"{argument} {part:,}" for argument, part in size.given.items() if part >= _WORTH_TELLING)
        yield Refusal(
            max(size.given, key=lambda argument: size.given[argument]),
            f"makes a task definition over the {_MAX_BYTES:,} bytes that ECS takes ({told}, the component itself "
            f"{size.own:,}); shorten it, or put long values into a file of the image or the DAGs",
        )


def _bytes(part: Any) -> int:
    return len(json.dumps(part))


def _bytes_of_pairs(variables: Variables) -> int:
    return _bytes([{"name": name, "value": _plain(value)} for name, value in variables.items()])


def _plain(value: pulumi.Input[str]) -> str:
    return value if isinstance(value, str) else ""
