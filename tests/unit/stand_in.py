"""Modules of Airflow's that stand for the real ones, which are not where the mocks ring runs."""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest


def give_airflow(monkeypatch: pytest.MonkeyPatch, modules: Mapping[str, Mapping[str, Any]]) -> None:
    """Let modules be imported, the contents of each by its name, and all packages that they are in."""
    for name, contents in modules.items():
        parts = name.split(".")
        for number in range(1, len(parts)):
            package = ".".join(parts[:number])
            if package not in sys.modules:
                monkeypatch.setitem(sys.modules, package, ModuleType(package))
        module = ModuleType(name)
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, name, module)
