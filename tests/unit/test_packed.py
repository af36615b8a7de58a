"""The programs and modules that a task definition carries are those of the sources beside them."""

from pathlib import Path

import airflow_fargate
import pytest
from airflow_fargate.packed import SUFFIX, packed

from release.packed import SOURCES

from .packing import unpacked

PACKAGE = Path(airflow_fargate.__file__).parent


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(PACKAGE)))
def test_what_the_task_definition_carries_is_the_source(source: Path) -> None:
    assert unpacked(packed(source)) == source.read_text(encoding="utf-8"), "run `make packed`"


def test_nothing_is_packed_any_more_whose_source_is_gone() -> None:
    assert {*PACKAGE.rglob(f"*{SUFFIX}")} == {source.with_suffix(SUFFIX) for source in SOURCES}
