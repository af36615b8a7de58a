"""Locked packages: the wheels' way into the bucket, and from there into the container before Airflow is loaded."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow_fargate.dags.requirements.locked import Locked, Wheel
from airflow_fargate.validation import Settings

from tests.indexes import wheel

from .conftest import Deploy, Registered
from .preparation import run_preparation, variables, wanted
from .test_inputs import container

OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
LIST = "wheels/list.txt"


def locked(folder: Path, *names: str) -> Locked:
    wheels: list[Wheel] = []
    for name in names:
        path = folder / f"{name}-1.0-py3-none-any.whl"
        path.write_bytes(wheel(name, "1.0"))
        wheels.append(Wheel(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), path))
    return Locked(wheels=tuple(wheels))


@pytest.fixture
def deploy_with(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> Any:
    def deployed(packages: Locked, **args: Any) -> Registered:
        monkeypatch.setattr(Settings, "packages", packages)
        return deploy(requirements_path="requirements.txt", **args)

    return deployed


def test_the_supervisor_is_told_which_object_lists_the_wheels(deploy_with: Any, tmp_path: Path) -> None:
    packages = locked(tmp_path, "one", "two")

    deployment = deploy_with(packages)

    keys = {each.inputs["key"] for each in deployment.recorder.resources if each.typ == OBJECT}
    assert keys == {
        wanted(deployment)["packages"],
        *(f"wheels/{each.sha256}/{each.name}" for each in packages.wheels),
    }
    assert "_PIP_ADDITIONAL_REQUIREMENTS" not in variables(deployment)
    assert container(deployment)["healthCheck"]["startPeriod"] == 300


def test_the_same_lock_is_the_same_task_and_another_is_not(deploy_with: Any, tmp_path: Path) -> None:
    def told(*names: str) -> dict[str, str]:
        return variables(deploy_with(locked(tmp_path, *names)))

    assert told("one") == told("one") != told("one", "two")


def test_a_lock_of_nothing_that_the_image_lacks_needs_no_bucket(deploy_with: Any) -> None:
    deployment = deploy_with(Locked())

    assert "AIRFLOW_FARGATE_PREPARATION" not in variables(deployment)
    assert [each.name for each in deployment.recorder.resources if "dags" in each.name] == []


def objects(*wheels: bytes) -> dict[str, bytes]:
    named = {f"{hashlib.sha256(each).hexdigest()}/n{n}-1.0-py3-none-any.whl": each for n, each in enumerate(wheels)}
    listed = "".join(f"{name.replace('/', ' ')}\n" for name in named).encode()
    return {LIST: listed, **{f"wheels/{name}": content for name, content in named.items()}}


def test_the_wheels_are_installed_and_no_index_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_TARGET", str(tmp_path))  # the place that the image has for them
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")

    assert run_preparation(monkeypatch, objects(wheel("n0", "1.0"), wheel("n1", "1.0")), packages=LIST) == 0
    assert run_preparation(monkeypatch, objects(wheel("n0", "1.0"), wheel("n1", "1.0")), packages=LIST) == 0, (
        "a container that is started again"
    )

    assert {path.name for path in tmp_path.glob("*.py")} == {"n0.py", "n1.py"}


def test_pip_is_asked_for_nothing_but_the_wheels_and_the_log_says_which_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))

    def pip(command: list[str], *, check: bool) -> Any:
        assert not check
        assert written.getvalue() == b"installing n0-1.0-py3-none-any.whl, n1-1.0-py3-none-any.whl\n"
        assert command[:6] == [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps"]
        assert command[6:10] == ["--upgrade", "--quiet", "--no-input", "--disable-pip-version-check"]
        assert command[10:12] == ["--root-user-action", "ignore"]
        assert [Path(each).name for each in command[12:]] == ["n0-1.0-py3-none-any.whl", "n1-1.0-py3-none-any.whl"]
        return SimpleNamespace(returncode=7)

    monkeypatch.setattr(subprocess, "run", pip)

    assert run_preparation(monkeypatch, objects(wheel("n0", "1.0"), wheel("n1", "1.0")), packages=LIST) == 7


def test_a_wheel_that_is_not_the_locked_one_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = objects(wheel("n0", "1.0"))
    [key] = [key for key in changed if key.endswith(".whl")]
    changed[key] += b"changed"

    def install(*_args: Any, **_options: Any) -> None:
        pytest.fail("pip has run")

    monkeypatch.setattr(subprocess, "run", install)
    with pytest.raises(ValueError, match=f"s3://b/{key} is another file"):
        run_preparation(monkeypatch, changed, packages=LIST)
