"""The API reference builds without a warning and has all that is public."""

from pathlib import Path

import pytest
from airflow_fargate import OUTPUTS, AirflowFargateArgs

from release.reference import write_reference


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    first: Path = write_reference(tmp_path_factory.mktemp("reference"))
    return first.read_text()


@pytest.mark.parametrize("name", AirflowFargateArgs.__annotations__)
def test_every_argument_is_in_it_with_its_words(page: str, name: str) -> None:
    _, _, after = page.partition(f'id="AirflowFargateArgs.{name}"')
    entry, _, _ = after.partition("<div id=")

    assert "<p>" in entry


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output_is_in_it_with_its_words(page: str, name: str) -> None:
    _, _, after = page.partition(f'id="AirflowFargate.{name}"')
    entry, _, _ = after.partition("<div id=")

    assert "<p>" in entry


def test_what_is_not_public_is_not_in_it(page: str) -> None:
    assert "create_network" not in page
