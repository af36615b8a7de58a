"""What the pages show of `pulumi config`, run as it stands there, and a preview of it that refuses nothing."""

import subprocess
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.program import copy_program
from local.testing.workspace import Workspace
from tests.documented import to_be_tried

PAGES = to_be_tried()
STAND_INS = f"""
pulumi() {{ [ "$1" = up ] || command pulumi "$@"; }}
aws() {{ echo {"0" * 43}=; }}  # the Fernet key of another stack
"""


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_configure_what_the_program_takes(cloud: Cloud, tmp_path: Path, page: str) -> None:
    copy_program(tmp_path)
    (tmp_path / "dags").symlink_to(ROOT / "dags")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "colours.py").write_text("")
    stack = Workspace.of(cloud, tmp_path, {"airflow-fargate:allowedCidrs": ["127.0.0.0/8"]}).stack
    stack.prepare()

    done = subprocess.run(
        ["bash", "-euc", "\n".join([STAND_INS, *PAGES[page], "pulumi preview"])],
        cwd=tmp_path,
        env=cloud.environment(stack.name),
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "airflow-service create" in done.stdout
