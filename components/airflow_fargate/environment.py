"""The caller's own environment variables, plain and secret, and those that are not the caller's to set."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

import pulumi

from .credentials import unfit_for_parameter
from .errors import Refusal, checked_late
from .part import Part
from .settings import CapabilitySettings, SecretText, SecretTexts, Texts

_AWS_KEYS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"})
"""The variables with which AWS is asked in place of the task role, by DAGs and by Airflow itself."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentSettings(CapabilitySettings):
    """Environment variables of the container, value by name."""

    environment: Texts = field(default_factory=dict[str, pulumi.Input[str]])
    secrets: SecretTexts = field(default_factory=dict[str, SecretText])

    @property
    def names(self) -> Set[str]:
        """Those of all variables."""
        return self.environment.keys() | self.secrets.keys()

    @property
    def aws_keys(self) -> Sequence[str]:
        """Those with which AWS is asked in place of the task role."""
        return sorted(self.names & _AWS_KEYS)


class Variable(NamedTuple):
    """A variable that the caller gives, as far as a message may show it."""

    name: str
    value: str
    shown: str


VariableRule = Callable[[Variable], Iterator[str]]
"""Says what is wrong with a variable, and the way out."""


def refuse_environment(
    settings: EnvironmentSettings, reserved: Mapping[str, str], rules: Sequence[VariableRule]
) -> Iterator[Refusal]:
    """Refuse variables that are malformed, reserved (with the reason for each), or there twice, and values by rules."""
    for argument, names in (("environment", settings.environment), ("secrets", settings.secrets)):
        for variable, value in names.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
                yield Refusal(argument, f"has {variable!r}; use letters, digits and underscores, no digit first")
            if name := _reserved_name(variable, reserved):
                yield Refusal(argument, f"has {variable}, which the component sets itself: {reserved[name]}")
            elif isinstance(value, str):
                yield from _refuse_value(argument, rules, variable, value)
    for variable in settings.environment.keys() & settings.secrets.keys():
        yield Refusal("environment", f"has {variable}, which is in secrets too; leave it in one of the two")


def refuse_aws_keys(settings: EnvironmentSettings) -> Iterator[Refusal]:
    """Refuse keys for DAGs where Airflow itself has to ask AWS as the task role, and would with them."""
    for argument, values in (("environment", settings.environment), ("secrets", settings.secrets)):
        if keys := [key for key in settings.aws_keys if key in values]:
            yield Refusal(
                argument,
                f"has {', '.join(keys)}, with which Airflow itself would ask AWS for connections, or to start tasks; "
                "give DAGs their keys in connections, as aws_default for instance, or say in task_role_policy what "
                "they may do",
            )


def environment_part(settings: EnvironmentSettings, component: str, rules: Sequence[VariableRule]) -> Part:
    """Return the variables as they are; those that are known late are refused for `component` then."""

    def checked(argument: str, values: Texts) -> Texts:
        return {
            variable: value
            if isinstance(value, str)
            else checked_late(component, value, functools.partial(_refuse_value, argument, rules, variable))
            for variable, value in values.items()
        }

    return Part(environment=checked("environment", settings.environment), secrets=checked("secrets", settings.secrets))


def _reserved_name(variable: str, reserved: Mapping[str, str]) -> str | None:
    """Return the reserved variable that this sets too: Airflow can ask a command or a secrets backend for a value."""
    spellings = [variable]
    if variable.startswith("AIRFLOW__"):
        spellings += [variable.removesuffix("_CMD"), variable.removesuffix("_SECRET")]
    return next((name for name in spellings if name in reserved), None)


def _refuse_value(argument: str, rules: Sequence[VariableRule], variable: str, value: str) -> Iterator[Refusal]:
    if "\0" in value:
        yield Refusal(argument, f"has {variable} with a zero byte, which no environment variable can hold")
    if argument == "secrets" and (why := unfit_for_parameter(value)):
        yield Refusal(argument, f"has {variable} with {why}")
    shown = repr(value) if argument == "environment" else "a secret"
    for rule in rules:
        for reason in rule(Variable(variable, value, shown)):
            yield Refusal(argument, f"has {variable} {reason}")
