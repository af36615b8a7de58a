"""Snapshots of what each setup registers, for a reviewer: `make snapshots` writes them to `tests/unit/snapshots`."""

import json
from pathlib import Path
from typing import Any, cast

import pulumi
from airflow_fargate.dags import bundles
from airflow_fargate.data.part import keeper_arguments
from airflow_fargate.data.settings import DataSettings
from airflow_fargate.executor import choice
from airflow_fargate.executor.settings import EXECUTORS, ExecutorSettings
from airflow_fargate.login import login
from airflow_fargate.packed import packed
from airflow_fargate.task.container import supervisor_command

from .conftest import Registered, build_component
from .setups import SETUPS

FOLDER = Path(__file__).with_name("snapshots")

_TESTS = Path(__file__).parent
*_, _SUPERVISOR = supervisor_command()
_ALL = ExecutorSettings(executors=EXECUTORS, worker_count_max=2)
_MODULES = {
    source: f"<the source of {path}, packed>"
    for path, source in (*bundles.modules(prepare=True).items(), *choice.modules(_ALL).items())
}
_AUTH_MANAGER = packed(Path(login.__file__).with_name("auth_manager.py"))
*_, _KEEPER = keeper_arguments(DataSettings())
_SOURCES = {
    _SUPERVISOR: "<the source of task/supervisor.py, packed>",
    _AUTH_MANAGER: "<the source of login/auth_manager.py, packed>",
    _KEEPER: "<the source of data/keeper.py, packed>",
    **_MODULES,
}


def snapshot(setup: str) -> str:
    """Return every resource of a setup with its exact inputs and options, the functions called, and the outputs."""
    deployment = build_component(SETUPS[setup])
    return json.dumps(_readable(deployment), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def file_of(setup: str) -> Path:
    return FOLDER / f"{setup}.json"


def _readable(deployment: Registered) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    for each in deployment.registrations:
        place = f"{each.type}::{each.name}"
        assert place not in resources, f"{place} is registered twice"
        options = {name: _plain(value) for name, value in each.options.items()}
        if "dependencies" in options:
            options["dependencies"] = sorted(options["dependencies"])
        if "transforms" in options:
            options["transforms"] = f"{len(options['transforms'])}, at addresses of this run"
        resources[place] = {"parent": _plain(each.parent), "inputs": _plain(each.inputs), **options}
    outputs = {
        name: {"secret": value} if name in deployment.secret_outputs else _plain(value)
        for name, value in deployment.outputs.items()
    }
    calls = [{"function": call.token, "arguments": _plain(call.args)} for call in deployment.recorder.calls]
    return {
        "resources": resources,
        "calls": sorted(calls, key=lambda call: json.dumps(call, sort_keys=True)),
        "outputs": outputs,
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON: documents opened, and what depends on this machine or on another file named."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast(list[Any], value)]
    if isinstance(value, pulumi.FileAsset):
        return {"file": Path(value.path).relative_to(_TESTS).as_posix()}
    if isinstance(value, str):
        return _text(value)
    return value


def _text(text: str) -> Any:
    if text in _SOURCES:
        return _SOURCES[text]
    if text.startswith(("urn:pulumi:", "urn:")):
        return "::".join(text.split("::")[2:]).rpartition("$")[2]
    if text.startswith(("{", "[")):
        try:
            return {"json": _plain(json.loads(text))}
        except ValueError:
            pass
    return text


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for outdated in set(FOLDER.iterdir()) - {file_of(setup) for setup in SETUPS}:
        outdated.unlink()
    for setup in SETUPS:
        file_of(setup).write_text(snapshot(setup))
