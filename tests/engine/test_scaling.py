"""Application Auto Scaling in the emulator: services that follow a metric, and tasks that are protected from that."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.fargate import clock
from local.emulator.fargate.scaling import Course, Tracked, Tracking, wanted
from local.testing.controls import pass_time
from local.testing.emulated import ACCOUNT, CLUSTER, REGION, EmulatedAccount, EmulatedService, Emulator
from operate.waiting import until

WAITS = ["python", "-c", "import time; time.sleep(600)"]
DIMENSIONS = [{"Name": "Cluster", "Value": CLUSTER}]
SCALED = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
TRACKING = {
    "CustomizedMetricSpecification": {
        "Dimensions": DIMENSIONS,
        "MetricName": "Load",
        "Namespace": "Tests",
        "Statistic": "Maximum",
    },
    "ScaleInCooldown": 60,
    "ScaleOutCooldown": 60,
    "TargetValue": 100.0,
}
POLICY = Tracking(("Tests", "Load", ()), 100, 0, 8, 60, 60, scales_in=True)


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> EmulatedAccount:
    return EmulatedAccount(emulator.endpoint)


@pytest.mark.parametrize(
    ("desired", "value", "minutes", "deploys", "becomes"),
    [
        (0, 101, 0, False, 1),  # from nothing, at once and by the least
        (0, 900, 0, False, 1),
        (0, 100, 0, False, 0),
        (2, 101, 1, False, 2),
        (2, 101, 2, False, 3),
        (2, 250, 2, True, 5),
        (2, 900, 2, False, 8),
        (2, 95, 99, False, 2),
        (4, 50, 13, False, 4),
        (4, 50, 14, False, 2),
        (4, 50, 14, True, 4),
        (4, 0, 14, False, 0),
        (9, 95, 0, False, 8),  # the bounds count whatever the metric says
    ],
)
def test_a_metric_has_a_service_scaled_in_proportion_after_three_minutes_above_and_fifteen_below(
    monkeypatch: pytest.MonkeyPatch, desired: int, value: float, minutes: int, *, deploys: bool, becomes: int
) -> None:
    monkeypatch.setattr(clock, "now", lambda: 1000.0)
    tracked = Tracked(Course())
    tracked.course.say(value, POLICY.target)

    assert wanted(POLICY, tracked, desired, 1000.0 + minutes * 60, is_deploying=deploys) == becomes


def test_it_is_not_scaled_twice_in_a_cooldown_nor_by_what_was_said_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: 1000.0)
    tracked = Tracked(Course(), scaled_at=1000.0 + 110)
    tracked.course.say(300, POLICY.target)

    assert wanted(POLICY, tracked, 2, 1000.0 + 120, is_deploying=False) == 2
    assert wanted(POLICY, tracked, 2, 1000.0 + 170, is_deploying=False) == 6

    tracked.course.said_at = time.monotonic() - 200
    assert wanted(POLICY, tracked, 2, 1000.0 + 170, is_deploying=False) == 2


@pytest.fixture
def scaled(account: EmulatedAccount) -> EmulatedService:
    """Return a service without a task, which may have four."""
    service = account.create_service(account.register(WAITS, portMappings=[]))
    account.ecs.update_service(cluster=CLUSTER, service=service.name, desiredCount=0)
    until(lambda: service.tasks() == [], 20, "no task")
    account.scaling.register_scalable_target(**SCALED, ResourceId=resource(service), MinCapacity=0, MaxCapacity=4)
    return service


def test_a_service_has_tasks_when_its_metric_asks_for_them_and_none_when_it_does_not(
    account: EmulatedAccount, emulator: Emulator, scaled: EmulatedService
) -> None:
    def is_scaled_to(count: int) -> bool:
        pass_time(emulator.endpoint, 60)
        return desired(scaled) == count

    put_policy(account, scaled)
    say(account, 200)
    until(lambda: desired(scaled) == 1, 10, "the first task")

    say(account, 300)
    until(lambda: is_scaled_to(3), 20, "as many as it takes")
    until(lambda: len(scaled.tasks()) == 3, 20, "three tasks")

    say(account, 0)
    until(lambda: is_scaled_to(0), 20, "no task to be wanted")
    account.scaling.deregister_scalable_target(**SCALED, ResourceId=resource(scaled))
    assert account.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []


def test_a_task_that_is_protected_stays_and_another_is_stopped_in_its_place(
    account: EmulatedAccount, emulator: Emulator, scaled: EmulatedService
) -> None:
    ecs = account.ecs
    ecs.update_service(cluster=CLUSTER, service=scaled.name, desiredCount=3)
    until(lambda: [each["lastStatus"] for each in scaled.tasks()] == ["RUNNING"] * 3, 20, "three tasks")
    newest = max(scaled.tasks(), key=lambda task: task["createdAt"])["taskArn"]
    protect = {"cluster": CLUSTER, "tasks": [newest]}
    ecs.update_task_protection(**protect, protectionEnabled=True, expiresInMinutes=10)
    assert ecs.get_task_protection(**protect)["protectedTasks"][0]["protectionEnabled"]

    ecs.update_service(cluster=CLUSTER, service=scaled.name, desiredCount=1)
    until(lambda: [each["taskArn"] for each in scaled.tasks()] == [newest], 20, "the others to be stopped")
    ecs.update_service(cluster=CLUSTER, service=scaled.name, desiredCount=0)
    time.sleep(1)
    assert len(scaled.tasks()) == 1

    pass_time(emulator.endpoint, 10 * 60)
    until(lambda: scaled.tasks() == [], 20, "the protection to end")


PROTECTS = """
import os, urllib.error, urllib.request
url = os.environ["ECS_AGENT_URI"] + "/task-protection/v1/state"
for minutes in (5, 0):
    body = '{"ProtectionEnabled": true, "ExpiresInMinutes": %s}' % minutes
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"}, method="PUT")
    try:
        print(urllib.request.urlopen(request).read().decode())
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode())
"""


@pytest.mark.parametrize(
    ("resource", "answers"),
    [
        (f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{CLUSTER}/*", ['"ProtectionEnabled": true', "must be between 1 minute"]),
        (f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/other/*", ["AccessDeniedException", "AccessDeniedException"]),
    ],
)
def test_a_container_asks_the_agent_for_its_protection_as_its_role(
    account: EmulatedAccount, resource: str, answers: list[str]
) -> None:
    name = f"protects-{len(resource)}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
    role = account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    may = {"Effect": "Allow", "Action": "ecs:UpdateTaskProtection", "Resource": resource}
    account.iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document(may))
    task = account.run_until_stopped(account.register(["python", "-c", PROTECTS], task_role=role))

    log = account.log(task)
    assert len(log) == 2
    assert all(answer in line for answer, line in zip(answers, log, strict=True)), log


@pytest.mark.parametrize(
    ("operation", "given", "said"),
    [
        ("put_scaling_policy", {"ResourceId": "service/a/b"}, "No scalable target registered"),
        (
            "put_scaling_policy",
            {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1.0}},
            "a CustomizedMetricSpecification of one metric",
        ),
        ("put_scheduled_action", {"ScheduledActionName": "a", "Schedule": "rate(1 hour)"}, "no scheduled actions"),
    ],
)
def test_what_the_local_cloud_does_not_do_is_refused(
    account: EmulatedAccount, scaled: EmulatedService, operation: str, given: dict[str, Any], said: str
) -> None:
    of = policy() if operation == "put_scaling_policy" else {}

    with pytest.raises(ClientError, match=said):
        getattr(account.scaling, operation)(**{**SCALED, **of, "ResourceId": resource(scaled), **given})


def policy() -> dict[str, Any]:
    return {"PolicyName": "policy", "PolicyType": "TargetTrackingScaling"}


def resource(service: EmulatedService) -> str:
    return f"service/{CLUSTER}/{service.name}"


def desired(service: EmulatedService) -> int:
    return service.describe()["desiredCount"]


def put_policy(account: EmulatedAccount, service: EmulatedService) -> None:
    account.scaling.put_scaling_policy(
        **SCALED, **policy(), ResourceId=resource(service), TargetTrackingScalingPolicyConfiguration=TRACKING
    )


def say(account: EmulatedAccount, value: float) -> None:
    datum = {"MetricName": "Load", "Dimensions": DIMENSIONS, "Value": value}
    account.cloudwatch.put_metric_data(Namespace="Tests", MetricData=[datum])


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
