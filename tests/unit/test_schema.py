"""The schema that programs in other languages see: as committed, and with words for everything in it."""

import json
import re
from pathlib import Path
from typing import Any

import airflow_fargate
import pytest
from airflow_fargate import OUTPUTS, AirflowFargateArgs
from airflow_fargate.plugin import Plugin

COMMITTED = Path(airflow_fargate.__file__).with_name("schema.json")
SCHEMA: dict[str, Any] = json.loads(COMMITTED.read_text())
COMPONENT: dict[str, Any] = SCHEMA["resources"]["airflow-fargate:index:AirflowFargate"]
INPUTS: dict[str, dict[str, Any]] = COMPONENT["inputProperties"]
NUMBERS = [name for name, declared in INPUTS.items() if "integer" in json.dumps(declared)]
UNITS = ("TCP port", "CPU units", "MiB", "GiB", "seconds", "minutes", "days")


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


@pytest.mark.parametrize("name", COMPONENT["properties"])
def test_every_output_says_what_it_is(name: str) -> None:
    assert COMPONENT["properties"][name]["description"].endswith(".")


def test_descriptions_are_markdown_in_the_names_of_the_schema() -> None:
    properties = [*INPUTS.values(), *COMPONENT["properties"].values()]
    text = "\n".join([COMPONENT["description"], *(prop["description"] for prop in properties)])

    assert not re.search(r"^ ", text, re.MULTILINE), "an indented line is code in Markdown"
    assert [name for name in AirflowFargateArgs.__annotations__ if "_" in name and name in text] == []
    assert "allowPublicAccess" in text
