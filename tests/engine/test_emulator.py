"""The emulator as AWS: what services, tasks, addresses, logs and deletions do, asked through boto3."""

import functools
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import psutil
import pytest
from botocore.exceptions import ClientError
from moto.core.responses import BaseResponse
from moto.iam.models import IAMBackend

from local import cgroup
from local.emulator.api.iam import read_roles_while_others_are_made
from local.emulator.api.reads import read_while_others_write
from local.emulator.fargate import size as task_size
from local.emulator.fargate.plan import BACK_OFF_SECONDS
from local.emulator.fargate.sandbox import Isolation
from local.emulator.fargate.size import TaskSize
from local.testing.controls import limits, pass_time, quotas
from local.testing.emulated import CLUSTER, HEALTH_CHECK, PORT, WEB_SERVER, EmulatedAccount, EmulatedService, Emulator
from operate.waiting import until
from tests.engine.conftest import skip_without

PYTHON = ["python", "-c"]
SERVER = [*PYTHON, WEB_SERVER]
RESTARTS = {"enabled": True, "restartAttemptPeriod": 60}
"""In seconds; AWS allows no fewer."""


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> EmulatedAccount:
    return EmulatedAccount(emulator.endpoint)


@pytest.fixture(scope="module")
def healthy(account: EmulatedAccount) -> EmulatedService:
    """Return a service whose task is healthy; tests change nothing about it."""
    secret = {"name": "PASSWORD", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/tests/password"}
    paths = {"name": "FILE", "value": "/opt/airflow/file"}
    definition = account.register(SERVER, healthCheck=HEALTH_CHECK, secrets=[secret], environment=[paths])
    service = account.create_service(definition)
    service.wait_until_completed()
    return service


@pytest.fixture(scope="module")
def reachable(account: EmulatedAccount) -> EmulatedService:
    """Return a service whose task runs, and whose security group tests replace."""
    service = account.create_service(account.register(SERVER))
    service.task()
    until(lambda: answer(service, "/"), 20, "answer of the task")
    return service


def refusal(call: Callable[[], Any]) -> str:
    """AWS's code and message for a call that must be refused."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response.get("Error", {})
    return f"{error.get('Code')}: {error.get('Message')}"


def test_an_update_keeps_of_the_deployment_configuration_what_it_does_not_name(account: EmulatedAccount) -> None:
    service = account.create_service(account.register(SERVER))
    before = service.describe()["deploymentConfiguration"]

    for change in ({"maximumPercent": 150}, {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}):
        account.ecs.update_service(cluster=CLUSTER, service=service.name, deploymentConfiguration=change)
        before |= change

    assert service.describe()["deploymentConfiguration"] == before


def logged_with(**options: str) -> dict[str, Any]:
    required = {"awslogs-group": "group", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}
    return {"logConfiguration": {"logDriver": "awslogs", "options": {**required, **options}}}


def answer(service: EmulatedService, path: str) -> str | None:
    """Return what the task answers, once it does."""
    with suppress(ConnectionError):
        return service.get(path)
    return None


def test_a_service_is_steady_once_its_task_is_healthy(healthy: EmulatedService) -> None:
    service, task = healthy.describe(), healthy.task()
    assert (service["runningCount"], service["pendingCount"]) == (1, 0)
    assert task["healthStatus"] == "HEALTHY"
    assert "has started 1 tasks" in healthy.events()
    assert "has reached a steady state" in healthy.events()
    assert healthy.account.log(task) == ["serving"]


def test_the_task_answers_on_its_public_address(healthy: EmulatedService) -> None:
    [interface] = healthy.interfaces()
    assert interface["Status"] == "in-use"
    assert healthy.address().startswith("127.0.0.")
    assert healthy.get() == "well"


def test_the_container_sees_its_definition_and_nothing_of_the_emulator(
    emulator: Emulator, healthy: EmulatedService
) -> None:
    environment: dict[str, str] = eval(healthy.get("/environment"))  # noqa: S307 - the repr of a dict from our own server
    directory = emulator.data / "tasks" / healthy.task()["taskArn"].rpartition("/")[2]
    assert environment["PASSWORD"] == "a secret"
    assert environment["PATH"].startswith(f"{sys.prefix}/bin:")
    assert environment["AIRFLOW_HOME"] == environment["HOME"] == str(directory)
    assert environment["FILE"] == f"{directory}/file"
    assert environment["AWS_ENDPOINT_URL"] == emulator.endpoint
    assert "LEAKED" not in environment


@pytest.mark.parametrize(
    ("cidrs", "source", "answers"),
    [
        (["127.0.0.0/8"], "127.0.0.1", True),
        (["127.0.0.77/32"], "127.0.0.1", False),
        (["127.0.0.77/32"], "127.0.0.77", True),
        ([], "127.0.0.1", False),
        (["10.0.0.0/8", "127.0.0.1/32"], "127.0.0.1", True),
    ],
)
def test_only_ingress_rules_open_the_address(
    account: EmulatedAccount, cidrs: list[str], source: str, answers: bool, reachable: EmulatedService
) -> None:
    service = EmulatedService(account, reachable.name, account.create_group(*cidrs))
    # Not by its group, which the case before has replaced.
    [attachment] = reachable.task()["attachments"]
    [interface] = [each["value"] for each in attachment["details"] if each["name"] == "networkInterfaceId"]
    account.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[service.group])
    with nullcontext() if answers else pytest.raises(ConnectionError):
        assert service.get(source=source) == "well"


def test_a_container_that_exits_leaves_its_code_and_its_log(account: EmulatedAccount) -> None:
    program = "import sys; print('line one'); print('line two', file=sys.stderr); sys.exit(3)"
    task = account.run_until_stopped(account.register([*PYTHON, program]))
    [container] = task["containers"]
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert container["exitCode"] == 3
    assert sorted(account.log(task)) == ["line one", "line two"]


def test_a_container_above_its_memory_is_killed_and_says_so(account: EmulatedAccount) -> None:
    program = "import signal; print('filling', flush=True); data = b'x' * (520 << 20); signal.pause()"
    task = account.run_until_stopped(account.register([*PYTHON, program]))
    [container] = task["containers"]
    assert task["stoppedReason"] == "Essential container in task exited"
    assert (container["exitCode"], container["reason"]) == (
        137,
        "OutOfMemoryError: Container killed due to memory usage",
    )
    assert account.log(task) == ["filling"]


@pytest.mark.parametrize("groups", [cgroup.ROOT, Path("/nowhere")], ids=["by control group", "by watch"])
def test_the_largest_process_is_killed_and_no_other(monkeypatch: pytest.MonkeyPatch, groups: Path) -> None:
    monkeypatch.setattr(cgroup, "ROOT", groups)
    size = TaskSize(uuid.uuid4().hex, 256, 128)
    if groups.exists() and not size.entries:
        pytest.skip("no control group can be made here")
    program = """
        import pathlib, subprocess, sys
        for entry in sys.argv[1:]:
            pathlib.Path(entry).write_text("0")
        def start(size):
            grow = f"import time; data = b'x' * ({size} << 20); print('grown', flush=True); time.sleep(10)"
            return subprocess.Popen([sys.executable, "-c", grow], stdout=subprocess.PIPE)
        small = start(20)
        small.stdout.readline()
        large = start(200)
        print(large.wait(), small.poll())
        small.kill()
    """
    try:
        command = [sys.executable, "-c", dedent(program), *map(str, size.entries)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            size.watch(process.pid)
            output, _ = process.communicate(timeout=30)
        assert output.split() == ["-9", "None"]
        assert size.kills == 1
    finally:
        size.close()


@pytest.mark.skipif(not os.access(cgroup.ROOT, os.W_OK), reason="no control group can be made here")
def test_tasks_that_want_more_cpu_than_there_is_get_it_by_their_sizes() -> None:
    sizes = [TaskSize(uuid.uuid4().hex, cpu, 128) for cpu in (256, 1024)]
    program = """
        import os, pathlib, sys, time
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        for entry in sys.argv[1:]:
            pathlib.Path(entry).write_text("0")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            pass
        print(time.process_time())
    """
    try:
        tasks = [
            subprocess.Popen(
                [sys.executable, "-c", dedent(program), *map(str, size.entries)], stdout=subprocess.PIPE, text=True
            )
            for size in sizes
        ]
        small, large = (float(task.communicate(timeout=30)[0]) for task in tasks)
        assert 2 < large / small < 8
    finally:
        for size in sizes:
            size.close()


def test_shared_memory_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "ROOT", Path("/nowhere"))
    monkeypatch.setattr(task_size, "_POLL_SECONDS", 0.05)
    size = TaskSize(uuid.uuid4().hex, 256, 160)
    program = """
        import os, time
        data = b"x" * (80 << 20)
        os.fork()
        os.fork()
        time.sleep(1)
    """
    with subprocess.Popen([sys.executable, "-c", dedent(program)]) as process:
        size.watch(process.pid)
    size.close()
    assert size.kills == 0


def test_kernel_parameters_of_the_network_are_the_tasks_own(account: EmulatedAccount) -> None:
    of_this_machine = Path("/proc/sys/net/ipv4/tcp_retries2")
    before = of_this_machine.read_text().strip()
    another = str(int(before) + 1)
    definition = account.register(
        [*PYTHON, f"print(open({str(of_this_machine)!r}).read().strip())"],
        systemControls=[{"namespace": "net.ipv4.tcp_retries2", "value": another}],
    )
    assert account.log(account.run_until_stopped(definition)) == [another]
    assert of_this_machine.read_text().strip() == before


@pytest.mark.parametrize(
    ("container", "code", "reason"),
    [
        ({"image": "test/absent:1"}, "TaskFailedToStart", "CannotPullContainerError: .*test/absent:1: not found"),
        (
            {"command": ["absent"]},
            "TaskFailedToStart",
            'CannotStartContainerError: .*"absent": executable file not found',
        ),
        (
            {"systemControls": [{"namespace": "net.ipv4.absent", "value": "1"}]},
            "TaskFailedToStart",
            "CannotStartContainerError: .*/proc/sys/net/ipv4/absent: No such file",
        ),
        (
            {"secrets": [{"name": "A", "valueFrom": "/tests/absent"}]},
            "TaskFailedToStart",
            "ResourceInitializationError: unable to pull secrets.*invalid parameters: /tests/absent",
        ),
        (
            {"secrets": [{"name": "A", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/others/key"}]},
            "TaskFailedToStart",
            "ResourceInitializationError: unable to pull secrets.*AccessDeniedException.*ssm:GetParameters.*others/key",
        ),
        (
            {
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": "absent", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"},
                }
            },
            "TaskFailedToStart",
            "ResourceInitializationError: failed to validate logger args.*log group does not exist",
        ),
    ],
)
def test_a_task_that_cannot_start_says_why(
    account: EmulatedAccount, container: dict[str, Any], code: str, reason: str
) -> None:
    definition: dict[str, Any] = {"command": SERVER, **container}
    task = account.run_until_stopped(account.register(**definition))
    assert task["stopCode"] == code
    assert re.match(reason, task["stoppedReason"])


def test_a_service_goes_from_deployment_to_deployment(account: EmulatedAccount, subtests: pytest.Subtests) -> None:
    """The scheduler's decisions are in test_plan.py; here API, scheduler and tasks work together."""
    good, bad = account.register(SERVER), account.register([*PYTHON, "raise SystemExit(1)"])
    service = account.create_service(good)
    service.wait_until_completed()

    with subtests.test("a failed deployment is rolled back to the completed one"):
        service.deploy(bad)
        until(lambda: "rolling back to deployment" in service.events(), 20, "rollback")
        service.wait_until_completed(good)
        assert service.describe()["taskDefinition"] == good
        assert service.task()["taskDefinitionArn"] == good
        assert service.get() == "well"

    with subtests.test("a deployment never overlaps itself"):
        old = service.task()
        second = account.register(SERVER)
        service.deploy(second)
        service.wait_until_completed(second)
        stopped = account.task(old)
        assert service.task()["createdAt"] >= stopped["stoppedAt"]
        assert "Scaling activity initiated by" in stopped["stoppedReason"]

    with subtests.test("a task that a user stops is replaced"):
        old = service.task()
        account.ecs.stop_task(cluster=CLUSTER, task=old["taskArn"], reason="by a test")
        until(lambda: [each for each in service.tasks() if each["taskArn"] != old["taskArn"]], 20, "other task")
        stopped = account.task(old)
        assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "by a test")

    with subtests.test("a service that is deleted drains and lets go of its security group"):
        ecs, ec2 = account.ecs, account.ec2
        assert "scaled above 0" in refusal(lambda: ecs.delete_service(cluster=CLUSTER, service=service.name))
        assert "DependencyViolation: resource sg-" in refusal(lambda: ec2.delete_security_group(GroupId=service.group))
        deleted = ecs.delete_service(cluster=CLUSTER, service=service.name, force=True)["service"]
        assert deleted["status"] == "DRAINING"
        until(lambda: service.describe()["status"] == "INACTIVE", 10, "end of the service")
        assert service.tasks() == []
        until(lambda: service.interfaces() == [], 10, "end of the task")
        ec2.delete_security_group(GroupId=service.group)
        assert service.name not in str(ecs.list_services(cluster=CLUSTER)["serviceArns"])


def test_a_deleted_service_is_inactive_while_its_task_still_stops_in_its_security_group(
    account: EmulatedAccount,
) -> None:
    late = [*PYTHON, "import signal, time; signal.signal(signal.SIGTERM, lambda *_: time.sleep(3)); signal.pause()"]
    service = account.create_service(account.register(late))
    service.wait_until_completed()
    task = service.task()

    account.ecs.delete_service(cluster=CLUSTER, service=service.name, force=True)
    until(lambda: service.describe()["status"] == "INACTIVE", 2, "end of the service")

    described = account.task(task)
    assert (described["desiredStatus"], "stoppedAt" in described) == ("STOPPED", False)
    delete = functools.partial(account.ec2.delete_security_group, GroupId=service.group)
    assert "DependencyViolation: resource sg-" in refusal(delete)
    account.wait_until_stopped(task)
    delete()


ASKS_AWS = """
import os, time, urllib.error, urllib.request
answered = None
while True:
    try:
        urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/faults", timeout=5).close()
        now = True
    except OSError as error:
        now = isinstance(error, urllib.error.HTTPError)
    if now != answered:
        print("AWS answers" if now else "no answer", flush=True)
    answered = now
    time.sleep(0.2)
"""


def test_a_task_reaches_aws_as_long_as_a_rule_lets_it_out(account: EmulatedAccount) -> None:
    group = account.create_group()
    task = account.run_task(account.register([*PYTHON, ASKS_AWS], portMappings=[]), group=group)
    until(lambda: said(account, task) == ["AWS answers"], 20, "answer of AWS")

    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    account.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])

    until(lambda: said(account, task) == ["AWS answers", "no answer"], 20, "end of the way out")
    account.ecs.stop_task(cluster=CLUSTER, task=task["taskArn"])


def said(account: EmulatedAccount, task: dict[str, Any]) -> list[str]:
    """Return the log of a task, of which there is none before it runs."""
    return account.log(task) if account.task(task)["lastStatus"] == "RUNNING" else []


def test_a_first_deployment_that_failed_is_over_until_another_is_asked_for(
    emulator: Emulator, account: EmulatedAccount
) -> None:
    early = account.register([*PYTHON, "raise SystemExit(1)"], restartPolicy=RESTARTS)
    service = account.create_service(early)
    broken = service.wait_until_failed()
    assert broken["failedTasks"] == 3
    started = service.events().count("has started")

    service.deploy(early)
    service.scale(1)

    # Nothing more is to be started even when its back-off is over: the scheduler comes by as often as another service,
    # which it looks at after this one, takes for its task.
    pass_time(emulator.endpoint, BACK_OFF_SECONDS[-1])
    account.create_service(account.register(SERVER)).task()
    assert service.deployment()["id"] == broken["id"]
    assert service.events().count("has started") == started

    service.deploy(early, forceNewDeployment=True)

    assert (service.deployment()["rolloutState"], service.deployment()["id"] != broken["id"]) == ("IN_PROGRESS", True)
    until(lambda: service.events().count("has started") > started, 10, "task of the other deployment")


def test_an_unhealthy_task_is_replaced(account: EmulatedAccount) -> None:
    service = account.create_service(account.register(SERVER, healthCheck=HEALTH_CHECK))
    service.wait_until_completed()
    task = service.task()
    urllib.request.urlopen(f"http://{service.address()}:{PORT}/", data=b"be ill").close()
    until(lambda: [each for each in service.tasks() if each["taskArn"] != task["taskArn"]], 20, "other task")
    assert account.task(task)["stoppedReason"] == "Task failed container health checks"


Deletion = Callable[[EmulatedAccount, EmulatedService], Any]
IN_USE: list[tuple[Deletion, str]] = [
    (lambda a, s: a.ec2.delete_security_group(GroupId=s.group), "DependencyViolation: resource sg-"),
    (lambda a, _: a.ec2.delete_subnet(SubnetId=a.subnet), "DependencyViolation: The subnet 'subnet-"),
    (lambda a, _: a.ec2.delete_vpc(VpcId=a.vpc), "DependencyViolation: The vpc 'vpc-"),
    (
        lambda a, _: a.ec2.delete_internet_gateway(InternetGatewayId=a.gateway),
        "DependencyViolation: The internetGateway 'igw-",
    ),
    (
        lambda a, _: a.ec2.detach_internet_gateway(InternetGatewayId=a.gateway, VpcId=a.vpc),
        r"DependencyViolation: Network vpc-\w+ has some mapped public address\(es\)",
    ),
    (
        lambda a, _: a.ec2.delete_route_table(RouteTableId=a.route_table),
        "DependencyViolation: The routeTable 'rtb-",
    ),
    (
        lambda _, s: s.account.ec2.delete_network_interface(NetworkInterfaceId=s.interfaces()[0]["NetworkInterfaceId"]),
        "InvalidParameterValue: Network interface 'eni-.*' is currently in use",
    ),
    (lambda a, _: a.ecs.delete_cluster(cluster=CLUSTER), "ClusterContainsServicesException: The Cluster cannot be"),
    (
        lambda a, s: a.ecs.delete_service(cluster=CLUSTER, service=s.name),
        "InvalidParameterException: .*scaled above 0",
    ),
    (lambda a, _: a.iam.delete_role(RoleName="execution"), "DeleteConflict: "),
    (lambda a, _: a.s3.delete_bucket(Bucket="full"), "BucketNotEmpty: "),
]


@pytest.mark.parametrize(("delete", "words"), IN_USE)
def test_nothing_in_use_can_be_deleted(
    account: EmulatedAccount,
    healthy: EmulatedService,
    delete: Callable[[EmulatedAccount, EmulatedService], Any],
    words: str,
) -> None:
    account.s3.create_bucket(Bucket="full")
    account.s3.put_object(Bucket="full", Key="key", Body=b"")
    assert re.match(words, refusal(lambda: delete(account, healthy)))


def test_a_role_has_ten_managed_policies_until_the_quota_is_raised(
    emulator: Emulator, account: EmulatedAccount
) -> None:
    account.iam.create_role(RoleName="with-policies", AssumeRolePolicyDocument="{}")
    document = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
    names = [f"policy-{number}" for number in range(11)]
    arns = [account.iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"] for name in names]
    *first, last = [
        functools.partial(account.iam.attach_role_policy, RoleName="with-policies", PolicyArn=a) for a in arns
    ]
    for attach in first:
        attach()

    first[0]()  # once more is no other one

    assert refusal(last) == "LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10"
    with quotas(emulator.endpoint, policies_per_role=11):
        last()


def test_a_vpc_goes_once_it_is_empty_and_takes_along_what_came_with_it(account: EmulatedAccount) -> None:
    ec2 = account.ec2
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.delete_vpc(VpcId=vpc)
    mine = [{"Name": "vpc-id", "Values": [vpc]}]
    assert ec2.describe_security_groups(Filters=mine)["SecurityGroups"] == []
    assert ec2.describe_route_tables(Filters=mine)["RouteTables"] == []
    assert ec2.describe_network_acls(Filters=mine)["NetworkAcls"] == []


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"storage": 20}, "ephemeralStorage: 20 GiB is not in 21 to 200"),
        ({"storage": 201}, "ephemeralStorage: 201 GiB is not in 21 to 200"),
        ({"cpu": 257}, "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'"),
        (
            {"portMappings": [{"containerPort": PORT}, {"containerPort": 81, "hostPort": 80}]},
            "the host ports and container ports in port mappings must match",
        ),
        (
            {"portMappings": [{"containerPort": PORT, "hostPort": 0}]},
            "the host ports and container ports in port mappings must match",
        ),
        (
            {"secrets": [{"name": name, "valueFrom": "/tests/password"} for name in "BAABC"]},
            "Duplicate secret names found: A, B. Each secret name must be unique",
        ),
        ({"healthCheck": {"command": ["true"]}}, "healthCheck.command begins with none of CMD, CMD-SHELL, NONE"),
        ({"healthCheck": {"command": []}}, "healthCheck.command begins with none of CMD, CMD-SHELL, NONE"),
        ({"restartPolicy": {"enabled": True, "restartAttemptPeriod": 59}}, "restartPolicy.restartAttemptPeriod is 59"),
        ({"healthCheck": {"command": ["CMD", "true"], "interval": 4}}, "healthCheck.interval is 4"),
        ({"stopTimeout": 121}, "maximum stop timeout is 120"),
        ({"memory": 1024}, "exceeds the task's"),
        ({"systemControls": [{"namespace": "vm.swappiness", "value": "1"}]}, "a namespace .* not 'vm.swappiness'"),
        ({"systemControls": [{"namespace": "net.ipv4.tcp_retries2"}]}, "and a value, not 'net.ipv4.tcp_retries2'"),
        (
            {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "a"}}},
            "awslogs-region, awslogs-str",
        ),
        (logged_with(mode="fast"), "mode 'fast' is none of blocking, non-blocking"),
        (logged_with(**{"max-buffer-size": "10m"}), "goes with mode non-blocking only"),
        (logged_with(mode="non-blocking", **{"max-buffer-size": "much"}), "max-buffer-size 'much' is no size"),
        (logged_with(**{"awslogs-datetime-format": "%H"}), "no options: awslogs-datetime-format"),
        (
            {"environment": [{"name": "A", "value": "1"}], "secrets": [{"name": "A", "valueFrom": "/tests/password"}]},
            "The secret name must be unique .*'A'",
        ),
    ],
)
def test_a_definition_that_fargate_does_not_take_is_refused(
    account: EmulatedAccount, container: dict[str, Any], words: str
) -> None:
    assert re.search(words, refusal(lambda: account.register(SERVER, **container)))


@pytest.mark.parametrize(
    "container",
    [
        {"storage": 21},
        {"storage": 200},
        {"cpu": 256},
        {"portMappings": [{"containerPort": PORT}]},
        {"healthCheck": {"command": ["NONE"]}},
        {"environment": [{"name": "A", "value": "1"}], "secrets": [{"name": "B", "valueFrom": "/tests/password"}]},
        logged_with(mode="blocking"),
        logged_with(mode="non-blocking", **{"max-buffer-size": "10m"}),
    ],
)
def test_a_definition_at_the_limits_of_fargate_is_taken(account: EmulatedAccount, container: dict[str, Any]) -> None:
    assert account.register(SERVER, **container)


def test_a_task_needs_a_way_to_the_internet(account: EmulatedAccount) -> None:
    subnet = account.ec2.create_subnet(VpcId=account.vpc, CidrBlock="10.0.9.0/24")["Subnet"]["SubnetId"]
    task = account.run_until_stopped(account.register(SERVER), subnet)
    assert f"Subnet {subnet} needs a route to an internet gateway" in task["stoppedReason"]


class Elsewhere(NamedTuple):
    """A subnet and a security group of another VPC."""

    subnet: str
    group: str


@pytest.fixture(scope="module")
def elsewhere(account: EmulatedAccount) -> Elsewhere:
    vpc = account.ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    group = account.ec2.create_security_group(GroupName="elsewhere", Description="tasks", VpcId=vpc)["GroupId"]
    return Elsewhere(account.ec2.create_subnet(VpcId=vpc, CidrBlock="10.2.0.0/24")["Subnet"]["SubnetId"], group)


ABSENT_SUBNET, ABSENT_GROUP = "subnet-00000000000000000", "sg-00000000000000000"
Network = Callable[[EmulatedAccount, Elsewhere], tuple[list[str], list[str]]]
"""Returns subnets and security groups."""

NETWORKS: dict[str, tuple[Network, str]] = {
    "no subnet": (lambda a, _: ([], [a.group]), "subnets can not be empty."),
    "an absent subnet": (
        lambda a, _: ([a.subnet, ABSENT_SUBNET], [a.group]),
        (
            rf"Error retrieving subnet information for \[subnet-\w+, {ABSENT_SUBNET}\]: The subnet ID "
            rf"'{ABSENT_SUBNET}' does not exist \(ErrorCode: InvalidSubnetID.NotFound\)"
        ),
    ),
    "subnets of two VPCs": (
        lambda a, other: ([a.subnet, other.subnet], [a.group]),
        "The input subnets do not appear to belong to the same VPC.",
    ),
    "an absent group": (
        lambda a, _: ([a.subnet], [a.group, ABSENT_GROUP]),
        (
            rf"Error retrieving security group information for \[sg-\w+, {ABSENT_GROUP}\]: The security group "
            rf"'{ABSENT_GROUP}' does not exist \(ErrorCode: InvalidGroup.NotFound\)"
        ),
    ),
    "a group of another VPC": (
        lambda a, other: ([a.subnet], [a.group, other.group]),
        r"Security group sg-\w+ does not appear to belong to the same VPC as the input subnets.",
    ),
}


@pytest.mark.parametrize("action", ["CreateService", "UpdateService", "RunTask"])
@pytest.mark.parametrize(("network", "words"), NETWORKS.values(), ids=NETWORKS)
def test_a_network_in_which_no_task_can_be_is_refused(
    account: EmulatedAccount,
    reachable: EmulatedService,
    elsewhere: Elsewhere,
    network: Network,
    words: str,
    action: str,
) -> None:
    definition = reachable.describe()["taskDefinition"]
    subnets, groups = network(account, elsewhere)
    named = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": groups}}}
    started = {"cluster": CLUSTER, "taskDefinition": definition, "launchType": "FARGATE", **named}
    calls: dict[str, Callable[[], Any]] = {
        "CreateService": lambda: account.ecs.create_service(serviceName="nowhere", desiredCount=1, **started),
        "UpdateService": lambda: account.ecs.update_service(cluster=CLUSTER, service=reachable.name, **named),
        "RunTask": lambda: account.ecs.run_task(**started),
    }

    assert re.fullmatch(f"InvalidParameterException: {words}", refusal(calls[action]))

    every_group = account.ec2.describe_security_groups()["SecurityGroups"]
    assert ABSENT_GROUP not in [group["GroupId"] for group in every_group]


def test_a_service_whose_network_has_gone_says_so_and_goes_on_once_it_has_another(
    account: EmulatedAccount, subtests: pytest.Subtests
) -> None:
    subnet = account.ec2.create_subnet(VpcId=account.vpc, CidrBlock="10.0.24.0/24")["Subnet"]["SubnetId"]
    account.ec2.associate_route_table(RouteTableId=account.route_table, SubnetId=subnet)
    definition = account.register(SERVER)
    service = account.create_service(definition)

    def move(subnet: str, group: str) -> None:
        network = {"subnets": [subnet], "securityGroups": [group], "assignPublicIp": "ENABLED"}
        service.deploy(definition, networkConfiguration={"awsvpcConfiguration": network})
        service.wait_until_completed()
        service.scale(0)
        until(lambda: not service.tasks() and not account.interfaces(group), 20, "end of the tasks")

    with subtests.test("a subnet"):
        move(subnet, service.group)
        account.ec2.delete_subnet(SubnetId=subnet)
        service.scale(1)
        reason = f"was unable to place a task. Reason: Error retrieving subnet information for [{subnet}]: The subnet"
        until(lambda: reason in service.events(), 10, "event of the service")
        assert service.tasks() == []

    with subtests.test("a security group"):
        group = account.create_group("127.0.0.0/8")
        move(account.subnet, group)
        account.ec2.delete_security_group(GroupId=group)
        service.scale(1)
        until(lambda: "is unable to consistently start tasks successfully." in service.events(), 20, "event")
        failed = [each for each in service.tasks("STOPPED") if each["stopCode"] == "TaskFailedToStart"]
        assert {each["stoppedReason"].partition(": ")[2] for each in failed} == {
            f"The security group '{group}' does not exist (ErrorCode: InvalidGroup.NotFound)"
        }

    with subtests.test("and another"):
        move(account.subnet, service.group)


def test_docker_hub_gives_out_no_more_images_than_its_rate_limit_allows(
    emulator: Emulator, account: EmulatedAccount
) -> None:
    with limits(emulator.endpoint, pulls=False):
        task = account.run_until_stopped(account.register(SERVER))
        other = account.run_until_stopped(account.register(SERVER, image="public.ecr.aws/acme/airflow:1"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert re.match(r"CannotPullContainerError: .* 429 Too Many Requests .*toomanyrequests: ", task["stoppedReason"])
    assert "toomanyrequests" not in other["stoppedReason"]


def test_no_more_vcpus_run_than_the_account_has(emulator: Emulator, account: EmulatedAccount) -> None:
    definition = account.register(SERVER)  # 0.25 vCPU
    with limits(emulator.endpoint, vcpus=0.1):
        assert "limit on the number of vCPUs" in refusal(lambda: account.run_task(definition))
        service = account.create_service(definition)
        service.wait_until_failed()
    assert "was unable to place a task. Reason: You've reached the limit on the number of vCPUs" in service.events()
    assert service.tasks("STOPPED") == []


def test_a_task_runs_in_a_zone_that_has_room(emulator: Emulator, account: EmulatedAccount) -> None:
    definition = account.register([*PYTHON, ""])
    zones = ("us-east-1a", "us-east-1b")
    subnets = [
        account.ec2.create_subnet(VpcId=account.vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for cidr, zone in zip(("10.0.20.0/24", "10.0.21.0/24"), zones, strict=True)
    ]
    for subnet in subnets:
        account.ec2.associate_route_table(RouteTableId=account.route_table, SubnetId=subnet)
    with limits(emulator.endpoint, full_zones=zones[:1]):
        assert account.run_until_stopped(definition, *subnets)["availabilityZone"] == zones[1]
    with limits(emulator.endpoint, full_zones=zones):
        words = refusal(lambda: account.run_task(definition, *subnets))
    assert "Capacity is unavailable at this time. Please try again later or in a different availability zone" in words


def test_a_task_runs_in_no_zone_that_fargate_does_not_have(account: EmulatedAccount) -> None:
    definition = account.register([*PYTHON, ""])
    local_zone, zone = (
        account.ec2.create_subnet(VpcId=account.vpc, CidrBlock=cidr, AvailabilityZone=name)["Subnet"]["SubnetId"]
        for cidr, name in (("10.0.22.0/24", "us-east-1-bos-1a"), ("10.0.23.0/24", "us-east-1b"))
    )
    account.ec2.associate_route_table(RouteTableId=account.route_table, SubnetId=zone)
    assert account.run_until_stopped(definition, local_zone, zone)["availabilityZone"] == "us-east-1b"
    words = refusal(lambda: account.run_task(definition, local_zone))
    assert "Fargate is not supported in the requested availability zone: us-east-1-bos-1a" in words


def test_an_account_sees_the_local_zone_that_it_opted_in_to_among_the_others(account: EmulatedAccount) -> None:
    def names(**request: Any) -> list[str]:
        zones = account.ec2.describe_availability_zones(**request)["AvailabilityZones"]
        return [zone["ZoneName"] for zone in zones]

    assert names()[:2] == ["us-east-1-bos-1a", "us-east-1a"]
    assert names(Filters=[{"Name": "zone-type", "Values": ["local-zone"]}]) == ["us-east-1-bos-1a"]
    [default] = account.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    subnets = account.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [default["VpcId"]]}])["Subnets"]
    assert {subnet["AvailabilityZone"] for subnet in subnets} == set(names()) - {"us-east-1-bos-1a"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("isolation", ["namespaces", "user-namespaces", "none"])
def test_a_task_is_reached_reaches_aws_and_leaves_no_process(
    isolation: Isolation, number: signal.Signals, tmp_path: Path
) -> None:
    skip_without(isolation)
    # A grandchild in a session of its own: neither its parent nor a process group takes it along.
    program = f"import subprocess; subprocess.Popen(['sleep', '99'], start_new_session=True){WEB_SERVER}"
    emulator = Emulator(tmp_path, "--isolation", isolation)
    try:
        account = EmulatedAccount(emulator.endpoint)
        service = account.create_service(account.register([*PYTHON, program]))
        service.task()
        assert until(lambda: answer(service, "/aws"), 10, "answer of the task") == "200"
        family = emulator.family()
        assert "sleep" in [each.name() for each in family]
    finally:
        emulator.stop(number)
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_a_container_that_ends_late_is_started_again_in_the_same_task_and_does_not_count(
    emulator: Emulator, account: EmulatedAccount
) -> None:
    never_healthy = {**HEALTH_CHECK, "command": ["CMD", "false"], "startPeriod": 300}
    service = account.create_service(account.register(SERVER, restartPolicy=RESTARTS, healthCheck=never_healthy))
    task, address = service.task(), service.address()
    until(lambda: answer(service, "/runs"), 10, "answer of the container")

    pass_time(emulator.endpoint, RESTARTS["restartAttemptPeriod"])
    with pytest.raises(http.client.RemoteDisconnected):
        service.get("/exit")

    assert until(lambda: answer(service, "/runs"), 10, "answer of the restarted container") == "run run "
    assert service.task()["taskArn"] == task["taskArn"]
    assert service.address() == address
    assert (service.deployment()["rolloutState"], service.deployment()["failedTasks"]) == ("IN_PROGRESS", 0)


@pytest.mark.parametrize(("action", "is_read"), [("DescribeParameters", True), ("PutParameter", False)])
def test_a_read_that_meets_a_change_is_done_again(monkeypatch: pytest.MonkeyPatch, action: str, is_read: bool) -> None:
    asked: list[str] = []

    def action_of(_: BaseResponse) -> str:
        return action

    def change_meanwhile(_: BaseResponse) -> str:
        asked.append(action)
        if len(asked) == 1:
            raise RuntimeError("dictionary changed size during iteration")
        return "read"

    monkeypatch.setattr(BaseResponse, "_get_action", action_of)
    monkeypatch.setattr(BaseResponse, "call_action", change_meanwhile)
    read_while_others_write()
    request = BaseResponse(service_name="ssm")

    if is_read:
        assert request.call_action() == "read"
    else:
        with pytest.raises(RuntimeError):
            request.call_action()
    assert len(asked) == 1 + is_read


def test_a_role_is_found_while_another_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IAMBackend, "get_roles", IAMBackend.get_roles)  # which is set back in the end
    read_roles_while_others_are_made()
    backend = IAMBackend("aws", "123456789012")

    def make(name: str) -> None:
        backend.create_role(name, "{}", "/", None, "", [], "3600")

    make("first")
    make("second")
    roles = iter(backend.get_roles())
    next(roles)
    make("third")
    assert next(roles).name == "second"
