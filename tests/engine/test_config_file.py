"""Which file commands read a stack's configuration from: the one that Pulumi reads."""

from pathlib import Path

import pytest

from local.dags import configured_folder
from local.errors import LocalCloudError
from operate.acceptance.trial import Trial
from operate.config_file import CONFIG_FILE

NAMES = ["dev", "project/dev", "org/project/dev"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CONFIG_FILE, "")  # what the acceptance sets is gone after the test
    write(tmp_path / "Pulumi.dev.yaml", "dags")
    return tmp_path


def write(file: Path, folder: str) -> None:
    file.write_text(f"config: {{airflow-fargate:dagsPath: {folder}}}\n")


@pytest.mark.parametrize("stack", NAMES)
def test_the_folder_of_dags_is_found_by_every_name_of_a_stack(project: Path, stack: str) -> None:
    assert configured_folder(project, stack) == project / "dags"


def test_it_is_found_in_the_file_that_pulumi_is_told_to_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project / "other.yaml", "other-dags")
    monkeypatch.setenv(CONFIG_FILE, "other.yaml")

    assert configured_folder(project, "dev") == project / "other-dags"


def test_that_of_this_machines_stack_is_the_projects_in_a_shell_with_make_env_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project / "Pulumi.local.yaml", "dags-of-now")
    write(project / "copy.yaml", "dags-of-then")
    monkeypatch.setenv(CONFIG_FILE, "copy.yaml")

    assert configured_folder(project, "local") == project / "dags-of-now"


def test_a_file_without_a_folder_is_named(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("config: {}\n")

    with pytest.raises(LocalCloudError, match=r"^Pulumi\.dev\.yaml names no folder"):
        configured_folder(project, "org/project/dev")


@pytest.mark.parametrize("stack", NAMES)
def test_the_acceptance_begins_with_the_configuration_of_the_stack(project: Path, stack: str) -> None:
    (folder := project / "own").mkdir()

    Trial(stack, folder)

    [file] = folder.iterdir()
    assert file.read_text() == (project / "Pulumi.dev.yaml").read_text()
