"""How large task definitions get: what is computed before anything is created, and what ECS is sent in the end."""

import json
import re
from typing import Any

import pulumi
import pytest
from airflow_fargate import AirflowFargate, AirflowFargateArgs
from airflow_fargate.document import MAX_CHARACTERS
from airflow_fargate.scope import MAX_NAME_LENGTH
from airflow_fargate.size import Size, refuse_large
from airflow_fargate.validation import validate

from .conftest import Recorder, Registered, build_component
from .setups import DAGS

LIMIT = 64 * 1024
TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition"

GIT = "https://git.example.com/team/dags.git"
ALL = ["LocalExecutor", "AwsEcsExecutor", "CeleryExecutor"]
POSTGRES = {"database": "postgres"}
EVERYTHING: dict[str, Any] = {
    "image": f"123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/{'i' * 200}:1",
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": [f"subnet-0123456789abcdef{number:x}" for number in range(16)],
    "allowed_cidrs": ["203.0.113.7/32"],
    "egress_ports": [3128],
    "dags_path": str(DAGS),
    "plugins_path": str(DAGS),
    "dags_git_url": GIT,
    "dags_git_ref": "release/2026",
    "dags_git_subdir": "airflow/dags",
    "load_examples": True,
    "users": {"ada": "op", "grace": "viewer"},
    "environment": {"https_proxy": "http://proxy.example.com:3128", "AIRFLOW__API__BASE_URL": "https://a.example/x"},
    "secrets": {"TOKEN": "t"},
    "connections": {"aws_default": "aws://"},
    "secrets_backend_prefix": "/team/airflow",
    "keep_runs_days": 30,
    "retain_data": True,
    "drain_minutes": 5,
    "enable_exec": True,
    "spot": True,
    "tags": {"team": "data"},
}
REMOTE = {"remote_task_spot": True, "remote_task_secrets": ["TOKEN"]}
WORKERS = {"executors": ALL, "worker_count_max": 100, "worker_spot": True}
MANY = {
    "environment": {**EVERYTHING["environment"], **{f"VARIABLE_{number}": "x" * 100 for number in range(30)}},
    "pip_requirements": [f"package-{number}==1.0.{number}" for number in range(100)],
    "users": {f"person-{number}": "viewer" for number in range(60)},
    "tags": {f"tag-{number}": "value" for number in range(40)},
}
WITHOUT_COMMAND = ("plugins_path", "keep_runs_days", "retain_data", "drain_minutes")
SECRETS = {"secrets": {"TOKEN": "t", **{f"SECRET_{number:0>30}": "s" for number in range(30)}}}

LARGEST: dict[str, dict[str, Any]] = {
    "tasks beside the scheduler": EVERYTHING,
    "tasks of their own": {**EVERYTHING, **REMOTE, "executors": ALL[:2]},
    "a private repository": {**EVERYTHING, **REMOTE, "executors": ALL[:2], "dags_git_token": "t"},
    "a restored database": {
        **EVERYTHING,
        **REMOTE,
        "executors": ALL[:2],
        "restore_from": "b" * 63,
        "secrets_backend_prefix": "",
        "fernet_key": f"{'k' * 43}=",
    },
    "three executors": {**EVERYTHING, **POSTGRES, **REMOTE, **WORKERS},
    "three executors and a database of one's own": {
        **EVERYTHING,
        **REMOTE,
        **WORKERS,
        "retain_data": False,
        "database_url": "postgresql://airflow:w0rd@db.example.com:5432/airflow",
        "egress_ports": [3128, 5432],
    },
    "three executors and much of one's own": {**EVERYTHING, **POSTGRES, **REMOTE, **WORKERS, **MANY},
    "three executors and many secrets": {**EVERYTHING, **POSTGRES, **REMOTE, **WORKERS, **SECRETS},
    "an auth manager of one's own": {
        **{name: value for name, value in EVERYTHING.items() if name not in ("users", "drain_minutes")},
        **REMOTE,
        "executors": ALL[:2],
        "environment": {"AIRFLOW__CORE__AUTH_MANAGER": "acme.AuthManager"},
    },
    "a command of one's own": {
        **{name: value for name, value in EVERYTHING.items() if name not in WITHOUT_COMMAND},
        "database_url": "postgresql://airflow:w0rd@db.example.com:5432/airflow",
        "egress_ports": [3128, 5432],
        "command": ["bash", "-c", "airflow standalone"],
    },
    "many secrets of a command of one's own": {"command": ["bash", "-c", "airflow standalone"], **SECRETS},
    "a command behind an entrypoint": {
        "image": "ghcr.io/acme/airflow:1",
        "image_entrypoint": ["/usr/bin/tini", "--"],
        "command": ["airflow", "standalone"],
    },
    "nothing given": {},
}


def name_for(args: dict[str, Any]) -> str:
    """Return one that is as long as it may be."""
    return "a" * (25 if "CeleryExecutor" in args.get("executors", ()) else 34)


def deployed(args: dict[str, Any]) -> Registered:
    """Build it where names are longest."""
    recorder = Recorder()
    recorder.partition, recorder.region = "aws-us-gov", "us-gov-west-1"
    return build_component(lambda: AirflowFargate(name_for(args), AirflowFargateArgs(**args)), recorder=recorder)


def registered_bytes(args: dict[str, Any]) -> list[int]:
    """Return the size of each task definition, of ECS's request as a whole."""
    return [
        len(json.dumps({**inputs, "containerDefinitions": json.loads(inputs["containerDefinitions"])}))
        for inputs in deployed(args).inputs_of_all(TASK_DEFINITION)
    ]


@pytest.mark.parametrize("setup", LARGEST)
def test_what_is_computed_is_what_ecs_is_sent_with_little_room(setup: str) -> None:
    args = LARGEST[setup]

    computed = validate(name_for(args), AirflowFargateArgs(**args)).size.bytes

    largest = max(registered_bytes(args))
    assert largest <= computed <= largest + 5 * 1024, f"{setup}: {largest} bytes, computed as {computed}"


def test_no_setup_is_too_large_that_nobody_could_shorten() -> None:
    sizes = {setup: validate(name_for(args), AirflowFargateArgs(**args)).size for setup, args in LARGEST.items()}

    largest = max(size.own for size in sizes.values())
    assert largest < LIMIT - 9 * 1024, f"{largest} bytes of 64 KiB leave too little for what is the caller's"


def test_the_longest_policy_of_the_components_own_leaves_the_callers_its_room() -> None:
    args = {**LARGEST["a restored database"], "secrets_backend_prefix": f"/{'p' * 199}"}

    own: str = deployed(args).inputs("aws:iam/rolePolicy:RolePolicy", f"{name_for(args)}-task-policy")["policy"]

    assert len(re.sub(r"\s", "", own)) + MAX_CHARACTERS < 10_240


def test_what_is_the_callers_may_take_all_that_the_component_leaves_and_the_largest_is_named() -> None:
    def refused(**given: int) -> list[str]:
        return [refusal.argument for refusal in refuse_large(Size(given, LIMIT - 1000))]

    assert refused(command=400, environment=600) == []
    assert refused(command=400, environment=601) == ["environment"]
    assert refused(command=601, environment=400) == ["command"]


def test_what_is_counted_of_a_secret_is_no_less_than_what_ecs_is_sent() -> None:
    recorder = Recorder()
    recorder.partition, recorder.region = "aws-us-gov", "us-gov-west-1"
    names: dict[str, pulumi.Input[str]] = {f"{number:S>100}": "secret" for number in range(4)}
    longest = "a" * MAX_NAME_LENGTH

    deployment = build_component(lambda: AirflowFargate(longest, {"secrets": names}), recorder=recorder)

    [definition] = json.loads(deployment.inputs(TASK_DEFINITION)["containerDefinitions"])
    secrets = [secret for secret in definition["secrets"] if secret["name"] in names]
    labels = {key: value for key, value in definition["dockerLabels"].items() if key.rpartition(".")[2] in names}
    assert (len(secrets), len(labels)) == (4, 4)
    counted = 4 * (3 * 100 + 190)
    assert counted * 0.9 < len(json.dumps(secrets)) + len(json.dumps(labels)) <= counted
