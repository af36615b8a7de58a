"""The lowest versions that are asked for, each with its reason."""

import tomllib
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from airflow_fargate import engine
from packaging.requirements import Requirement

from .conftest import Deploy, Recorder

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]


def test_the_lowest_provider_leaves_what_a_bucket_blocks_to_s3() -> None:
    """Before 6.40 of Terraform's, which 7.25 brings, S3's own choice is a change at every preview."""
    [provider] = [each for each in map(Requirement, PROJECT["dependencies"]) if each.name == "pulumi-aws"]

    assert "7.25.0" in provider.specifier
    assert "7.24.0" not in provider.specifier


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
