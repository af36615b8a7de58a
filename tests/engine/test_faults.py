"""AWS refuses or throttles every call of an `up`: each is tried again, or ends it with an error and nothing orphaned.

The emulator fails each call once (local/emulator/api/faults.py); calls of resources that do not wait for each other
fail in the same run. So that dozens of failing runs take a second each, the program runs in this process, and the
engine attaches to provider stand-ins that are started once.
"""

import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from airflow_fargate import OUTPUTS, AirflowFargate
from pulumi import automation, export

from local.cloud import Cloud
from local.paths import ROOT
from local.plugins import PROVIDERS
from local.providers.aws.provider import SERVICES
from local.testing.deployed import ARGS
from local.testing.faults import Faults
from local.testing.workspace import Workspace

MANY = 100
"""More runs than the longest chain of calls that wait for each other needs."""

REFUSED = re.compile(r"is not authorized to perform: |operation error Head\w+, .* api error 403: Forbidden")
"""The message of a refused call; the answer to a HEAD request has no text."""

LOOKUP = "invoke of aws:"

OURS = set(SERVICES) - {"application-autoscaling", "elasticache", "rds", "servicediscovery"}
"""The services of what the component makes; the stand-ins know more."""


class Stack:
    """The component with a DAG folder, in a stack of its own; its program runs in this process."""

    def __init__(self, cloud: Cloud, folder: Path, environment: dict[str, str]) -> None:
        (folder / "dags").mkdir()
        (folder / "dags" / "one.py").touch()
        self._cloud = cloud
        self._before = cloud.left_behind()
        self._workspace = Workspace.make(cloud, folder, "", {})
        self._workspace.stack.prepare()
        self._stack = automation.Stack.select(
            self._workspace.stack.name,
            automation.LocalWorkspace(
                work_dir=str(folder),
                program=lambda: _program(folder / "dags"),
                env_vars={**cloud.environment(self._workspace.stack.name), **environment},
                pulumi_command=automation.PulumiCommand(root=str(cloud.engine.command.parent.parent)),
            ),
        )

    def up(self, *, refresh: bool = False) -> str | None:
        """Return what a failed `pulumi up` printed; None when it succeeded."""
        return self._printed_by_failed(self._stack.up, refresh=refresh)

    def destroy(self) -> str | None:
        """Return what a failed `pulumi destroy` printed; None when it succeeded."""
        return self._printed_by_failed(self._stack.destroy)

    def orphans(self) -> set[str]:
        """Return what is there, and in no resource of the state: left alone what AWS makes with a VPC or a task."""
        resources: list[dict[str, Any]] = self._workspace.export().get("resources", [])
        known = {value for each in resources for value in _names(each) if value}
        there = {name.removesuffix(":*") for name in self.new() - self._made_by_aws()}
        return {name for name in there if not any(name.endswith(value) for value in known)}

    def new(self) -> set[str]:
        """Return what is there now and was not before."""
        return self._cloud.left_behind() - self._before

    def _made_by_aws(self) -> set[str]:
        ec2 = self._cloud.client("ec2")
        main = [{"Name": "association.main", "Values": ["true"]}]
        default = [{"Name": "group-name", "Values": ["default"]}]
        return {
            *(table["RouteTableId"] for table in ec2.describe_route_tables(Filters=main)["RouteTables"]),
            *(group["GroupId"] for group in ec2.describe_security_groups(Filters=default)["SecurityGroups"]),
            *(each["NetworkInterfaceId"] for each in ec2.describe_network_interfaces()["NetworkInterfaces"]),
        }

    @staticmethod
    def _printed_by_failed(command: Any, **options: Any) -> str | None:
        printed: list[str] = []
        try:
            command(on_output=printed.append, on_error=printed.append, **options)
        except automation.CommandError:
            return "\n".join(printed)
        return None


def _names(resource: dict[str, Any]) -> tuple[str | None, str | None]:
    return resource.get("id"), resource.get("outputs", {}).get("arn")


def _program(dags: Path) -> None:
    airflow = AirflowFargate("airflow", {**ARGS, "dags_path": str(dags)})  # pyright: ignore[reportArgumentType] # ARGS is of any type
    for output in OUTPUTS:
        export(output, getattr(airflow, output))


@pytest.fixture(scope="module")
def providers() -> Generator[dict[str, str]]:
    """Return the variable that has the engine attach to stand-ins, which outlive its runs."""
    started = {
        name: Popen([sys.executable, "-m", f"local.providers.{name}", "127.0.0.1:0"], cwd=ROOT, stdout=PIPE, text=True)
        for name in PROVIDERS
    }
    ports = {name: process.stdout.readline().strip() for name, process in started.items() if process.stdout}
    yield {"PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in ports.items())}
    for process in started.values():
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def faults(cloud: Cloud) -> Generator[Faults]:
    switch = Faults(cloud.emulator.endpoint)
    yield switch
    switch.forget()


@pytest.fixture
def stack(cloud: Cloud, tmp_path: Path, providers: dict[str, str], faults: Faults) -> Generator[Stack]:
    made = Stack(cloud, tmp_path, providers)
    yield made
    faults.forget()
    assert made.destroy() is None


def _named_errors(text: str) -> Iterator[tuple[str, str]]:
    """Of Pulumi's diagnostics: the resource, and what is said of it."""
    _, _, diagnostics = text.partition("\nDiagnostics:\n")
    yield from re.findall(r"^  (\S+ \(\S+\)):\n(.*?)(?=^  \S|^\S|\Z)", diagnostics, re.MULTILINE | re.DOTALL)


def test_every_call_that_is_refused_ends_the_run_with_its_name_and_orphans_nothing(
    stack: Stack, faults: Faults
) -> None:
    runs: list[list[str]] = []
    for run in range(MANY):
        faults.fail_each_call_once("refused")
        text = stack.up(refresh=True)
        faults.pause()
        failed = faults.failed[sum(map(len, runs)) :]
        print(f"run {run}: {', '.join(failed) or 'completed'}")
        runs.append(failed)
        assert stack.orphans() == set()
        if text is None:
            break
        named = {resource: words for resource, words in _named_errors(text) if REFUSED.search(words)}
        assert named, text
        for resource, words in named.items():
            about_one = "airflow" in resource or LOOKUP in words or "Why it stopped could not be read" in words
            assert about_one, f"{resource}: {words}"
            # For a failed invoke, the SDK of Python prints one.
            assert "Traceback" not in words or LOOKUP in words, words
    else:
        pytest.fail(f"no run completed within {MANY}: {runs}")

    assert {call.partition(":")[0] for run in runs for call in run} == OURS
    assert stack.up() is None
    assert stack.destroy() is None
    assert stack.new() == set()


def test_every_call_that_is_throttled_is_tried_again(stack: Stack, faults: Faults) -> None:
    faults.fail_each_call_once("throttled")
    assert stack.up() is None
    assert {call.partition(":")[0] for call in faults.failed} == OURS

    assert stack.destroy() is None
    faults.pause()
    assert stack.new() == set()
