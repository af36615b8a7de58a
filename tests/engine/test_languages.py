"""Programs in TypeScript and Go: their SDKs, generated from the schema, compile, and the examples with them preview."""

import json
import os
import subprocess
from pathlib import Path

import airflow_fargate
import pytest

from local.cloud import Cloud
from local.paths import ROOT
from local.testing.languages import write_hosts
from tests.engine.conftest import Example

SCHEMA = Path(airflow_fargate.__file__).with_name("schema.json")
DESCRIBED = json.loads(SCHEMA.read_text())
SDK = f"sdks/{DESCRIBED['namespace']}-{DESCRIBED['name']}"
"""Where `pulumi install` puts an SDK."""
GO_PACKAGE = DESCRIBED["language"]["go"]["importBasePath"]


@pytest.fixture(scope="module")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with an SDK for each language."""
    folder = tmp_path_factory.mktemp("sdks")
    run(ROOT / "local" / "engine", "go", "run", "./sdk", str(SCHEMA), str(folder))
    return folder


@pytest.fixture(autouse=True)
def language_hosts(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine find hosts for the languages, unless it has brought some."""
    if not (cloud.engine.command.parent / "pulumi-language-go").exists():
        write_hosts(tmp_path / "hosts")
        monkeypatch.setenv("PATH", str(tmp_path / "hosts"), prepend=os.pathsep)


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_one_in_typescript_compiles_in_strict_mode_and_previews(example: Example, sdks: Path) -> None:
    program = example("typescript")
    folder = program.stack.project
    (folder / SDK).parent.mkdir()
    (sdks / "nodejs").rename(folder / SDK)

    run(folder, "npm", "ci", "--no-audit", "--no-fund")  # the SDK compiles itself, strictly, when it is installed
    run(folder, "npx", "tsc", "--strict")

    assert '"strict": true' in (folder / SDK / "tsconfig.json").read_text()
    assert "airflow-service create" in program.preview()


def test_the_one_in_go_compiles_passes_vet_and_previews(example: Example, sdks: Path) -> None:
    program = example("go")
    folder = program.stack.project
    (folder / SDK).parent.mkdir()
    (sdks / "go").rename(folder / SDK)

    run(folder, "go", "mod", "tidy")
    run(folder, "go", "vet", "./...", f"{GO_PACKAGE}/...")

    assert "airflow-service create" in program.preview()
