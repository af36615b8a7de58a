"""A part: what one capability adds to the task. `component.py` makes the parts and merges them into one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Any

import pulumi

Variables = Mapping[str, pulumi.Input[str]]
"""Environment variables, value by name."""

Statement = Mapping[str, Any]
"""A statement of an IAM policy; what is in it may be an output."""

Permissions = tuple[pulumi.Input[Sequence[Statement]], ...]
"""Statements in groups: how many are in one may depend on what is known late, whether there is one may not."""


@dataclass(frozen=True)
class Reach:
    """A port that the task must be able to reach."""

    name: str
    """The end of the rule's name."""
    protocol: str
    port: int
    security_group_id: pulumi.Input[str] | None = None
    """The group of what is reached, which is to admit the task, and nobody else; None for any address."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The addition of one capability to the task; one that is off is `Part()`, adds nothing and costs nothing.

    Whoever builds the task reads the merged part and knows no capability by name.
    """

    defaults: Variables = field(default_factory=dict[str, pulumi.Input[str]])
    """Environment variables that the caller may set otherwise."""
    environment: Variables = field(default_factory=dict[str, pulumi.Input[str]])
    """Environment variables as they are in the container."""
    secrets: Variables = field(default_factory=dict[str, pulumi.Input[str]])
    """Environment variables whose values are kept as parameters."""
    modules: Mapping[str, str] = field(default_factory=dict[str, str])
    """Python modules for Airflow, each packed, by the path of its file."""
    task_permissions: Permissions = ()
    """Permissions of Airflow and its tasks."""
    execution_permissions: Permissions = ()
    """Permissions that ECS needs to start the container."""
    waits_for: tuple[pulumi.Resource, ...] = ()
    """Resources that must exist before a task starts, and until the last has stopped."""
    reach: tuple[Reach, ...] = ()
    system_controls: Mapping[str, str] = field(default_factory=dict[str, str])
    """Kernel parameters of the task's network, value by name."""
    start_period_seconds: int = 0
    """The least time to forgive failing health checks for after a start."""
    monthly_cost: Decimal = Decimal(0)
    """USD for a month of 730 hours, not rounded."""
    without_price: tuple[str, ...] = ()
    """What has a cost that `monthly_cost` does not include."""

    def variables(self) -> Variables:
        """Return the environment of the container; a default gives way to a variable or a secret of its name."""
        defaults = {name: value for name, value in self.defaults.items() if name not in self.secrets}
        return {**defaults, **self.environment}


def merge(*parts: Part) -> Part:
    """Return the sum of parts, with permissions and the like in the order in which the parts are given."""

    def variables(of: Iterator[Variables]) -> Variables:
        return {name: value for each in of for name, value in each.items()}

    return Part(
        defaults=variables(part.defaults for part in parts),
        environment=variables(part.environment for part in parts),
        secrets=variables(part.secrets for part in parts),
        modules={path: source for part in parts for path, source in part.modules.items()},
        task_permissions=tuple(chain.from_iterable(part.task_permissions for part in parts)),
        execution_permissions=tuple(chain.from_iterable(part.execution_permissions for part in parts)),
        waits_for=tuple(chain.from_iterable(part.waits_for for part in parts)),
        reach=tuple(chain.from_iterable(part.reach for part in parts)),
        system_controls={name: value for part in parts for name, value in part.system_controls.items()},
        start_period_seconds=max((part.start_period_seconds for part in parts), default=0),
        monthly_cost=sum((part.monthly_cost for part in parts), Decimal(0)),
        without_price=tuple(chain.from_iterable(part.without_price for part in parts)),
    )
