"""The stack's configuration: every argument has a key, and what is wrong is refused with the key's name."""

import io
import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from airflow_fargate import AirflowFargateArgs
from airflow_fargate.validation import validate
from pulumi.runtime.config import CONFIG, set_all_config

import configuration
from release.configuration_page import PAGE, page
from tests.paths import ROOT

from .conftest import Recorder

PROJECT = "airflow-fargate"
DECLARED: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


@pytest.fixture(autouse=True)
def own_project() -> None:
    pulumi.runtime.set_mocks(Recorder(), project=PROJECT)


def configure(*, secret: tuple[str, ...] = (), **values: Any) -> None:
    """Set what the engine would: the defaults of Pulumi.yaml under the given values, all of them as text."""
    merged = {key: declared["default"] for key, declared in DECLARED.items()} | values
    text = {f"{PROJECT}:{key}": v if isinstance(v, str) else json.dumps(v) for key, v in merged.items()}
    set_all_config(text, [f"{PROJECT}:{key}" for key in secret])


def answer(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    def urlopen(url: str, **_: object) -> io.BytesIO:
        assert url == "https://checkip.amazonaws.com"
        return io.BytesIO(text)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


def test_every_argument_has_a_key_and_every_key_an_argument() -> None:
    camel_case = {
        "".join(word.title() if place else word for place, word in enumerate(argument.split("_")))
        for argument in AirflowFargateArgs.__annotations__
    }

    assert set(DECLARED) == camel_case


def test_every_key_is_declared_with_type_default_and_description() -> None:
    for key, declared in DECLARED.items():
        assert {"type", "default", "description"} <= set(declared), key
        assert declared["description"].endswith("."), key


def test_the_keys_in_the_readme_have_the_defaults_that_they_have() -> None:
    section = (ROOT / "README.md").read_text().partition("\n### Configuration\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    listed = {key.strip("| `"): default.strip("`") for key, default, *_ in rows}

    assert listed
    assert listed == {
        key: yaml.safe_dump(DECLARED[key]["default"], default_flow_style=True).split("\n")[0].replace("''", '""')
        for key in listed
    }


def test_the_page_of_all_keys_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(), "Run `make configuration`."


def test_every_key_is_in_a_section_of_the_page_once() -> None:
    assert sorted(re.findall(r"^### (\w+)$", page(), re.MULTILINE)) == sorted(DECLARED)


def test_every_page_that_it_names_is_there() -> None:
    named = re.findall(r"^More: \[[^]]+\]\(([^)#]+)", page(), re.MULTILINE)

    assert named
    assert [link for link in named if not (PAGE.parent / link).is_file()] == []


@pytest.mark.parametrize("file", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_every_committed_stack_is_accepted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "my_ip", lambda: "203.0.113.7")
    config: dict[str, Any] = yaml.safe_load(file.read_text())["config"]
    configure(**{key.partition(":")[2]: value for key, value in config.items() if key.startswith(PROJECT)})

    validate("airflow", configuration.read_arguments())


def test_the_defaults_of_the_program_are_those_of_the_component(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "my_ip", lambda: "203.0.113.7")
    configure()

    settings = validate("airflow", configuration.read_arguments())

    assert settings == validate("airflow", {"allowed_cidrs": ["203.0.113.7/32"]})


def test_every_kind_of_value_arrives_as_the_argument_it_is() -> None:
    configure(
        cpu=1024,
        memory=4096,
        spot=True,
        image="puckel/docker-airflow",
        allowedCidrs=["10.0.0.0/24"],
        environment={"A": "1"},
        egressPorts=[22],
        tags={"team": "data"},
    )

    args = configuration.read_arguments()

    assert args == {
        "cpu": 1024,
        "memory": 4096,
        "port": 8080,
        "spot": True,
        "image": "puckel/docker-airflow",
        "cpu_architecture": "X86_64",
        "ephemeral_storage_gib": 20,
        "allowed_cidrs": ["10.0.0.0/24"],
        "environment": {"A": "1"},
        "egress_ports": [22],
        "dags_refresh_seconds": 30,
        "drain_minutes": 0,
        "remote_task_cpu": 512,
        "remote_task_memory": 1024,
        "worker_concurrency": 4,
        "worker_count_max": 0,
        "worker_count_min": 1,
        "worker_cpu": 512,
        "worker_memory": 2048,
        "database_backup_days": 7,
        "database_storage_gib": 20,
        "database_snapshot_seconds": 300,
        "keep_runs_days": 0,
        "log_retention_days": 30,
        "tags": {"team": "data"},
    }


def test_no_allowed_range_is_nobody_and_not_my_ip() -> None:
    configure(allowedCidrs=[])

    assert not {"allowed_cidrs", "environment", "tags"} & configuration.read_arguments().keys(), (
        "what is empty is left out"
    )


def test_secrets_arrive_as_they_are_so_that_they_can_be_refused_before_anything_is_created() -> None:
    configure(
        adminPassword="correct horse battery",
        dagsGitToken="t0ken",
        secrets={"TOKEN": "t"},
        allowedCidrs=[],
        secret=("adminPassword", "dagsGitToken", "secrets"),
    )

    args = configuration.read_arguments()

    assert args.get("admin_password") == "correct horse battery"
    assert args.get("dags_git_token") == "t0ken"
    assert args.get("secrets") == {"TOKEN": "t"}


@pytest.mark.parametrize(("value", "path"), [("my/dags", ROOT / "my" / "dags"), ("/srv/dags", Path("/srv/dags"))])
def test_a_folder_is_relative_to_the_project_wherever_the_program_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = {"dagsPath": "dags_path", "pluginsPath": "plugins_path"}
    files = {"requirementsPath": "requirements_path", "constraintsPath": "constraints_path"}
    given: dict[str, Any] = dict.fromkeys(folders | files, value)
    configure(**given, allowedCidrs=[])

    arguments = configuration.read_arguments()
    assert {arguments.get(argument) for argument in (folders | files).values()} == {str(path)}


def test_constraints_may_be_at_a_url() -> None:
    configure(constraintsPath="https://example.com/constraints.txt", allowedCidrs=[])

    assert configuration.read_arguments().get("constraints_path") == "https://example.com/constraints.txt"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        *(
            (
                {key: {"NAME": "plain"} if key == "secrets" else "plain"},
                (
                    f"{key} is in plain text in the stack's configuration. Set it with: "
                    f"pulumi config set --secret {said}\n"
                ),
            )
            for key, said in (
                ("adminPassword", "adminPassword"),
                ("dagsGitToken", "dagsGitToken"),
                ("databaseUrl", "databaseUrl"),
                ("fernetKey", "fernetKey"),
                ("secrets", "--path secrets.NAME"),
            )
        ),
        (
            {"memroy": 4096},
            "airflow-fargate:memroy is not a key of this program. Did you mean memory? Take it away with",
        ),
        (
            {"zzz": 1},
            "airflow-fargate:zzz is not a key of this program. Take it away with `pulumi config rm",
        ),
        (
            {"environment": {"DEBUG": True}},
            (
                "environment has DEBUG with true, which is not text. Set it with: "
                "pulumi config set --type string --path environment.DEBUG true"
            ),
        ),
        (
            {"tags": {"version": 1.1}},
            "tags has version with 1.1, which is not text. Set it with: pulumi config set --type string --path tags.",
        ),
    ],
)
def test_is_refused_with_the_key_and_the_way_out(values: dict[str, Any], message: str) -> None:
    configure(**values)

    with pytest.raises(pulumi.RunError) as refused:
        configuration.read_arguments()

    assert message in f"{refused.value}\n"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"environment": {"SLACK_TOKEN": "hunter2", "PASSWORD": "hunter2"}},
            (
                "environment has a secret in the stack's configuration, but PASSWORD, SLACK_TOKEN can be read in the "
                "task definition. Move what is secret to secrets: pulumi config set --secret --path secrets.NAME, and "
            ),
        ),
        ({"tags": {"token": "hunter2"}}, "tags is a secret in the stack's configuration, but it is not kept as one. "),
        ({"dagsGitUrl": "https://hunter2.example"}, "Set it without --secret: pulumi config set dagsGitUrl"),
    ],
)
def test_a_secret_in_a_key_that_is_not_kept_secret_is_refused_without_being_shown(
    values: dict[str, Any], message: str
) -> None:
    configure(secret=tuple(values), allowedCidrs=[], **values)

    with pytest.raises(pulumi.RunError) as refused:
        configuration.read_arguments()

    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ['["hunter2"]', '{"A": "hunter2", "B": 1}', "hunter2"])
def test_secrets_that_are_no_names_with_texts_are_refused_without_being_shown(text: str) -> None:
    configure(allowedCidrs=[], secrets=text, secret=("secrets",))

    with pytest.raises(pulumi.RunError) as refused:
        configuration.read_arguments()

    assert "secrets has a value of another type than names with texts. Set each one with: " in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "key", ["pulumi:tags", "aws:region", "aws:memory", "awsx:memory", "random:memory", "another-program:theme"]
)
def test_what_others_read_of_the_configuration_is_left_to_them(key: str) -> None:
    configure(allowedCidrs=[])
    set_all_config({**CONFIG.get(), key: "x"})

    configuration.read_arguments()


@pytest.mark.parametrize("namespace", ["airflow", "airflow-fargte"])
def test_a_key_under_another_projects_name_is_refused_rather_than_ignored(namespace: str) -> None:
    configure(allowedCidrs=[])
    set_all_config({**CONFIG.get(), f"{namespace}:memory": "4096", "aws:region": "us-east-1"})

    with pytest.raises(pulumi.RunError) as refused:
        configuration.read_arguments()

    assert str(refused.value) == (
        f"{namespace}:memory has a key of this program, whose namespace is airflow-fargate, and has no effect. "
        f"Set airflow-fargate:memory, and take this one away with `pulumi config rm {namespace}:memory`."
    )


def test_a_whole_number_where_text_is_wanted_is_taken_as_the_text_that_was_typed() -> None:
    configure(environment={"AIRFLOW__CORE__PARALLELISM": 8}, tags={"cost-centre": 4711}, allowedCidrs=[])

    args = configuration.read_arguments()

    assert args.get("environment") == {"AIRFLOW__CORE__PARALLELISM": "8"}
    assert args.get("tags") == {"cost-centre": "4711"}


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    configure(zzz=1)

    with pytest.raises(pulumi.RunError) as refused:
        configuration.read_arguments()

    assert str(refused.value).endswith(f"The keys are {', '.join(sorted(DECLARED))}.")


@pytest.mark.parametrize(
    ("ci", "cidrs", "warned"),
    [("true", ["my-ip"], True), (None, ["my-ip"], False), ("true", ["10.0.0.0/8"], False)],
    ids=["in CI", "on somebody's machine", "in CI, with a range"],
)
def test_opening_the_port_to_a_runner_of_ci_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, ci: str | None, cidrs: list[str], warned: bool
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    monkeypatch.delenv("CI", raising=False)
    if ci:
        monkeypatch.setenv("CI", ci)
    answer(monkeypatch, b"203.0.113.7")
    configure(allowedCidrs=cidrs)

    configuration.read_arguments()

    assert any("allowedCidrs has my-ip, and this runs in CI" in warning for warning in warnings) == warned


def test_my_ip_becomes_the_address_that_aws_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, b"198.51.100.4\n")
    configure(allowedCidrs=["my-ip", "10.0.0.0/8"])

    assert configuration.read_arguments().get("allowed_cidrs") == ["198.51.100.4/32", "10.0.0.0/8"]


@pytest.mark.parametrize("office", ["198.51.100.4/32", "198.51.100.4"])
def test_my_ip_is_no_second_range_for_whoever_deploys_from_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, office: str
) -> None:
    answer(monkeypatch, b"198.51.100.4\n")
    configure(allowedCidrs=["my-ip", "10.0.0.0/8", office])

    assert configuration.read_arguments().get("allowed_cidrs") == ["10.0.0.0/8", office]


@pytest.mark.parametrize("text", [b"<html>", b"\xff"])
def test_an_address_that_cannot_be_found_names_the_key(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    answer(monkeypatch, text)
    configure()

    with pytest.raises(pulumi.RunError, match=r"allowedCidrs is my-ip, but .* Name it: pulumi config set --path"):
        configuration.read_arguments()


def test_no_network_names_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    configure()

    with pytest.raises(pulumi.RunError, match=r"allowedCidrs is my-ip, but .* \(network is unreachable\)"):
        configuration.read_arguments()
