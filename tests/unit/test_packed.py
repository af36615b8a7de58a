"""The programs that a task definition carries are those of the sources beside them."""

import base64
import zlib
from pathlib import Path

import pytest
from airflow_fargate.data import keeper
from airflow_fargate.packed import packed_program
from airflow_fargate.task import supervisor


@pytest.mark.parametrize("source", [keeper.__file__, supervisor.__file__], ids=["keeper", "supervisor"])
def test_what_the_task_definition_carries_is_the_source(source: str) -> None:
    *_, packed = packed_program(source)

    assert zlib.decompress(base64.b85decode(packed)) == Path(source).read_bytes(), "run `make packed`"
