"""The table of docs/updates.md, row by row: every argument changed on a running Airflow, through the real engine.

A stack holds an Airflow for each of many rows, so that two runs of `pulumi up` are enough for all of them. It does not
hold all: Pulumi's SDK for Python looks at everything that it waits for whenever a part of it is there.
"""

import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from airflow_fargate import AirflowFargateArgs
from airflow_fargate.image import DEFAULT_IMAGE

from local.cloud import Cloud
from local.engine.choose import Engine
from local.paths import ROOT
from local.testing.clouds import temporary_cloud
from local.testing.deployed import NETWORK, Deployed, stand_in_image
from local.testing.workspace import Workspace
from local.warm import WarmPython
from tests.engine.conftest import CLOCK_RATE
from tests.indexes import Index

PROGRAM = f"""{NETWORK}
import json
from pathlib import Path

import pulumi
from airflow_fargate import AirflowFargate

vpcs = {{f"vpc-{{name}}": network(name) for name in ("first", "second")}}

for name, args in json.loads(Path("airflows.json").read_text()).items():
    if "vpc_id" in args:
        vpc = vpcs[args["vpc_id"]]
        numbers = [int(subnet.rpartition("-")[2]) for subnet in args.get("subnet_ids", ["0", "1"])]
        args["vpc_id"] = vpc.vpc_id
        args["subnet_ids"] = [vpc.public_subnet_ids[number] for number in numbers]
    airflow = AirflowFargate(name, args)
    pulumi.export(name, {{"cluster": airflow.cluster_arn, "url": airflow.url}})
"""

COMMON: dict[str, Any] = {"vpc_id": "vpc-first", "allowed_cidrs": ["127.0.0.0/24"]}
GIT: dict[str, Any] = {"dags_git_url": "https://example.com/dags.git"}
RDS: dict[str, Any] = {"database": "postgres"}
REMOTE: dict[str, Any] = {"executors": ["LocalExecutor", "AwsEcsExecutor"]}
WORKERS: dict[str, Any] = {
    "executors": ["CeleryExecutor"],
    "database_url": "postgresql://airflow:word@db.example.com/airflow",
    "egress_ports": [5432],
}
FERNET_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
BESIDE = {
    "database_backup_days": RDS,
    "database_instance_class": RDS,
    "database_multi_az": RDS,
    "database_storage_gib": RDS,
    "database_url": {"egress_ports": [5432]},
    "database_version": RDS,
    "image_entrypoint": {"command": ["airflow", "standalone"]},
    "dags_refresh_seconds": GIT,
    "dags_git_ref": GIT,
    "dags_git_subdir": GIT,
    "dags_git_token": GIT,
    "dags_git_username": {**GIT, "dags_git_token": "a-token"},
    "remote_task_cpu": REMOTE,
    "remote_task_memory": REMOTE,
    "remote_task_secrets": {**REMOTE, "secrets": {"TOKEN": "a-token"}},
    "remote_task_spot": REMOTE,
    **dict.fromkeys(("worker_concurrency", "worker_count_min", "worker_cpu", "worker_memory", "worker_spot"), WORKERS),
    "worker_count_max": {**WORKERS, "worker_count_min": 0},
    "restore_from": {"fernet_key": FERNET_KEY},
    "constraints_path": {"requirements_path": "constrained.txt"},
}
"""Arguments without which another means nothing."""

FILES = {
    "words.txt": "words",
    "words-and-more.txt": "words\nmore",
    "constrained.txt": "words",
    "constraints.txt": "words==1.0",
    "other-constraints.txt": "words==2.0",
}

FOLDERS = {
    "dags": {"hello.py": "# hello"},
    "dags-with-a-changed-file": {"hello.py": "# hello again"},
    "dags-with-one-more-file": {"hello.py": "# hello", "more.py": "# more"},
    "plugins": {"words.py": "# words"},
    "plugins-with-a-changed-file": {"words.py": "# more words"},
}

STACKS = 4

VERBS = {"create", "update", "replace", "delete"}
"""The engine's operations, without the parts of a replacement."""

Step = tuple[str, str]
"""The verb, and the resource's name without the component's in front of it."""

UNKNOWN: dict[str, set[Step]] = {"database_version": {("replace", "task-definition"), ("update", "service")}}
"""What only the preview shows: the stand-ins know no output of an update, such as the instance's address, before it."""


class Row(NamedTuple):
    """A row of the table, and the name of the Airflow that stands for it."""

    argument: str
    before: dict[str, Any]
    after: dict[str, Any]
    steps: tuple[Step, ...]
    task: str
    airflow: str

    @classmethod
    def parse(cls, number: int, line: str) -> "Row":
        argument, change, resources, task = (cell.strip("| ") for cell in line.split(" | "))
        argument = argument.strip("`")
        before, after = (_given(argument, side) for side in change.split(" → "))
        steps = [(words.split()[0], name) for words in resources.split(";") for name in re.findall("`(.+?)`", words)]
        return cls(argument, before, after, tuple(steps), task, f"{argument.replace('_', '-')}-{number}")

    @property
    def can_run(self) -> bool:
        """The health check of the legacy image looks for a file that only the image has.

        Here is no other version of PostgreSQL.
        """
        return self.argument not in ("legacy_image", "database_version")


def _given(argument: str, side: str) -> dict[str, Any]:
    beside = {key: value for key, value in COMMON.items() if key != argument} | BESIDE.get(argument, {})
    if side == "nothing":
        return beside
    value = yaml.safe_load(side.strip("`"))
    # A value of its own, or several arguments that change at once.
    return {**beside, **(value if isinstance(value, dict) and argument in value else {argument: value})}


ROWS = [
    Row.parse(number, line)
    for number, line in enumerate((ROOT / "docs" / "updates.md").read_text().splitlines(), start=1)
    if line.startswith("| `")
]


@dataclass(frozen=True)
class Running:
    """An Airflow at one time: its task and its URL."""

    task_arn: str
    url: str


class Airflows(Deployed):
    """The stack with an Airflow for each row."""

    def place(self, args: dict[str, dict[str, Any]]) -> None:
        """Give the program its Airflows, by name, with the arguments of each."""
        (self.workspace.stack.project / "airflows.json").write_text(json.dumps(args))

    def running(self) -> dict[str, Running]:
        ecs, found = self.client("ecs"), dict[str, Running]()
        for name, output in self.workspace.outputs().items():
            [arn] = ecs.list_tasks(cluster=output["cluster"])["taskArns"]
            found[name] = Running(arn, output["url"])
        return found


@dataclass(frozen=True)
class Update:
    """The effect of one `pulumi up` on every Airflow."""

    steps: dict[str, set[Step]]
    before: dict[str, Running]
    after: dict[str, Running]


@pytest.fixture(scope="module")
def index() -> Generator[Index]:
    index = Index()
    for name, version in (("apache_airflow", "3.3.2"), ("words", "1.0"), ("words", "2.0"), ("more", "1.0")):
        index.add(name, version)
    yield index
    index.close()


@pytest.fixture(scope="module")
def update(pulumi_engine: Engine, warm: WarmPython, index: Index, tmp_path_factory: pytest.TempPathFactory) -> Update:
    image = stand_in_image(tmp_path_factory.mktemp("image"))
    images, engine = {DEFAULT_IMAGE: image, "apache/airflow:3.3.1": image}, warm.engine(pulumi_engine)
    update = Update({}, {}, {})
    for number in range(STACKS):
        folder = tmp_path_factory.mktemp("updates")
        # A cloud for each, which ends without `pulumi destroy`.
        with temporary_cloud(folder / "cloud", engine, images, python=warm.executable, clock_rate=CLOCK_RATE) as cloud:
            _update(cloud, index, folder, ROWS[number::STACKS], update)
    return update


def _update(cloud: Cloud, index: Index, folder: Path, rows: list[Row], into: Update) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name, files in FOLDERS.items():
        (folder / name).mkdir()
        for file, text in files.items():
            (folder / name / file).write_text(text)
    stack = Airflows(cloud, Workspace.make(cloud, folder, PROGRAM, {}))
    with pytest.MonkeyPatch.context() as environment:
        # With hundreds of resources, writing the state after each would take longer than all else.
        environment.setenv("PULUMI_EXPERIMENTAL", "true")
        environment.setenv("PULUMI_SKIP_CHECKPOINTS", "true")
        environment.setenv("UV_DEFAULT_INDEX", index.url)
        environment.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        stack.place({row.airflow: row.before for row in rows})
        stack.workspace.up()
        into.before.update(stack.running())
        stack.place({row.airflow: row.after if row.can_run else row.before for row in rows})
        up = stack.workspace.up("--json")
    into.after.update(stack.running())
    stack.place({row.airflow: row.after for row in rows if not row.can_run})
    preview = stack.workspace.preview("--json")

    events: list[dict[str, Any]] = [json.loads(line) for line in up.splitlines() if line.startswith("{")]
    steps = [event["resourcePreEvent"]["metadata"] for event in events if "resourcePreEvent" in event]
    plan = json.loads(preview[preview.index("{") :])["steps"]
    for row in rows:
        into.steps[row.airflow] = _steps(row.airflow, steps if row.can_run else plan) - UNKNOWN.get(row.argument, set())


def _steps(airflow: str, steps: list[dict[str, Any]]) -> set[Step]:
    named = [(step["op"], step["urn"].rpartition("::")[2]) for step in steps if step["op"] in VERBS]
    return {(verb, name.removeprefix(f"{airflow}-")) for verb, name in named if name.startswith(f"{airflow}-")}


def test_the_table_has_every_argument_and_nothing_else() -> None:
    assert {row.argument for row in ROWS} == set(AirflowFargateArgs.__annotations__)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.airflow)
def test_exactly_the_named_resources_change_in_the_named_way(update: Update, row: Row) -> None:
    done = update.steps[row.airflow]

    assert {step for step in done if not any(_covers(named, step) for named in row.steps)} == set()
    assert {named for named in row.steps if not any(_covers(named, step) for step in done)} == set()


@pytest.mark.parametrize("row", [row for row in ROWS if row.can_run], ids=lambda row: row.airflow)
def test_the_task_is_the_same_or_another_as_the_table_says(update: Update, row: Row) -> None:
    before, after = update.before[row.airflow], update.after[row.airflow]

    assert row.task in ("kept", "new")
    assert (before.task_arn == after.task_arn) == (row.task == "kept")
    if row.task == "kept":
        assert before.url == after.url


def _covers(named: Step, step: Step) -> bool:
    return named[0] == step[0] and fnmatchcase(step[1], named[1])
