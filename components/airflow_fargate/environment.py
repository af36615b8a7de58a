"""The caller's own environment variables, plain and secret, and those that are not the caller's to set."""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pulumi

from .credentials import unfit_for_parameter
from .errors import Refusal, checked_late
from .part import Part
from .settings import CapabilitySettings, SecretText, SecretTexts, Texts


@dataclass(frozen=True, kw_only=True)
class EnvironmentSettings(CapabilitySettings):
    """Environment variables of the container, value by name."""

    environment: Texts = field(default_factory=dict[str, pulumi.Input[str]])
    secrets: SecretTexts = field(default_factory=dict[str, SecretText])


def refuse_environment(settings: EnvironmentSettings, reserved: Mapping[str, str]) -> Iterator[Refusal]:
    """Refuse variables that are malformed, reserved (with the reason for each), or there twice; and long secrets."""
    for argument, names in (("environment", settings.environment), ("secrets", settings.secrets)):
        for variable in names:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
                yield Refusal(argument, f"has {variable!r}; use letters, digits and underscores, no digit first")
            if variable in reserved:
                yield Refusal(argument, f"has {variable}, which the component sets itself: {reserved[variable]}")
    for variable in settings.environment.keys() & settings.secrets.keys():
        yield Refusal("environment", f"has {variable}, which is in secrets too; leave it in one of the two")
    for variable, value in settings.secrets.items():
        if isinstance(value, str):
            yield from _refuse_secret(variable, value)


def environment_part(settings: EnvironmentSettings, component: str) -> Part:
    """Return the variables as they are; a secret that is known late is refused for `component` then."""
    return Part(
        environment=settings.environment,
        secrets={
            variable: checked_late(component, value, functools.partial(_refuse_secret, variable))
            for variable, value in settings.secrets.items()
        },
    )


def _refuse_secret(variable: str, value: str) -> Iterator[Refusal]:
    if why := unfit_for_parameter(value):
        yield Refusal("secrets", f"has {variable} with {why}")
