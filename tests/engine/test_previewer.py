"""The role of docs/ci.md that only previews: it may do all that the program of this repository asks in a preview."""

import json
import re
from collections.abc import Generator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.faults import Faults
from local.testing.program import copy_program
from local.testing.workspace import Workspace
from release.deployer import action


@pytest.fixture
def workspace(cloud: Cloud, tmp_path: Path) -> Generator[Workspace]:
    copy_program(tmp_path)
    workspace = Workspace.of(cloud, tmp_path, {"airflow-fargate:allowedCidrs": ["127.0.0.0/8"]})
    workspace.stack.prepare()
    yield workspace
    workspace.destroy()


def test_a_preview_asks_aws_for_nothing_that_the_page_does_not_allow_it(cloud: Cloud, workspace: Workspace) -> None:
    workspace.up()
    faults = Faults(cloud.emulator.endpoint)
    faults.forget()
    faults.pause()
    workspace.preview()
    file = workspace.stack.project / f"Pulumi.{workspace.stack.name}.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    beside = {"airflow-fargate:database": "postgres", "airflow-fargate:restoreFrom": "a-snapshot"}
    file.write_text(yaml.safe_dump({"config": {**config, **beside}}))
    workspace.stack.pulumi("config", "set", "--secret", "fernetKey", f"{'A' * 43}=")
    workspace.preview()
    asked = {action(call) for call in faults.seen} - {"sts:GetCallerIdentity"}
    faults.forget()

    [allowed] = [
        document["Statement"][0]["Action"]
        for block in re.findall(r"^```json\n(.*?)^```", (ROOT / "docs" / "ci.md").read_text(), re.MULTILINE | re.DOTALL)
        if "Principal" not in (document := json.loads(block))["Statement"][0]
    ]
    assert {each for each in asked if not any(fnmatchcase(each, pattern) for pattern in allowed)} == set()
    assert {pattern for pattern in allowed if not any(fnmatchcase(each, pattern) for each in asked)} == set()
