"""What an operator's commands ask `pulumi`, and what becomes of it when they are interrupted."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from operate.pulumi_cli import short_name
from tests.paths import ROOT

PULUMI = """#!/bin/sh
case $1 in stack)
  echo '{"deployment": {"resources": [{"type": "random:index:x", "urn": "urn:pulumi:x::airflow-admin-password"}]}}'
esac
[ "$1" = "$SLOW" ] || exit 0
trap 'sleep 1; touch saved; exit 0' INT
touch begun
while :; do sleep 0.1; done
"""
"""Stands for `pulumi`, one of whose commands is slow, and saves the state a second after Ctrl-C."""


@pytest.mark.parametrize("slow", ["preview", "up"])
def test_ctrl_c_lets_pulumi_save_the_state(tmp_path: Path, slow: str) -> None:
    (tmp_path / "pulumi").write_text(PULUMI)
    (tmp_path / "pulumi").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "SLOW": slow}
    with subprocess.Popen(
        [sys.executable, "-m", "operate.rotate", "dev", "admin-password"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as command:
        try:
            while not (tmp_path / "begun").exists():
                assert command.poll() is None
                time.sleep(0.05)

            os.killpg(command.pid, signal.SIGINT)  # as a terminal does
            _, said = command.communicate(timeout=30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)

    assert (tmp_path / "saved").exists()
    assert (command.returncode, said.strip()) == (
        130,
        "interrupted: Pulumi has saved how far it came; run the same again.",
    )


@pytest.mark.parametrize("stack", ["dev", "project/dev", "organization/project/dev"])
def test_files_are_named_after_the_stack_alone(stack: str) -> None:
    assert short_name(stack) == "dev"
