"""Run checkov (https://www.checkov.io) on templates."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from local.environments import venvs
from local.paths import CACHE
from tests.scan.terraform import Template

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


class Finding(NamedTuple):
    """A check that a resource does not pass."""

    check: str
    resource: str


def scan(templates: Mapping[str, Template], folder: Path) -> dict[str, dict[Finding, str]]:
    """Return the findings in each template, each with what the check asks for."""
    for name, template in templates.items():
        (folder / name).mkdir()
        (folder / name / "main.tf.json").write_text(json.dumps({"resource": template}))
    options = ("--framework", "terraform_json", "--skip-download", "--output", "json", "--quiet", "--soft-fail")
    result = subprocess.run(
        [_environment() / "bin" / "checkov", "--directory", folder, *options],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["summary"]["parsing_errors"] == 0, report["results"]["parsing_errors"]
    findings: dict[str, dict[Finding, str]] = {name: {} for name in templates}
    for failed in report["results"]["failed_checks"]:
        name = Path(failed["file_path"]).parent.name
        findings[name][Finding(failed["check_id"], failed["resource"].partition(".")[2])] = failed["check_name"]
    return findings


def types() -> set[str]:
    """Return Terraform's resource types that have a check."""
    listed = [_environment() / "bin" / "checkov", "--list", "--framework", "terraform"]
    table = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    return {line.split("|")[4].strip() for line in table.splitlines() if line.count("|") > 4}


def _environment() -> Path:
    venv = venvs.place(CACHE, "checkov", [REQUIREMENTS], Path(sys.executable))
    made_from = venvs.fingerprint(venv, [REQUIREMENTS], Path(sys.executable))
    if not venvs.complete(venv, made_from):
        uv = Path(sys.prefix, "bin", "uv")
        environment = venvs.uv_environment(Path(sys.executable))

        def fill(python: Path) -> None:
            venvs.run([uv, "venv", "--python", sys.executable, venv], "Making the environment of checkov", environment)
            install = [uv, "pip", "install", "--python", python, "--requirements", REQUIREMENTS]
            venvs.run(install, "Installing checkov", environment)

        venvs.make(venv, made_from, fill)
    return venv
