"""The program: configuration in, the component's outputs out, and AWS asked before anything is declared."""

import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest
from airflow_fargate import OUTPUTS, AirflowFargateArgs
from airflow_fargate.testing import registered

import preflight

from .conftest import Recorder

PROGRAM = Path(__file__).parents[2] / "__main__.py"


def test_the_program_asks_aws_about_its_configuration_before_it_declares_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder, exported, asked = Recorder(), dict[str, Any](), list[tuple[Any, int]]()

    def ask(args: AirflowFargateArgs) -> None:
        asked.append((args.get("port"), len(recorder.resources)))

    monkeypatch.setattr(preflight, "preflight", ask)
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)
    pulumi.runtime.set_config("project:allowedCidrs", "[]")
    pulumi.runtime.set_config("project:port", "9000")

    registrations = registered(lambda: runpy.run_path(str(PROGRAM)) and None, recorder)

    assert asked == [(9000, 0)]
    assert [each.name for each in registrations if each.type == "airflow-fargate:index:AirflowFargate"] == ["airflow"]
    assert list(exported) == list(OUTPUTS)
