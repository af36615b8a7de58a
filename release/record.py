"""Records a release, for the tests that hold later versions to it: what it registers, and its sources as text."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import airflow_fargate

from operate.console import say
from release.paths import RELEASED, SOURCES
from release.registered import record


def main() -> None:
    version = metadata.version("airflow-fargate")
    package = Path(airflow_fargate.__file__).parent
    sources = {
        file.relative_to(package).as_posix(): file.read_text()
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    for previous in SOURCES.glob("*.json"):
        previous.unlink()
    _write(SOURCES / f"{version}.json", sources)
    _write(RELEASED / f"{version}.json", record())
    say(f"tests/released has {version}; commit it")


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
