"""The role of docs/ci.md that only previews: it may do all that the program of this repository asks in a preview."""

import json
import re
from fnmatch import fnmatchcase

import yaml

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.faults import Faults
from local.testing.workspace import Workspace
from release.deployer import action


def test_a_preview_asks_aws_for_nothing_that_the_page_does_not_allow_it(
    cloud: Cloud, root_workspace: Workspace
) -> None:
    root_workspace.up()
    faults = Faults(cloud.emulator.endpoint)
    faults.forget()
    faults.pause()
    root_workspace.preview()
    file = root_workspace.stack.project / f"Pulumi.{root_workspace.stack.name}.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    beside = {"airflow-fargate:database": "postgres", "airflow-fargate:restoreFrom": "a-snapshot"}
    file.write_text(yaml.safe_dump({"config": {**config, **beside}}))
    root_workspace.stack.pulumi("config", "set", "--secret", "fernetKey", f"{'A' * 43}=")
    root_workspace.preview()
    asked = {action(call) for call in faults.seen} - {"sts:GetCallerIdentity"}
    faults.forget()

    [allowed] = [
        document["Statement"][0]["Action"]
        for block in re.findall(r"^```json\n(.*?)^```", (ROOT / "docs" / "ci.md").read_text(), re.MULTILINE | re.DOTALL)
        if "Principal" not in (document := json.loads(block))["Statement"][0]
    ]
    assert {each for each in asked if not any(fnmatchcase(each, pattern) for pattern in allowed)} == set()
    assert {pattern for pattern in allowed if not any(fnmatchcase(each, pattern) for each in asked)} == set()
