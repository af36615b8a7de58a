"""The lowest versions that are asked for, each with its reason, and what `make test-versions` tries them with."""

import ast
import importlib.util
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from airflow_fargate import engine
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.environments import pinned
from release.versions import TESTS
from tests.paths import ROOT

from .conftest import Deploy, Recorder

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


class _Imports(ast.NodeVisitor):
    """The modules that a file imports when it runs, each as a whole and as what may be one inside of it."""

    def __init__(self, package: str) -> None:
        self.names: list[str] = []
        self._package = package

    def visit_Import(self, node: ast.Import) -> None:
        self.names += [alias.name for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = importlib.util.resolve_name("." * node.level + (node.module or ""), self._package)
        self.names += [module, *(f"{module}.{alias.name}" for alias in node.names)]

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)


def file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def third_parties(*files: Path) -> Iterator[str]:
    """Yield the packages of others that files import, and the repository's own that they do; not the component's."""
    to_read, seen = list(files), set(files)
    while to_read:
        file = to_read.pop()
        imports = _Imports(".".join(file.relative_to(ROOT).parent.parts))
        imports.visit(ast.parse(file.read_text()))
        for name in imports.names:
            top = name.partition(".")[0]
            if found := file_of(name):
                to_read += {found} - seen
                seen.add(found)
            elif not (ROOT / top).exists() and not file_of(top) and top not in sys.stdlib_module_names:
                yield top


def brought_by(requirement: str) -> set[str]:
    """Return the distributions that a requirement installs, its own among them."""
    to_read, seen = [Requirement(requirement)], {requirement}
    distributions: set[str] = set()
    while to_read:
        each = to_read.pop()
        distributions.add(canonicalize_name(each.name))
        for text in metadata.requires(each.name) or ():
            needed = Requirement(text)
            extras = each.extras or {""}
            if text not in seen and (not needed.marker or any(needed.marker.evaluate({"extra": it}) for it in extras)):
                seen.add(text)
                to_read.append(needed)
    return distributions


def test_the_environments_of_test_versions_have_what_these_tests_import_and_no_more() -> None:
    names = set(third_parties(ROOT / "tests" / "conftest.py", *Path(__file__).parent.glob("*.py")))
    modules = metadata.packages_distributions()
    imported = {name: {canonicalize_name(each) for each in modules.get(name, [name])} for name in names}
    component = brought_by("airflow-fargate")
    beside = pinned(*TESTS)

    installed = component.union(*map(brought_by, beside))
    assert {name for name, distributions in imported.items() if not distributions & installed} == set()
    needed = set[str]().union(*imported.values()) - component
    assert [each for each in beside if canonicalize_name(Requirement(each).name) not in needed] == []
