"""What is true of the graph as a whole, whatever it is; the snapshots have each resource."""

import pulumi
import pulumi_aws as aws
from airflow_fargate import AirflowFargate

from .conftest import Deploy


def test_two_components_in_one_stack_share_nothing(deploy: Deploy) -> None:
    def program() -> AirflowFargate:
        AirflowFargate("first", {})
        return AirflowFargate("second", {})

    names = {each.name for each in deploy(program).registrations}

    first = {name for name in names if name.startswith("first")}
    assert {name.replace("first", "second", 1) for name in first} == names - first


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
