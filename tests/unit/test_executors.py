"""The executors in the container, with stand-ins for Airflow's own, and what parsing a DAG refuses of a task's size."""

import base64
import functools
import importlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from multiprocessing import SimpleQueue
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pulumi
import pytest
from airflow_fargate import AirflowFargateArgs
from airflow_fargate.executor.choice import configured_executors, modules
from airflow_fargate.executor.settings import ExecutorSettings
from airflow_fargate.task import supervisor
from airflow_fargate.validation import validate
from botocore.session import Session

from .conftest import Deploy, Registered
from .packing import unpacked
from .stand_in import give_airflow

CONTAINER = "airflow_fargate.executor.container"
BOTH = ["LocalExecutor", "AwsEcsExecutor"]


class ViolationError(Exception):
    pass


class Tokens:
    """Airflow's generator of tokens, of which each says how long it is good for."""

    valid_for = 600.0

    def generate(self, extras: Mapping[str, str], valid_for: float | None = None) -> str:
        return f"{extras['sub']} {valid_for or self.valid_for:.0f}"


class LocalExecutor:
    """Airflow's own, which hands over as many workloads as slots are free, by what it takes for running."""

    parallelism = 32

    def __init__(self) -> None:
        self.queued: list[Any] = []
        self.running: set[str] = set()
        self.activity_queue: SimpleQueue[Any] = SimpleQueue()
        self.left: bool | None = None

    @functools.cached_property
    def jwt_generator(self) -> Any:
        return Tokens()

    @property
    def slots_available(self) -> int:
        return self.parallelism - len(self.running) - len(self.queued)

    @property
    def slots_occupied(self) -> int:
        return len(self.running) + len(self.queued)

    def heartbeat(self) -> None:
        self.trigger_tasks(self.parallelism - len(self.running))

    def trigger_tasks(self, open_slots: int) -> None:
        self._process_workloads(self.queued[:open_slots])

    def _process_workloads(self, workload_list: list[Any]) -> None:
        self.queued = self.queued[len(workload_list) :]

    def end(self) -> None:
        self.left = not self.activity_queue.empty()


class Tasks:
    """The provider's collection of what runs."""

    def __init__(self) -> None:
        self.tasks: dict[str, Any] = {}
        self.failures: dict[str, int] = {}

    def task_by_key(self, key: str) -> Any:
        return self.tasks[key]

    def failure_count_by_key(self, key: str) -> int:
        return self.failures[key]


class EcsExecutor:
    """The provider's executor, as far as ours uses it."""

    max_run_task_attempts = "5"
    asked: ClassVar[list[Any]] = []

    def _run_task_kwargs(self, *asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return {"overrides": {**asked[3].get("overrides", {}), "containerOverrides": [{"command": asked[1]}]}}


class CeleryExecutor:
    def __init__(self) -> None:
        self.conf = self.log = self
        self.queued_tasks: dict[str, str] = {}
        self.running: set[str] = set()
        self.warnings: list[str] = []
        self.synced = 0

    def getint(self, section: str, key: str) -> int:
        return {("celery", "WORKER_CONCURRENCY"): 4}[section, key]

    def warning(self, text: str, *words: object) -> None:
        self.warnings.append(text % words)

    def sync(self) -> None:
        self.synced += 1


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Return an importer of our modules in the container."""
    executors = "airflow.providers.amazon.aws.executors.ecs"
    give_airflow(
        monkeypatch,
        {
            "airflow.exceptions": {"AirflowClusterPolicyViolation": ViolationError},
            "airflow.executors.local_executor": {"LocalExecutor": LocalExecutor},
            "airflow.policies": {"hookimpl": staticmethod},
            "airflow.providers.celery.executors.celery_executor": {"CeleryExecutor": CeleryExecutor},
            f"{executors}.ecs_executor": {"AwsEcsExecutor": EcsExecutor},
            f"{executors}.utils": {"EcsTaskCollection": Tasks},
        },
    )

    def imported(name: str) -> Any:
        monkeypatch.delitem(sys.modules, f"{CONTAINER}.{name}", raising=False)
        return importlib.import_module(f"{CONTAINER}.{name}")

    return imported


def definition(deployed: Registered, name: str = "airflow-remote-task-definition") -> dict[str, Any]:
    [container] = json.loads(deployed.inputs("aws:ecs/taskDefinition:TaskDefinition", name)["containerDefinitions"])
    return container


def variables(container: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["environment"]}


@pytest.mark.parametrize(
    ("executors", "configured"),
    [
        (("LocalExecutor",), "LocalExecutor:airflow_fargate_executor.local.LocalExecutor"),
        (("AwsEcsExecutor",), "AwsEcsExecutor:airflow_fargate_executor.ecs.AwsEcsExecutor"),
        (("CeleryExecutor",), "CeleryExecutor"),
        (
            ("CeleryExecutor", "LocalExecutor"),
            "CeleryExecutor,LocalExecutor:airflow_fargate_executor.local.LocalExecutor",
        ),
        (
            ("AwsEcsExecutor", "LocalExecutor"),
            ",".join(
                [
                    "AwsEcsExecutor:airflow_fargate_executor.ecs.AwsEcsExecutor",
                    "LocalExecutor:airflow_fargate_executor.local.LocalExecutor",
                ]
            ),
        ),
    ],
)
def test_an_executor_has_airflows_name_and_is_ours_where_that_differs(
    executors: tuple[str, ...], configured: str
) -> None:
    assert configured_executors(ExecutorSettings(executors=executors)) == configured


def test_celerys_is_ours_where_the_number_of_workers_follows_the_tasks() -> None:
    settings = ExecutorSettings(executors=("CeleryExecutor",), worker_count_max=2)

    assert configured_executors(settings) == "CeleryExecutor:airflow_fargate_executor.celery.CeleryExecutor"


def test_the_memory_bounds_how_many_tasks_run_in_the_container_and_not_how_many_run_elsewhere(deploy: Deploy) -> None:
    container = definition(deploy(executors=BOTH, memory=3072), "airflow-task-definition")

    assert variables(container)["AIRFLOW_FARGATE_LOCAL_PARALLELISM"] == "6"
    assert variables(container)["AIRFLOW__CORE__PARALLELISM"] == "32"


@pytest.mark.parametrize(("of_all", "of_ours", "runs"), [(32, "4", 4), (2, "4", 2)])
def test_local_tasks_are_bounded_by_both_numbers(
    airflow: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, of_all: int, of_ours: str, runs: int
) -> None:
    monkeypatch.setattr(LocalExecutor, "parallelism", of_all)
    monkeypatch.setenv("AIRFLOW_FARGATE_LOCAL_PARALLELISM", of_ours)

    assert airflow("local").LocalExecutor().parallelism == runs


def test_without_another_executor_airflows_number_is_that_of_local_tasks(airflow: Callable[[str], Any]) -> None:
    assert airflow("local").LocalExecutor().parallelism == 32


@pytest.fixture
def local(airflow: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the executor with two slots."""
    monkeypatch.setattr(LocalExecutor, "parallelism", 2)
    return airflow("local").LocalExecutor()


def tasks(*keys: str) -> list[Any]:
    return [SimpleNamespace(ti=SimpleNamespace(key=key)) for key in keys]


def test_a_task_waits_for_each_slot_and_the_scheduler_hands_over_no_other_until_one_has_ended(local: Any) -> None:
    handed_over: list[int] = []
    for _ in range(3):
        local.queued = tasks(*(f"{len(handed_over)}.{number}" for number in range(local.slots_available)))
        handed_over.append(len(local.queued))
        local.heartbeat()
    assert handed_over == [4, 0, 0]
    assert (local.slots_available, local.slots_occupied) == (0, 2)

    local.running.remove("0.0")
    assert (local.slots_available, local.slots_occupied) == (1, 1)


def test_only_the_tasks_that_run_count_for_the_number_of_all_executors(local: Any) -> None:
    local.queued = tasks("a")
    assert local.slots_occupied == 0

    local.queued = tasks("a", "b", "c")
    assert local.slots_occupied == 1


def test_what_is_too_much_stays_with_the_executor(local: Any) -> None:
    local.queued = tasks("a", "b", "c", "d", "e")

    local.heartbeat()
    local.heartbeat()

    assert local.running == {"a", "b", "c", "d"}
    assert [each.ti.key for each in local.queued] == ["e"]


def test_a_callback_has_no_slot_that_nobody_would_give_back(local: Any) -> None:
    local.queued = [SimpleNamespace(key="a callback")]

    local.heartbeat()

    assert (local.queued, local.running) == ([], set())


def test_the_token_of_a_task_is_good_until_a_long_one_before_it_has_ended(local: Any) -> None:
    assert local.jwt_generator.generate({"sub": "a"}, valid_for=600) == "a 86400"
    assert local.jwt_generator.generate(extras={"sub": "a"}) == "a 86400"


def test_a_stop_leaves_to_the_next_scheduler_what_waits_for_a_slot(local: Any) -> None:
    for number in range(2):
        local.activity_queue.put(number)

    local.end()

    assert local.left is False


def test_a_stop_waits_for_nobody_who_waits_for_work(local: Any) -> None:
    waiting = threading.Thread(target=local.activity_queue.get)
    waiting.start()
    until_locked = time.monotonic() + 10
    while local.activity_queue._rlock.acquire(block=False) and time.monotonic() < until_locked:
        local.activity_queue._rlock.release()

    local.end()
    local.activity_queue.put(None)
    waiting.join(10)

    assert not waiting.is_alive()


def test_a_container_has_the_modules_of_the_executors_that_are_ours_and_no_others(deploy: Deploy) -> None:
    def names(executors: list[str], **args: Any) -> set[str]:
        container = definition(deploy(**args, executors=executors), "airflow-task-definition")
        found = json.loads(variables(container)["AIRFLOW_FARGATE_MODULES"])
        return {name.rpartition("/")[2] for name in found if name.startswith("airflow_fargate_executor")}

    policy = {"policy.py", "sizes.py", "METADATA", "entry_points.txt"}
    assert names(["LocalExecutor"]) == {"__init__.py", "local.py"}
    assert names(BOTH) == {"__init__.py", "local.py", "ecs.py", *policy}
    assert names(**WORKERS) == set()
    assert names(**WORKERS, worker_count_max=2) == {"__init__.py", "celery.py"}


def test_with_a_command_of_the_callers_the_executor_is_airflows_and_a_task_may_wait_for_a_slot(deploy: Deploy) -> None:
    timeout = "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT"
    theirs = variables(definition(deploy(command=["airflow", "standalone"]), "airflow-task-definition"))

    assert theirs["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert theirs[timeout] == "86400"
    assert timeout not in variables(definition(deploy(), "airflow-task-definition"))


@pytest.mark.parametrize(("started_at", "failures"), [("12:00", 5), (None, 2)])
def test_a_task_that_has_started_is_not_started_again_and_one_that_has_not_is(
    airflow: Callable[[str], Any], started_at: str | None, failures: int
) -> None:
    running = airflow("ecs").AwsEcsExecutor().active_workers
    running.tasks["etl.load"] = SimpleNamespace(started_at=started_at)
    running.failures["etl.load"] = 2

    assert running.failure_count_by_key("etl.load") == failures


def test_the_command_that_the_executor_gives_runs_when_all_is_in_place(
    airflow: Callable[[str], Any], deploy: Deploy, tmp_path: Path
) -> None:
    (tmp_path / "airflow_fargate_dags").mkdir()
    environment = variables(definition(deploy(executors=BOTH)))
    task = [sys.executable, "-c", "import airflow_fargate_executor as ours, os; print(ours.__file__, *os.environ)"]

    overrides = airflow("ecs").AwsEcsExecutor()._run_task_kwargs("etl.load", task, None, {})["overrides"]
    command = overrides["containerOverrides"][0]["command"]

    home = {"AIRFLOW_HOME": str(tmp_path), "PATH": os.defpath, "PYTHONPATH": str(tmp_path / "config")}
    ended = subprocess.run(
        [sys.executable, *command[1:]], env={**environment, **home}, capture_output=True, text=True, check=False
    )
    assert command[-len(task) :] == task
    assert ended.returncode == 0, ended.stderr
    module, *names = ended.stdout.split()
    assert module == f"{tmp_path}/config/airflow_fargate_executor/__init__.py"
    assert not {"AIRFLOW_FARGATE_MODULES", "AIRFLOW_FARGATE_SUPERVISOR", "ADMIN_PASSWORD"} & set(names)


def test_the_supervisor_that_a_remote_task_has_is_the_one_of_airflows_own_container(deploy: Deploy) -> None:
    packed = variables(definition(deploy(executors=BOTH)))["AIRFLOW_FARGATE_SUPERVISOR"]

    assert zlib.decompress(base64.b85decode(packed)) == Path(supervisor.__file__).read_bytes()


def test_a_command_with_all_that_is_in_front_of_it_fits_into_what_runtask_takes(airflow: Callable[[str], Any]) -> None:
    # AWS: Amazon ECS API reference, TaskOverride; a task's own command has about 1000 characters.
    assert len(json.dumps(airflow("ecs").START)) < 8192 - 4096


def test_a_remote_task_has_no_secret_but_those_that_are_named_for_it(deploy: Deploy) -> None:
    given = {"TOKEN": "t0ken", "OTHER": "an0ther"}
    deployed = deploy(executors=BOTH, secrets=given, remote_task_secrets=["TOKEN"])
    policy = json.loads(deployed.inputs("aws:iam/rolePolicy:RolePolicy", "airflow-remote-execution-policy")["policy"])

    assert [each["name"] for each in definition(deployed)["secrets"]] == ["TOKEN"]
    [read] = [each for each in policy["Statement"] if each["Sid"] == "ReadSecrets"]
    assert [arn.rpartition(":")[2] for arn in read["Resource"]] == ["airflow-TOKEN-1234567"]


def test_without_secrets_of_its_own_a_remote_task_may_read_none(deploy: Deploy) -> None:
    deployed = deploy(executors=BOTH, secrets={"TOKEN": "t0ken"})
    policy = deployed.inputs("aws:iam/rolePolicy:RolePolicy", "airflow-remote-execution-policy")["policy"]

    assert definition(deployed)["secrets"] == []
    assert "ssm:" not in policy


def test_a_remote_task_finds_the_api_server_by_a_name_that_no_proxy_is_asked_for(deploy: Deploy) -> None:
    proxy = {"https_proxy": "http://proxy.example.com:443"}
    environment = variables(definition(deploy(executors=BOTH, environment=proxy, port=9000)))

    host = "api.airflow-namespace-1234567"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"http://{host}:9000/execution/"
    assert host in environment["NO_PROXY"].split(",")
    assert host in environment["no_proxy"].split(",")


def test_the_limit_of_a_remote_task_is_the_tasks_so_that_an_override_of_it_is_no_less(deploy: Deploy) -> None:
    assert "memory" not in definition(deploy(executors=BOTH))


def test_only_remote_tasks_have_what_they_need(deploy: Deploy) -> None:
    types = {registration.type.partition("/")[0] for registration in deploy().registrations}

    assert "aws:servicediscovery" not in types


SIZES: dict[str, tuple[Any, str]] = {
    "of the stack": ({}, ""),
    "given as text": ({"overrides": {"cpu": "4096", "memory": "16384"}}, ""),
    "given as numbers": ({"overrides": {"cpu": 1024, "memory": 2048}}, ""),
    "with more memory alone": ({"overrides": {"memory": "4096"}}, ""),
    "of no known CPU": ({"overrides": {"cpu": "1000"}}, "cpu is 1000; Fargate has 256, 512, 1024, "),
    "of a CPU in words": ({"overrides": {"cpu": "1 vCPU"}}, "cpu is 1 vCPU; Fargate has 256, "),
    "with too little memory": (
        {"overrides": {"cpu": "1024", "memory": "1024"}},
        "memory is 1024 MiB; with cpu 1024 Fargate has 2048, 3072, ",
    ),
    "with memory that goes with another CPU": (
        {"overrides": {"cpu": "4096"}},
        "memory, which overrides do not have, is 1024 MiB; with cpu 4096 Fargate has 8192, ",
    ),
    "beside the overrides": ({"cpu": "4096"}, "has cpu, which RunTask does not take; "),
    "with variables of no container": (
        {"overrides": {"environment": []}},
        "overrides has environment, which RunTask does not take; ",
    ),
    "with all else that RunTask takes": (
        {"platformVersion": "1.4.0", "overrides": {"ephemeralStorage": {"sizeInGiB": 30}}},
        "",
    ),
    "with a command": ({"command": ["true"]}, "has command, which is the executor's; leave it out"),
}


@pytest.mark.parametrize(("executor_config", "refused"), SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(("executors", "executor"), [(BOTH, "AwsEcsExecutor"), (["AwsEcsExecutor"], None)])
def test_a_dag_with_a_task_of_a_size_that_fargate_does_not_have_is_refused(
    airflow: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    executor_config: Any,
    refused: str,
    executors: list[str],
    executor: str | None,
) -> None:
    parsing(monkeypatch, executors)
    task = SimpleNamespace(task_id="load", executor=executor, executor_config=executor_config)

    message = ""
    try:
        airflow("policy").task_policy(task)
    except ViolationError as violation:
        message = str(violation)

    assert message.startswith(f"executor_config of the task 'load': {refused}" if refused else "")
    assert bool(message) == bool(refused)


def test_run_task_is_given_a_size_as_text(airflow: Callable[[str], Any]) -> None:
    given = {"overrides": {"cpu": 1024, "memory": "2048"}}

    asked = airflow("ecs").AwsEcsExecutor()._run_task_kwargs("etl.load", [], None, given)["overrides"]

    assert (asked["cpu"], asked["memory"]) == ("1024", "2048")
    assert given["overrides"]["cpu"] == 1024, "it is the DAG's"


def test_what_run_task_takes_is_known(airflow: Callable[[str], Any]) -> None:
    members: Any = Session().get_service_model("ecs").operation_model("RunTask").input_shape
    policy = airflow("policy")

    assert members.members.keys() == policy.RUN_TASK
    assert members.members["overrides"].members.keys() == policy.OVERRIDES


def test_the_size_of_a_task_in_the_container_is_nobodys_affair(
    airflow: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsing(monkeypatch, BOTH)

    for executor in (None, "LocalExecutor"):
        executor_config = {"overrides": {"cpu": "1"}}
        airflow("policy").task_policy(SimpleNamespace(task_id="a", executor=executor, executor_config=executor_config))


def parsing(monkeypatch: pytest.MonkeyPatch, executors: list[str]) -> None:
    """Set what whoever parses a DAG has in its environment."""
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", configured_executors(ExecutorSettings(executors=tuple(executors))))
    monkeypatch.setenv("AIRFLOW_FARGATE_REMOTE_CPU", "512")
    monkeypatch.setenv("AIRFLOW_FARGATE_REMOTE_MEMORY", "1024")


def test_the_policy_is_found_as_that_of_a_distribution(tmp_path: Path) -> None:
    for path, packed in modules(ExecutorSettings(executors=("AwsEcsExecutor",))).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(unpacked(packed))
    code = (
        "from importlib.metadata import entry_points; print(*(e.value for e in entry_points(group='airflow.policy')))"
    )

    program = [sys.executable, "-c", code]
    found = subprocess.run(program, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True)

    assert found.stdout == "airflow_fargate_executor.policy\n"


WORKERS: dict[str, Any] = {"executors": ["CeleryExecutor"], "database": "postgres"}
WORKER = "airflow-worker-task-definition"


@pytest.mark.parametrize(
    ("args", "parallelism"),
    [
        ({}, "8"),
        ({"worker_concurrency": 8, "worker_count_min": 3}, "48"),
        ({"worker_concurrency": 8, "worker_count_min": 0, "worker_count_max": 5}, "80"),
        ({"executors": ["CeleryExecutor", "LocalExecutor"], "memory": 3072}, "14"),
        ({"executors": ["CeleryExecutor", "AwsEcsExecutor"]}, "40"),
    ],
)
def test_twice_as_many_tasks_are_handed_over_as_workers_have_room_for(
    deploy: Deploy, args: dict[str, Any], parallelism: str
) -> None:
    container = definition(deploy(**{**WORKERS, **args}), "airflow-task-definition")

    assert variables(container)["AIRFLOW__CORE__PARALLELISM"] == parallelism


def test_a_worker_has_no_secret_but_those_of_broker_and_database_and_those_that_are_named_for_it(
    deploy: Deploy,
) -> None:
    deployed = deploy(**WORKERS, secrets={"TOKEN": "t0ken", "OTHER": "an0ther"}, remote_task_secrets=["TOKEN"])
    container = definition(deployed, WORKER)
    policy = json.loads(deployed.inputs("aws:iam/rolePolicy:RolePolicy", "airflow-worker-execution-policy")["policy"])

    assert [each["name"] for each in container["secrets"]] == ["AIRFLOW__CELERY__BROKER_URL", "PGPASSWORD", "TOKEN"]
    [read] = [each for each in policy["Statement"] if each["Sid"] == "ReadSecrets"]
    assert len(read["Resource"]) == 3
    assert not {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "ADMIN_USERNAME"} & variables(container).keys()


def test_a_worker_keeps_results_in_a_database_of_the_callers_by_a_url_that_is_secret(deploy: Deploy) -> None:
    url = "postgresql://airflow:w0rd@db.example.com/airflow?sslmode=require"
    deployed = deploy(executors=["CeleryExecutor"], database_url=url, egress_ports=[5432])
    names = [each["name"] for each in definition(deployed, WORKER)["secrets"]]
    parameter = deployed.inputs("aws:ssm/parameter:Parameter", "airflow-AIRFLOW__CELERY__RESULT_BACKEND")

    assert names == ["AIRFLOW__CELERY__BROKER_URL", "AIRFLOW__CELERY__RESULT_BACKEND"]
    assert parameter["value"] == "db+postgresql+psycopg2://airflow:w0rd@db.example.com:5432/airflow?sslmode=require"


def test_a_dead_worker_is_noticed_within_a_minute_and_remote_tasks_are_given_their_time(deploy: Deploy) -> None:
    workers, both = with_workers_and_with_remote_tasks_too(deploy)
    silent = "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"
    looked_for = f"{silent}_DETECTION_INTERVAL"

    assert (workers[silent], workers[looked_for]) == ("45", "5")
    assert both[silent] == "600"
    assert looked_for not in both


def test_what_the_broker_has_lost_is_queued_again_and_what_waits_for_a_worker_has_not_failed(deploy: Deploy) -> None:
    workers, both = with_workers_and_with_remote_tasks_too(deploy)
    timeout, again = (f"AIRFLOW__SCHEDULER__{name}" for name in ("TASK_QUEUED_TIMEOUT", "NUM_STUCK_IN_QUEUED_RETRIES"))

    assert int(workers[timeout]) * int(workers[again]) == 24 * 60 * 60
    assert timeout not in both, "Fargate may take longer, and the token of a task is good for as long"
    assert int(both[again]) == int(workers[again])


def test_a_worker_has_no_message_that_is_delivered_again_once_it_has_begun_with_a_task(deploy: Deploy) -> None:
    worker = variables(definition(deploy(**WORKERS), WORKER))

    assert worker["AIRFLOW__CELERY__TASK_ACKS_LATE"] == "False"
    assert json.loads(worker["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"]) == {"worker_disable_prefetch": True}


@pytest.mark.parametrize("args", [{"executors": BOTH}, WORKERS], ids=["remote tasks", "workers"])
def test_the_token_of_a_task_elsewhere_outlasts_its_patience_and_is_the_callers_to_set(
    deploy: Deploy, args: dict[str, Any]
) -> None:
    name = "AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME"
    airflows = "airflow-task-definition"
    patience = 2 * 150  # two heartbeats that fail, each after two and a half minutes

    assert int(variables(definition(deploy(**args), airflows))[name]) / 5 > patience
    assert variables(definition(deploy(**args, environment={name: "900"}), airflows))[name] == "900"
    assert name not in variables(definition(deploy(), airflows))


def test_a_scheduler_that_lets_its_tasks_end_is_not_taken_for_dead_by_the_next_one(deploy: Deploy) -> None:
    name = "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD"

    def silent(**args: Any) -> str | None:
        return variables(definition(deploy(**args), "airflow-task-definition")).get(name)

    # Of the container's stop, and what a heartbeat may be old when it begins.
    assert int(silent(database="postgres") or 0) > supervisor.STOP_SECONDS + 5
    assert silent(database="postgres", environment={name: "90"}) == "90"
    assert silent() is None, "the next one begins when this one has stopped"
    assert silent(**WORKERS) is None, "tasks go on without the scheduler"


def with_workers_and_with_remote_tasks_too(deploy: Deploy) -> list[dict[str, str]]:
    """Return the variables of Airflow's container with either."""
    return [
        variables(definition(deploy(**{**WORKERS, "executors": executors}), "airflow-task-definition"))
        for executors in (["CeleryExecutor"], ["CeleryExecutor", "AwsEcsExecutor"])
    ]


def test_the_loader_imports_every_executor_that_airflow_does_not_bring(deploy: Deploy) -> None:
    executors = ["LocalExecutor", "CeleryExecutor", "AwsEcsExecutor"]
    container = definition(deploy(**{**WORKERS, "executors": executors}), "airflow-task-definition")

    assert variables(container)["AIRFLOW_FARGATE_PRELOADED"].split() == [
        "airflow.providers.celery.executors.celery_executor",
        "airflow_fargate_executor.ecs",
    ]


def refuse(*_: object, **__: object) -> None:
    raise PermissionError("is not authorized to perform: ecs:DescribeClusters")


WORKER_CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/workers"


class Aws:
    """ECS with so many workers, and CloudWatch, which keeps what it is told."""

    def __init__(self) -> None:
        self.running = self.pending = 0
        self.told: list[float] = []

    def client(self, service: str, region: str) -> Any:
        assert (service in ("ecs", "cloudwatch"), region) == (True, "eu-west-1")
        return self

    def describe_clusters(self, clusters: list[str]) -> Any:
        assert clusters == [WORKER_CLUSTER]
        return {"clusters": [{"runningTasksCount": self.running, "pendingTasksCount": self.pending}]}

    def put_metric_data(self, **given: Any) -> None:
        [datum] = given["MetricData"]
        self.told.append(datum.pop("Value"))
        assert given["Namespace"] == "AirflowFargate"
        assert datum["Dimensions"] == [{"Name": "Cluster", "Value": "workers"}]


@pytest.mark.parametrize(
    ("tasks", "running", "pending", "told"),
    [
        (0, 0, 0, []),
        (1, 0, 0, [200.0]),
        (9, 0, 0, [200.0]),
        (0, 1, 0, [0.0]),
        (2, 1, 0, [50.0]),
        (12, 1, 0, [300.0]),
        (12, 1, 2, [100.0]),
    ],
)
def test_the_load_is_that_of_the_slots_that_there_are_or_soon_will_be(
    airflow: Callable[[str], Any], tasks: int, running: int, pending: int, told: list[float]
) -> None:
    aws = Aws()
    aws.running, aws.pending = running, pending

    airflow("celery").Load(WORKER_CLUSTER, 4, aws.client).tell(tasks)

    assert aws.told == told


def test_the_load_is_told_once_a_minute_and_of_the_first_task_after_a_rest_at_once(
    airflow: Callable[[str], Any],
) -> None:
    aws, seconds = Aws(), [0.0]
    load = airflow("celery").Load(WORKER_CLUSTER, 4, aws.client, lambda: seconds[0])

    def told(at: float, tasks: int) -> int:
        seconds[0] = at
        load.tell(tasks)
        return len(aws.told)

    assert [told(0, 0), told(1, 1), told(2, 2), told(60, 3), told(61, 4), told(62, 5)] == [0, 1, 1, 1, 2, 2]
    assert told(125, 0) == 2, "nothing of none that have nothing to do"


def test_the_metric_is_the_one_that_is_tracked(airflow: Callable[[str], Any], deploy: Deploy) -> None:
    deployed = deploy(**WORKERS, worker_count_max=3)
    policy = deployed.inputs("aws:appautoscaling/policy:Policy", "airflow-worker-scaling-policy")
    tracked = policy["targetTrackingScalingPolicyConfiguration"]["customizedMetricSpecification"]
    celery = airflow("celery")

    assert (tracked["namespace"], tracked["metricName"]) == (celery.NAMESPACE, celery.METRIC)
    assert tracked["dimensions"][0]["name"] == celery.DIMENSION
    assert policy["targetTrackingScalingPolicyConfiguration"]["targetValue"] < celery.NO_WORKER


def test_the_scheduler_goes_on_when_the_load_cannot_be_told(
    airflow: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_FARGATE_WORKER_CLUSTER", WORKER_CLUSTER)
    celery = airflow("celery")
    aws = Aws()
    monkeypatch.setattr(celery, "_client", aws.client)
    executor = celery.CeleryExecutor()
    executor.queued_tasks, executor.running = {"a": "task"}, {"b", "c"}
    aws.running = 1

    executor.sync()
    assert (executor.synced, aws.told, executor.warnings) == (1, [75.0], [])

    monkeypatch.setattr(Aws, "describe_clusters", refuse)
    executor = celery.CeleryExecutor()
    executor.sync()
    assert executor.synced == 1
    assert executor.warnings == [
        "How busy the workers are could not be told: is not authorized to perform: ecs:DescribeClusters"
    ]


@pytest.mark.parametrize(
    ("args", "most"),
    [
        pytest.param({"worker_count_min": 9}, None, id="as many as there is room for"),
        pytest.param({"worker_count_min": 10}, 112, id="one more"),
        pytest.param({"worker_count_max": 10}, 112, id="later"),
        pytest.param({"worker_count_min": 3, "worker_concurrency": 13}, 112, id="larger ones"),
        pytest.param({"worker_count_min": 23, "database_instance_class": "db.t3.small"}, None, id="a larger instance"),
        pytest.param({"worker_count_min": 24, "database_instance_class": "db.t3.small"}, 225, id="too many for that"),
        pytest.param({"worker_count_min": 99, "database_instance_class": "db.m6g.large"}, None, id="a size not known"),
    ],
)
def test_workers_that_may_use_up_the_connections_of_the_database_are_a_warning(
    args: dict[str, Any], most: int | None
) -> None:
    warning = validate("airflow", cast(AirflowFargateArgs, {**WORKERS, **args})).crowded_database

    assert re.findall(r"; \S+ takes (\d+) at most\. Give a larger database_instance_class", warning or "") == (
        [] if most is None else [str(most)]
    )


def test_the_warning_is_given_with_the_component(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []

    def warn(message: str, **_: object) -> None:
        warnings.append(message)

    monkeypatch.setattr(pulumi.log, "warn", warn)

    deploy(**WORKERS, worker_count_min=10)

    [warning] = warnings
    assert "10 workers of 4 tasks, which may hold 116 connections" in warning


def test_a_database_of_ones_own_is_not_judged_by_its_connections() -> None:
    args: AirflowFargateArgs = {
        "executors": ["CeleryExecutor"],
        "worker_count_min": 99,
        "database_url": "postgresql://airflow:w0rd@db.example.com/airflow",
        "egress_ports": [5432],
    }

    assert validate("airflow", args).crowded_database is None
