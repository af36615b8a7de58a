"""`make packed`: pack the sources of the programs that a task definition carries."""

import base64
import zlib
from pathlib import Path

from airflow_fargate.data import keeper
from airflow_fargate.packed import SUFFIX
from airflow_fargate.task import supervisor

PROGRAMS = (Path(keeper.__file__), Path(supervisor.__file__))


def main() -> None:
    """Write each packed source beside the source."""
    for source in PROGRAMS:
        packed = base64.b85encode(zlib.compress(source.read_bytes(), 9)).decode()
        source.with_suffix(SUFFIX).write_text(f"{packed}\n", encoding="ascii")


if __name__ == "__main__":
    main()
