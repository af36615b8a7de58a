"""`make packed`: pack the sources of the programs and modules that a task definition carries."""

import base64
import zlib
from pathlib import Path

import airflow_fargate
from airflow_fargate.packed import SUFFIX

_PACKAGE = Path(airflow_fargate.__file__).parent
SOURCES = tuple(
    file
    for pattern in ("data/keeper.py", "task/supervisor.py", "login/auth_manager.py", "*/container/*")
    for file in sorted(_PACKAGE.glob(pattern))
    if file.is_file() and file.suffix != SUFFIX
)


def main() -> None:
    """Write each packed source beside the source."""
    for source in SOURCES:
        packed = base64.b85encode(zlib.compress(source.read_bytes(), 9)).decode()
        source.with_suffix(SUFFIX).write_text(f"{packed}\n", encoding="ascii")


if __name__ == "__main__":
    main()
