"""No secret in plain text where a person or a log could see it: one stack, and everything that is left of its runs.

The repository's own program, with a generated login and keys and with secrets of the user's own in its configuration,
is previewed, deployed, broken and refused. What every command printed, every file, every answer of AWS and every
process of the run is then searched for the values. (The real Airflow's log and processes: tests/container.)
"""

import base64
import json
import stat
import subprocess
import threading
import urllib.parse
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from local.cloud import Cloud
from local.testing.deployed import Deployed
from local.testing.program import copy_program
from local.testing.workspace import Workspace

CONFIGURATION = {"allowedCidrs": ["127.0.0.0/8"], "dagsGitUrl": "https://example.com/team/dags.git"}
OWN = {"secrets.TOKEN": f"a token of one's own {uuid.uuid4()}", "dagsGitToken": f"for-the-repository-{uuid.uuid4()}"}
CHANGED = {key: f"another-{value}" for key, value in OWN.items()}
REFUSED = {
    "admin_password: has 9 characters; use 12 or more": {"adminPassword": uuid.uuid4().hex[:9]},
    "configuration key 'secrets' must be of type": {"secrets": f"no names with values but {uuid.uuid4()}"},
}
"""By words of the refusal."""
GENERATED = ("ADMIN_PASSWORD", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__CORE__FERNET_KEY")


@dataclass
class Processes:
    """Every process seen: the values of its environment by its command line."""

    file_systems: Path
    """In which each container has its own."""
    ours: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    in_containers: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    @contextmanager
    def watched(self) -> Generator[None]:
        """Look at every process that descends from this one, twice a second."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.5):
                self._look()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def _look(self) -> None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error, OSError):
                command, environment = " ".join(process.cmdline()), process.environ()
                home = Path(environment.get("AIRFLOW_HOME", ""))
                seen = self.in_containers if home.is_relative_to(self.file_systems) else self.ours
                seen[command] = f"{seen.get(command, '')} {' '.join(environment.values())}"


@dataclass
class Run:
    """The secret values by name, and what can be seen of the runs that they went through."""

    stack: Deployed
    folders: list[Path]
    processes: Processes
    printed: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    values: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    def configure(self, secrets: dict[str, str], **plain: Any) -> None:
        """Write the stack's configuration: secrets as `pulumi config set --secret` encrypts them from its input."""
        stack = self.stack.workspace.stack
        file = stack.project / f"Pulumi.{stack.name}.yaml"
        config: dict[str, Any] = yaml.safe_load(file.read_text())["config"]
        config = {key: value for key, value in config.items() if key.startswith("aws:")}
        config |= {f"airflow-fargate:{key}": value for key, value in {**CONFIGURATION, **plain}.items()}
        file.write_text(yaml.safe_dump({"config": config}))
        stack.prepare()
        for key, value in secrets.items():
            subprocess.run(
                [stack.cloud.engine.command, "config", "set", "--secret", "--path", f"airflow-fargate:{key}"],
                cwd=stack.project,
                env=stack.cloud.environment(stack.name),
                input=value,
                text=True,
                check=True,
                capture_output=True,
            )
        encrypted = yaml.safe_load((stack.cloud.home.stack / file.name).read_text())
        file.write_text(yaml.safe_dump({"config": encrypted["config"]}))
        self.values |= {f"{key} = {value[:8]}…": value for key, value in secrets.items()}

    def pulumi(self, title: str, *arguments: str) -> None:
        result = self.stack.workspace.stack.pulumi(*arguments, check=False)
        self.printed[title] = f"{result.stdout}{result.stderr}"

    def found_in(self, text: str) -> list[str]:
        """Return the names of the values that are in a text, as they are or in a usual encoding."""
        return [name for name, value in self.values.items() if any(form in text for form in forms(value))]


def forms(value: str) -> set[str]:
    """Return a value as it is, and as JSON, URLs and base64 have it."""
    encoded = value.encode()
    return {
        value,
        json.dumps(value)[1:-1],
        urllib.parse.quote(value, safe=""),
        base64.b64encode(encoded).decode().rstrip("="),
        base64.urlsafe_b64encode(encoded).decode().rstrip("="),
    }


@pytest.fixture(scope="module")
def cloud(cold_cloud: Cloud) -> Cloud:
    return cold_cloud


@pytest.fixture(scope="module")
def run(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Generator[Run]:
    project, temporary = tmp_path_factory.mktemp("secrets"), tmp_path_factory.mktemp("tmp")
    copy_program(project)
    stack = Deployed(cloud, Workspace.of(cloud, project, {}))
    run = Run(stack, [project, temporary, cloud.home.path], Processes(cloud.home.data))
    with pytest.MonkeyPatch.context() as environment, run.processes.watched():
        environment.setenv("TMPDIR", str(temporary))
        run.configure(OWN)
        run.pulumi("a preview before anything exists", "preview", "--diff")
        run.pulumi("an up", "up", "--yes", "--skip-preview", "--diff")
        ssm = stack.client("ssm")
        for parameter in ssm.describe_parameters()["Parameters"]:
            value = ssm.get_parameter(Name=parameter["Name"], WithDecryption=True)["Parameter"]["Value"]
            variable = parameter["Description"].rpartition(" ")[2]
            if variable in GENERATED:
                run.values[variable] = value
        run.pulumi("the state", "stack", "export")
        run.pulumi("the outputs", "stack", "output")
        run.pulumi("the configuration", "config")
        run.configure(CHANGED)
        run.pulumi("a preview of other secrets", "preview", "--diff")
        run.pulumi("a preview of other secrets, as JSON", "preview", "--json")
        run.configure(CHANGED, command=["bash", "-c", "echo no such table; exit 3"])
        run.pulumi("an up that fails, as JSON", "up", "--yes", "--skip-preview", "--json")
        for words, secrets in REFUSED.items():
            run.configure(secrets)
            run.pulumi(words, "preview")
        run.pulumi("the state at the end", "stack", "export")
    yield run
    stack.workspace.destroy()


def test_the_runs_went_as_they_should_and_every_secret_was_in_them(run: Run) -> None:
    assert " created" in run.printed["an up"]
    assert "url" in run.printed["the outputs"]
    assert "exit code 3" in run.printed["an up that fails, as JSON"]
    assert [words for words in REFUSED if words not in run.printed[words]] == []
    assert set(GENERATED) < set(run.values)
    assert min(map(len, run.values.values())) >= 9
    assert [words for words in REFUSED if "Traceback" in run.printed[words]] == []
    deployed = [*GENERATED, *(name for name, value in run.values.items() if value in OWN.values())]
    given = run.found_in(" ".join(run.processes.in_containers.values()))
    assert [name for name in deployed if name not in given] == []


def test_no_command_has_printed_a_secret(run: Run) -> None:
    assert {title: run.found_in(text) for title, text in run.printed.items()} == {title: [] for title in run.printed}


def test_no_file_has_a_secret_and_nobody_else_can_read_the_passphrase(run: Run) -> None:
    files = [file for folder in run.folders for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    assert len(files) > 20

    found = {str(file): run.found_in(file.read_bytes().decode(errors="replace")) for file in files}
    assert {file: names for file, names in found.items() if names} == {}
    assert stat.S_IMODE(run.stack.cloud.home.passphrase.stat().st_mode) == 0o600


def test_no_answer_of_aws_and_no_line_of_the_log_has_a_secret(run: Run) -> None:
    ecs, logs, outputs = run.stack.client("ecs"), run.stack.client("logs"), run.stack.workspace.outputs()
    cluster = outputs["cluster_arn"]
    revisions = ecs.list_task_definitions(sort="DESC")["taskDefinitionArns"]
    tasks = [arn for status in ("RUNNING", "STOPPED") for arn in _tasks(ecs, cluster, status)]
    lines = logs.filter_log_events(logGroupName=outputs["log_group_name"])["events"]
    answers = {
        "task definitions": [ecs.describe_task_definition(taskDefinition=arn) for arn in revisions],
        "service": run.stack.service,
        "tasks": ecs.describe_tasks(cluster=cluster, tasks=tasks),
        "parameters": run.stack.client("ssm").describe_parameters(),
        "log": lines,
    }

    assert revisions
    assert tasks
    assert lines
    assert {name: run.found_in(json.dumps(answer, default=str)) for name, answer in answers.items()} == {
        name: [] for name in answers
    }


def test_no_command_line_has_a_secret_and_no_environment_but_the_containers_and_the_programs(run: Run) -> None:
    ours, commands = run.processes.ours, [*run.processes.ours, *run.processes.in_containers]
    assert {command: run.found_in(command) for command in commands if run.found_in(command)} == {}

    # Pulumi's own host, too, hands the configuration to the program in its environment, which only its user can read.
    holders = [command for command, environment in ours.items() if run.found_in(environment)]
    assert holders
    assert [command for command in holders if "pulumi-language-python-exec" not in command] == []


def _tasks(ecs: Any, cluster: str, status: str) -> list[str]:
    return ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
