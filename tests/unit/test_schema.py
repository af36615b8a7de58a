"""The schema that programs in other languages see: as committed, and with words for everything in it."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import airflow_fargate
import pytest
from airflow_fargate import OUTPUTS, AirflowFargateArgs
from airflow_fargate.plugin import Plugin

from tests.paths import ROOT
from tests.unit.conftest import Deploy

COMMITTED = Path(airflow_fargate.__file__).with_name("schema.json")
SCHEMA: dict[str, Any] = json.loads(COMMITTED.read_text())
COMPONENT: dict[str, Any] = SCHEMA["resources"]["airflow-fargate:index:AirflowFargate"]
INPUTS: dict[str, dict[str, Any]] = COMPONENT["inputProperties"]
NUMBERS = [name for name, declared in INPUTS.items() if "integer" in json.dumps(declared)]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]
HOST, OWNER, NAME = PROJECT["urls"]["Repository"].removeprefix("https://").split("/")
UNITS = ("TCP port", "CPU units", "MiB", "GiB", "seconds", "minutes", "days", "How many tasks", "How many workers")


def snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda upper: f"_{upper[0].lower()}", name)


def test_the_committed_schema_is_the_one_that_the_annotations_give() -> None:
    assert Plugin().schema == COMMITTED.read_text().rstrip("\n"), (
        "The schema has changed: run `make schema`, and say in CHANGELOG.md what changes for those who use it."
    )


def test_the_schema_has_every_argument_and_every_output() -> None:
    assert {snake_case(name) for name in INPUTS} == set(AirflowFargateArgs.__annotations__)
    assert {snake_case(name) for name in COMPONENT["properties"]} == set(OUTPUTS)
    assert COMPONENT["requiredInputs"] == []
    assert SCHEMA.get("types", {}) == {}
    assert SCHEMA.get("dependencies", []) == [], "a resource as an output would pin a version of its provider"


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_says_what_it_is_by_default_and_what_is_refused(name: str) -> None:
    description: str = INPUTS[name]["description"]

    assert "default" in description.lower()
    assert "Refused:" in description or INPUTS[name].get("type") == "boolean"


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_says_its_unit(name: str) -> None:
    assert any(unit in INPUTS[name]["description"] for unit in UNITS)


def test_the_page_lists_every_output_once_and_nothing_else() -> None:
    section = (ROOT / "docs" / "embedding.md").read_text().partition("\n## Outputs\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)

    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(OUTPUTS)


@pytest.mark.parametrize("name", COMPONENT["properties"])
def test_every_output_says_what_it_is(name: str) -> None:
    assert COMPONENT["properties"][name]["description"].endswith(".")


def test_descriptions_are_markdown_in_the_names_of_the_schema() -> None:
    properties = [*INPUTS.values(), *COMPONENT["properties"].values()]
    text = "\n".join([COMPONENT["description"], *(prop["description"] for prop in properties)])

    assert not re.search(r"^ ", text, re.MULTILINE), "an indented line is code in Markdown"
    assert [name for name in AirflowFargateArgs.__annotations__ if "_" in name and name in text] == []
    assert "allowPublicAccess" in text


def test_the_package_is_published_by_the_owner_of_the_repository() -> None:
    assert SCHEMA["repository"] == SCHEMA["homepage"] == PROJECT["urls"]["Repository"]
    assert SCHEMA["publisher"] == SCHEMA["namespace"] == OWNER
    # What Pulumi's metaschema takes for a namespace.
    assert re.fullmatch(r"([a-z][a-z0-9]*)(-[a-z0-9]+)*", OWNER)


@pytest.mark.parametrize(
    ("language", "setting", "name"),
    [
        ("nodejs", "packageName", f"@{OWNER}/airflow-fargate"),
        ("python", "packageName", "pulumi_airflow_fargate"),
        ("go", "importBasePath", f"{HOST}/{OWNER}/{NAME}/sdk/go/airflowfargate"),
        ("csharp", "rootNamespace", "".join(word.capitalize() for word in OWNER.split("-"))),
        ("java", "basePackage", f"io.github.{OWNER.replace('-', '')}"),
    ],
)
def test_programs_in_every_language_know_the_sdk_by_a_name_of_its_owner(language: str, setting: str, name: str) -> None:
    assert SCHEMA["language"][language] == {"respectSchemaVersion": True, setting: name}


def test_its_logo_is_a_picture_of_this_repository() -> None:
    repository, path = SCHEMA["logoUrl"].split("/raw/main/")

    assert repository == SCHEMA["repository"]
    assert (ROOT / path).read_text().startswith('<svg xmlns="http://www.w3.org/2000/svg"')


@pytest.mark.parametrize(
    ("program", "language", "setting"),
    [
        ("examples/typescript/index.ts", "nodejs", "packageName"),
        ("examples/typescript/package.json", "nodejs", "packageName"),
        ("examples/go/main.go", "go", "importBasePath"),
    ],
)
def test_the_examples_import_it_by_that_name(program: str, language: str, setting: str) -> None:
    name = SCHEMA["language"][language][setting]

    assert f'"{name}"' in (ROOT / program).read_text()
    assert f"`{name}`" in (ROOT / "docs" / "embedding.md").read_text()


def test_the_outputs_that_the_component_keeps_secret_are_marked_so(deploy: Deploy) -> None:
    marked = {snake_case(name) for name, declared in COMPONENT["properties"].items() if declared.get("secret")}

    assert marked == deploy(admin_password="correct horse battery").secret_outputs
