"""A deployment in China, where ARNs and hosts are called otherwise: IAM, parameters, logs and the bucket must fit."""

import json
import urllib.request
from contextlib import closing
from pathlib import Path

from local.testing.deployed import ARGS, PROGRAM

from .conftest import NewWorkspace


def test_a_task_in_china_is_healthy_and_its_roles_name_what_is_there(workspace: NewWorkspace, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "hello.py").write_text("from airflow.sdk import dag\n")
    args = {**ARGS, "dags_path": str(tmp_path / "dags")}
    china = workspace(PROGRAM.replace("ARGS", repr(args)), {"aws:region": "cn-north-1"})

    china.up()

    outputs = china.outputs()
    assert outputs["cluster_arn"].startswith("arn:aws-cn:ecs:cn-north-1:")
    with closing(urllib.request.urlopen(outputs["url"], timeout=5)) as answer:
        assert json.load(answer)["scheduler"]["status"] == "healthy"
    china.preview("--expect-no-changes")
