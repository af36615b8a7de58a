"""Whatever is given for whatever argument: it is accepted, or refused by name, and nothing else is raised."""

from typing import Any

from airflow_fargate import AirflowFargateArgs, InvalidArgumentsError
from airflow_fargate.errors import Refusal
from airflow_fargate.validation import validate
from hypothesis import given, settings
from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.sampled_from(["\x00", "../..", "$(id)", "; rm -rf /", "0.0.0.0/0", "::/0", "nan", "x" * 5000, "é" * 300]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=5,
)


def refusals(name: str, args: Any) -> tuple[Refusal, ...]:
    try:
        validate(name, args)
    except InvalidArgumentsError as error:
        return error.refusals
    return ()


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(sorted(AirflowFargateArgs.__annotations__)), VALUES)
def test_a_hostile_value_is_accepted_or_refused_with_the_arguments_name(argument: str, value: Any) -> None:
    for refusal in refusals("airflow", {argument: value}):
        assert refusal.argument in AirflowFargateArgs.__annotations__
        assert argument in f"{refusal.argument} {refusal.reason}"


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_a_hostile_name_is_accepted_or_refused_as_such(name: str) -> None:
    assert {refusal.argument for refusal in refusals(name, {})} <= {"name"}
