"""Records a release, for the tests that hold later versions to it: what it registers, and its sources as text."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import airflow_fargate

from local.progress import say
from tests.unit.releases import RELEASED, SOURCES, record


def main() -> None:
    version = metadata.version("airflow-fargate")
    package = Path(airflow_fargate.__file__).parent
    for previous in SOURCES.glob("*.json"):
        previous.unlink()
    _write(SOURCES / f"{version}.json", {file.name: file.read_text() for file in package.iterdir() if file.is_file()})
    _write(RELEASED / f"{version}.json", record())
    say(f"tests/released has {version}; commit it")


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
