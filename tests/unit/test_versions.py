"""The lowest versions that are asked for, each with its reason."""

from pathlib import Path

import pulumi
import pytest
import yaml
from airflow_fargate import engine

from .conftest import Deploy, Recorder

ROOT = Path(__file__).parents[2]


def test_the_program_asks_for_the_pulumi_that_the_component_needs() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())

    assert project["requiredPulumiVersion"] == engine.PULUMI_VERSIONS


def test_an_engine_that_is_too_old_is_refused_before_anything_is_registered(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that embeds the component has a Pulumi.yaml that does not ask."""

    def refused(versions: str) -> None:
        raise RuntimeError(f"Pulumi CLI version 3.240.0 does not satisfy the version range {versions!r}.")

    monkeypatch.setattr(engine, "is_mocked", lambda: False)
    monkeypatch.setattr(pulumi, "require_pulumi_version", refused)
    recorder = Recorder()

    with pytest.raises(pulumi.RunError, match=r"needs Pulumi >=3\.250\.0: Pulumi CLI version 3\.240\.0 does not"):
        deploy(recorder=recorder)

    assert recorder.resources == []
