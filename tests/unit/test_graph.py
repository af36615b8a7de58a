"""What is true of the graph as a whole, whatever it is; the snapshots have each resource."""

import airflow_fargate
import pulumi
import pulumi_aws as aws
import pytest
from airflow_fargate import OUTPUTS, AirflowFargate

from .conftest import Deploy


def test_two_components_in_one_stack_share_nothing(deploy: Deploy) -> None:
    def program() -> AirflowFargate:
        AirflowFargate("first", {})
        return AirflowFargate("second", {})

    names = {each.name for each in deploy(program).registrations}

    first = {name for name in names if name.startswith("first")}
    assert {name.replace("first", "second", 1) for name in first} == names - first


def test_the_outputs_of_the_component_are_those_that_are_named(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[set[str]] = []

    def register(_: AirflowFargate, outputs: dict[str, object]) -> None:
        registered.append(set(outputs))

    monkeypatch.setattr(AirflowFargate, "register_outputs", register)

    deploy()

    assert registered == [set(OUTPUTS)]


def test_the_package_has_what_it_names_and_nothing_else() -> None:
    assert [name for name in airflow_fargate.__all__ if not hasattr(airflow_fargate, name)] == []
    assert not hasattr(airflow_fargate, "Airflow")


def test_an_explicit_provider_reaches_every_child_and_every_lookup(deploy: Deploy) -> None:
    def program() -> AirflowFargate:
        provider = aws.Provider("frankfurt", region="eu-central-1")
        return AirflowFargate("airflow", {}, pulumi.ResourceOptions(provider=provider))

    recorder = deploy(program).recorder

    ours = [r for r in recorder.resources if r.typ.startswith("aws:")]
    assert ours
    assert {r.name: "::frankfurt::" in (r.provider or "") for r in ours} == {r.name: True for r in ours}
    assert recorder.calls
    assert {call.token: "::frankfurt::" in call.provider for call in recorder.calls} == {
        call.token: True for call in recorder.calls
    }
