"""Whatever is given for an argument or a configuration key: it is accepted, or refused by name before anything exists.

Nothing else is raised: a user sees one message and no traceback.
"""

import json
from collections.abc import Generator
from contextlib import chdir, contextmanager
from typing import Any

import pulumi
import pytest
from airflow_fargate import AirflowFargateArgs, InvalidArgumentsError
from airflow_fargate.errors import Refusal
from airflow_fargate.validation import validate
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime.config import CONFIG, set_all_config

import configuration

from .conftest import Recorder
from .test_configuration import DECLARED, PROJECT, configure

ARGUMENTS = sorted(AirflowFargateArgs.__annotations__)
EXAMPLES = 30
"""For each argument and for each key: about 900 each in all."""

TEXTS = st.text() | st.sampled_from(
    [
        *("\x00", "../..", "$(id)", "; rm -rf /", "nan", "1e999", "true", "x" * 5000, "é" * 300, "x" * 70_000),
        *("0.0.0.0/0", "::/0", "203.0.113.7", "10.20.0.0/0.0.255.255", "2001:DB8::7", "fe80::1%eth0"),
        *("{{ssm:name}}", "R&D", "a, b", "a\nb", "🚀", "k#", "https://ghcr.io/acme/airflow:1", "ACME/Airflow:1"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(
    SCALARS | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=5,
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
).map(json.dumps)


@pytest.fixture(scope="module", autouse=True)
def a_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Let a path such as `../..` lead to little, and not to the first 20,000 files of a whole machine."""
    inner = tmp_path_factory.mktemp("outer") / "middle" / "inner"
    inner.mkdir(parents=True)
    with chdir(inner), pytest.MonkeyPatch.context() as patch:
        patch.setattr(configuration, "__file__", str(inner / "configuration.py"))
        yield


def refusals(name: str, args: Any) -> tuple[Refusal, ...]:
    """Return what is refused; that nothing is registered then is in `test_refusals`."""
    try:
        validate(name, args)
    except InvalidArgumentsError as error:
        return error.refusals
    return ()


def refused_arguments() -> tuple[Refusal, ...]:
    """Return what is refused of the configuration, be it by its reader or by the component."""
    try:
        return refusals("airflow", configuration.read_arguments())
    except pulumi.RunError as error:
        return (Refusal("", str(error)),)


@contextmanager
def configured(key: str, text: str) -> Generator[None]:
    """Return the configuration as the engine hands it over, with one value in place of the default."""
    before = dict(CONFIG.get())
    pulumi.runtime.set_mocks(Recorder(), project=PROJECT)
    secrets = tuple(configuration.SECRET_KEYS)
    try:
        configure(secret=secrets, **{"allowedCidrs": "[]", key: text})
        yield
    finally:
        set_all_config(before)


@pytest.mark.parametrize("argument", ARGUMENTS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(value=VALUES)
def test_a_hostile_value_is_accepted_or_refused_with_the_arguments_name(argument: str, value: Any) -> None:
    for refusal in refusals("airflow", {argument: value}):
        assert refusal.argument in AirflowFargateArgs.__annotations__
        assert argument in f"{refusal.argument} {refusal.reason}"


@pytest.mark.parametrize("key", sorted(DECLARED))
@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS | JSON)
def test_a_hostile_configuration_is_accepted_or_refused_with_the_name_of_the_key(key: str, text: str) -> None:
    argument = next(name for name in ARGUMENTS if name.replace("_", "") == key.lower())
    with configured(key, text):
        messages = [f"{refusal.argument} {refusal.reason}" for refusal in refused_arguments()]
    assert [message for message in messages if key not in message and argument not in message] == []
    if key in configuration.SECRET_KEYS and len(text) > 8:
        assert [message for message in messages if text in message] == []


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1).filter(lambda key: key not in DECLARED))
def test_a_hostile_key_is_refused_with_its_name(key: str) -> None:
    with configured(key, "value"), pytest.raises(pulumi.RunError) as error:
        configuration.read_arguments()

    assert f"{PROJECT}:{key} is not a key of this program" in str(error.value)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_a_hostile_name_is_accepted_or_refused_as_such(name: str) -> None:
    assert {refusal.argument for refusal in refusals(name, {})} <= {"name"}
