"""The unit tests of those who embed the component: with our mocks, with Pulumi's plain ones, with some of their own."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest
from airflow_fargate.task import diagnosis
from airflow_fargate.testing import Mocks, registered
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from .conftest import Deploy, Recorder
from .setups import SETUPS

PAGE = (Path(__file__).parents[2] / "docs" / "embedding.md").read_text()
PROGRAM, TEST, SUBCLASS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


class PlainMocks(pulumi.runtime.Mocks):
    """What Pulumi's documentation shows: a resource has its inputs and a name, and a function answers nothing."""

    def __init__(self) -> None:
        self.registered: list[str] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.registered.append(args.typ)
        return args.name + "_id", cast(dict[Any, Any], args.inputs)

    def call(self, args: MockCallArgs) -> dict[Any, Any]:  # noqa: ARG002 # pyright: ignore[reportIncompatibleMethodOverride] # as it is documented
        return {}


class Silent(Recorder):
    """Mocks that answer all but one function."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self._function = function

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        return {} if args.token.endswith(f":{self._function}") else super().call(args)


@pytest.mark.parametrize("setup", SETUPS)
def test_with_the_mocks_of_pulumi_s_documentation_every_setup_ends_in_one_sentence_before_anything_is_registered(
    setup: str,
) -> None:
    mocks = PlainMocks()

    with pytest.raises(pulumi.RunError) as refused:
        registered(SETUPS[setup], mocks)

    assert str(refused.value) == (
        "The mocks of this test answer aws.get_region with nothing, and AirflowFargate needs what AWS would say. Let "
        "them be a subclass of airflow_fargate.testing.Mocks, and return super()'s answer for what is not yours."
    )
    assert "airflow-fargate:index:AirflowFargate" not in mocks.registered


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("getRegion", "aws.get_region"),
        ("getPartition", "aws.get_partition"),
        ("getCallerIdentity", "aws.get_caller_identity"),
        ("getService", "aws.ecs.get_service"),
        ("getNetworkInterfaces", "aws.ec2.get_network_interfaces"),
        ("getNetworkInterface", "aws.ec2.get_network_interface"),
    ],
)
def test_mocks_that_leave_one_function_out_are_told_which(deploy: Deploy, function: str, name: str) -> None:
    with pytest.raises(pulumi.RunError, match=f"^The mocks of this test answer {re.escape(name)} with nothing"):
        deploy(recorder=Silent(function))


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("getAvailabilityZones", {}),
        ("getSubnet", {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}),
    ],
)
def test_what_the_component_can_do_without_mocks_need_not_answer(
    deploy: Deploy, function: str, args: Mapping[str, Any]
) -> None:
    assert deploy(recorder=Silent(function), **args).outputs["url"] == "http://203.0.113.80:8080"


def test_a_roll_back_that_mocks_play_is_explained_without_asking_aws(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: str) -> list[str]:
        raise AssertionError("a unit test asked AWS")

    monkeypatch.setattr(diagnosis, "_explain", asked)

    with pytest.raises(
        pulumi.RunError, match=r"rolled the service back to \S*:0\..*\nMocks do not know why it stopped"
    ):
        deploy(recorder=Recorder(service_runs=f"arn:aws:ecs:us-east-1:{Mocks.account}:task-definition/airflow:0"))


@pytest.mark.parametrize(("office", "exit_code"), [("203.0.113.7/32", 0), ("198.51.100.0/24", 1)])
def test_the_test_that_the_page_shows_passes_for_its_program_and_for_no_other(
    tmp_path: Path, office: str, exit_code: int
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM.replace("203.0.113.7/32", office))
    (tmp_path / "test_program.py").write_text(TEST)

    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tmp_path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == exit_code, done.stdout
    assert ("AssertionError" in done.stdout) == bool(exit_code)


def test_a_subclass_answers_what_is_the_program_s_own_as_the_page_shows() -> None:
    names: dict[str, Any] = {}
    exec(f"from airflow_fargate.testing import Mocks\n{SUBCLASS}", names)  # noqa: S102 - the page is ours

    def program() -> pulumi.Output[None]:
        vpc, airflow = aws.ec2.get_vpc_output(default=True), SETUPS["nothing-given"]()
        return pulumi.Output.all(vpc.id, airflow.url).apply(seen.append)

    seen: list[list[str]] = []
    registered(program, names["Ours"]())

    assert seen == [["vpc-0123456789abcdef0", "http://203.0.113.80:8080"]]
