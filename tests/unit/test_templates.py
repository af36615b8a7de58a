"""The templates for `pulumi new`: they ask for what their programs read, and these register the component."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from airflow_fargate import OUTPUTS, AirflowFargateArgs
from airflow_fargate.testing import registered
from packaging.requirements import Requirement
from pulumi.provider.experimental.util import camel_case

from tests.paths import ROOT

from .conftest import Deploy, Recorder

TEMPLATES = ROOT / "templates"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]
IN_PYTHON = {camel_case(name): name for name in (*AirflowFargateArgs.__annotations__, *OUTPUTS)}
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
MINE = "203.0.113.7/32"


def described(template: Path) -> dict[str, Any]:
    return yaml.safe_load((template / "Pulumi.yaml").read_text())


@pytest.mark.parametrize("template", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_a_template_takes_the_project_s_name_and_asks_for_region_and_who_gets_in(template: Path) -> None:
    project = described(template)
    asked = project["template"]["config"]

    assert (project["name"], project["description"]) == ("${PROJECT}", "${DESCRIPTION}")
    assert project["requiredPulumiVersion"] == described(ROOT)["requiredPulumiVersion"]
    assert asked.keys() == {"aws:region", "allowedCidr"}
    assert all(each["description"] for each in asked.values())
    assert "default" not in asked["allowedCidr"], "nobody but the person who asks knows it"


@pytest.mark.parametrize("template", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_what_a_template_says_at_the_end_are_outputs_of_its_program(template: Path) -> None:
    program = "".join(file.read_text() for file in template.iterdir() if file.is_file())
    named = re.findall(r"pulumi stack output (\w+)", described(template)["template"]["quickstart"])

    assert len(named) == 2
    assert all(re.search(rf'pulumi\.export\("{name}"|^  {name}: \$', program, re.MULTILINE) for name in named)


def test_the_program_in_python_registers_the_component_with_its_dags(monkeypatch: pytest.MonkeyPatch) -> None:
    template, recorder = TEMPLATES / "python", Recorder()
    monkeypatch.chdir(template)
    pulumi.runtime.set_config("project:allowedCidr", MINE)

    registrations = registered(lambda: runpy.run_path("__main__.py") and None, recorder)

    components = [each.name for each in registrations if each.type == "airflow-fargate:index:AirflowFargate"]
    files = [each.inputs["key"] for each in registrations if each.type == "aws:s3/bucketObjectv2:BucketObjectv2"]
    assert components == ["airflow"]
    assert [each.inputs["cidrIpv4"] for each in registrations if each.type == RULE] == [MINE]
    assert any("hello.py" in key for key in files)


def test_the_program_in_yaml_gives_the_component_arguments_that_it_takes(deploy: Deploy) -> None:
    project = described(TEMPLATES / "yaml")
    [(name, resource)] = project["resources"].items()
    properties = yaml.safe_load(yaml.safe_dump(resource["properties"]).replace("${allowedCidr}", MINE))

    recorded = deploy(**{IN_PYTHON[key]: value for key, value in properties.items()})

    assert resource["type"] == "airflow-fargate:AirflowFargate"
    assert [each["cidrIpv4"] for each in recorded.inputs_of_all(RULE)] == [MINE]
    assert project["config"].keys() == {"allowedCidr"}
    assert {IN_PYTHON[key] for key in project["outputs"]} == {"url", "admin_username", "admin_password"}
    assert all(value.startswith(f"${{{name}.") for value in project["outputs"].values())


def test_the_package_is_this_version_s_from_pypi_and_this_repository_s_from_git() -> None:
    requirement = Requirement((TEMPLATES / "python" / "requirements.txt").read_text().strip())
    [(name, source)] = described(TEMPLATES / "yaml")["packages"].items()

    assert requirement.name == name == PROJECT["name"]
    assert requirement.specifier.contains(PROJECT["version"])
    assert source == f"{PROJECT['urls']['Repository'].removeprefix('https://')}/components"
