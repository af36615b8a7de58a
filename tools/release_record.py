"""Records a release, for the tests that hold later versions to it: what it registers, and its wheel."""

import json
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

from local.progress import Step, say
from tests.unit.releases import RELEASED, record
from tools.release_check import build


def main() -> None:
    version = metadata.version("airflow-fargate")
    (RELEASED / f"{version}.json").write_text(json.dumps(record(), indent=1, sort_keys=True) + "\n")
    with tempfile.TemporaryDirectory() as folder, Step("Sdist and wheel"):
        wheel = build(Path(folder))
        for previous in RELEASED.glob("*.whl"):
            previous.unlink()
        shutil.copy(wheel, RELEASED)
    say(f"tests/released has {version}; commit it")


if __name__ == "__main__":
    main()
