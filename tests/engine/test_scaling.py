"""Application Auto Scaling in the emulator: services that follow a metric or the clock, and protected tasks."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import REGION
from local.emulator.fargate import clock
from local.emulator.fargate.scaling import Course, Tracked, Tracking, wanted
from local.emulator.fargate.schedule import ScheduleError, schedule_of
from local.testing.controls import pass_time
from local.testing.emulated import ACCOUNT, CLUSTER, EmulatedAccount, EmulatedService, Emulator
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
MARCH = (datetime(2027, 3, 26, tzinfo=UTC), datetime(2027, 3, 28, 23, 59, tzinfo=UTC))
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
    return new_target(account)


@pytest.fixture(scope="module")
def unchanged(account: EmulatedAccount) -> EmulatedService:
    """Return one for all tests that change nothing of it."""
    return new_target(account)


def new_target(account: EmulatedAccount) -> EmulatedService:
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


@pytest.mark.parametrize(
    ("expression", "zone", "comes"),
    [
        # 2027-03-26 is a Friday; in Berlin the clocks go from 2 to 3 on the 28th.
        ("at(2027-03-27T12:30:15)", "America/New_York", ["27 16:30:15"]),
        ("at(2027-03-29T12:00:00)", "UTC", []),
        ("rate(1 day)", "UTC", ["27 00:00:00", "28 00:00:00"]),
        ("rate(20 hours)", "UTC", ["26 20:00:00", "27 16:00:00", "28 12:00:00"]),
        ("cron(0 7 ? * MON-FRI *)", "Europe/Berlin", ["26 06:00:00"]),
        ("cron(0 7 ? * SAT,SUN 2027)", "Europe/Berlin", ["27 06:00:00", "28 05:00:00"]),
        ("cron(30 2 * * ? *)", "Europe/Berlin", ["26 01:30:00", "27 01:30:00"]),
        ("cron(0 0/10 27 MAR ? *)", "UTC", ["27 00:00:00", "27 10:00:00", "27 20:00:00"]),
        ("cron(0 12 ? 4 1 *)", "UTC", []),
        ("cron(0 12 * * ? 2026)", "UTC", []),
    ],
)
def test_a_schedule_comes_when_it_says_by_the_clocks_of_its_zone(expression: str, zone: str, comes: list[str]) -> None:
    schedule = schedule_of(expression, zone, None, None, MARCH[0])

    found: list[datetime] = []
    until = MARCH[1]
    while moment := schedule.last(MARCH[0], until):
        found.insert(0, moment)
        until = moment - timedelta(seconds=1)
    assert [f"{moment:%d %H:%M:%S}" for moment in found] == comes


def test_what_the_clocks_show_twice_comes_once() -> None:
    schedule = schedule_of("cron(30 2 ? * * *)", "Europe/Berlin", None, None, MARCH[0])
    first = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)

    assert schedule.last(first - timedelta(hours=1), first + timedelta(hours=2)) == first
    assert schedule.last(first, first + timedelta(hours=2)) is None


def test_a_schedule_comes_at_its_start_too_and_not_after_its_end() -> None:
    start, end = (datetime(2027, 3, 26, hour, 30, tzinfo=UTC) for hour in (1, 3))
    hourly = schedule_of("cron(0 * * * ? *)", "UTC", start, end, MARCH[0])

    assert hourly.last(MARCH[0], start - timedelta(seconds=1)) is None
    assert hourly.last(MARCH[0], start) == start
    assert hourly.last(MARCH[0], MARCH[1]) == end.replace(minute=0)
    assert schedule_of("rate(1 hour)", "UTC", start, end, MARCH[0]).last(MARCH[0], MARCH[1]) == end


@pytest.mark.parametrize(
    "expression",
    [
        *("at(2027-03-27)", "at(2027-13-27T00:00:00)", "at(2027-03-27T00:00:00Z)", "every day", "cron(0 7 * * ? *) "),
        *("rate(0 minutes)", "rate(1 minutes)", "rate(2 hour)", "rate(5 seconds)", "rate(01 days)"),
        *("cron(0 7 * * *)", "cron(0 7 * * * *)", "cron(0 7 ? * ? *)", "cron(60 7 * * ? *)", "cron(0 7 0 * ? *)"),
        *("cron(0 7 ? * FRI-MON *)", "cron(0 7 L * ? *)", "cron(0 7 ? * 2#1 *)", "cron(0 7 * * ? 1969)"),
        *("cron(0/0 7 * * ? *)", "cron(? 7 * * ? *)", "cron(0 7 ? * fri *)"),
    ],
)
def test_a_schedule_that_is_none_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError):
        schedule_of(expression, "UTC", None, None, MARCH[0])


def test_a_scheduled_action_sets_the_bounds_of_a_service_when_its_time_has_come(
    account: EmulatedAccount, emulator: Emulator, scaled: EmulatedService
) -> None:
    name = {**SCALED, "ResourceId": resource(scaled), "ScheduledActionName": "by the clock"}

    def bounds() -> tuple[int, int]:
        [target] = account.scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource(scaled)])[
            "ScalableTargets"
        ]
        return target["MinCapacity"], target["MaxCapacity"]

    def actions() -> list[Any]:
        return account.scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]

    put = account.scaling.put_scheduled_action
    put(**name, Schedule="rate(1 hour)", ScalableTargetAction={"MinCapacity": 2})
    time.sleep(1)
    assert (bounds(), desired(scaled)) == ((0, 4), 0)
    pass_time(emulator.endpoint, 3600)
    until(lambda: desired(scaled) == 2, 10, "as many as the action asks for")
    assert bounds() == (2, 4)

    put(**name, ScalableTargetAction={"MinCapacity": 3})
    assert [each["Schedule"] for each in actions()] == ["rate(1 hour)"]
    pass_time(emulator.endpoint, 3600)
    until(lambda: desired(scaled) == 3, 10, "as many as the action asks for by now")
    account.scaling.delete_scheduled_action(**name)

    once = f"at({datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M:%S})"
    put(**name, Schedule=once, ScalableTargetAction={"MinCapacity": 0, "MaxCapacity": 1})
    pass_time(emulator.endpoint, 30 * 24 * 3600)
    until(lambda: desired(scaled) == 1, 10, "no more than the action allows")
    account.scaling.deregister_scalable_target(**SCALED, ResourceId=resource(scaled))
    assert actions() == []


PROTECTS = """
import os, time, urllib.error, urllib.request
url = os.environ["ECS_AGENT_URI"] + "/task-protection/v1/state"
for body in ('{"ProtectionEnabled": true, "ExpiresInMinutes": %s}' % minutes for minutes in (5, 0, '5, "Forever": 1')):
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"}, method="PUT")
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    print(answer.status, answer.read().decode(), flush=True)
time.sleep(600)
"""
OWN, OTHER = (f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/*" for cluster in (CLUSTER, "other"))


@pytest.mark.parametrize(
    ("resource", "of_a_service", "answers"),
    [
        (OWN, True, ['200 .*"ProtectionEnabled": true', "400 .*must be between 1 minute"]),
        (OWN, False, ['200 .*"failure": .*"Reason": "TASK_NOT_VALID"', "400 .*must be between 1 minute"]),
        (OTHER, True, ["400 .*AccessDeniedException", "400 .*AccessDeniedException"]),
    ],
    ids=["of a service", "of none", "not allowed"],
)
def test_a_container_asks_the_agent_for_its_protection_as_its_role(
    account: EmulatedAccount, resource: str, of_a_service: bool, answers: list[str]
) -> None:
    name = f"protects-{len(resource)}-{of_a_service}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
    role = account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    may = {"Effect": "Allow", "Action": "ecs:UpdateTaskProtection", "Resource": resource}
    account.iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document(may))
    definition = account.register(["python", "-c", PROTECTS], task_role=role)
    task = account.create_service(definition).task() if of_a_service else account.run_task(definition)

    until(lambda: account.task(task)["lastStatus"] == "RUNNING", 20, "the task to run")
    log = until(lambda: lines if len(lines := account.log(task)) == 3 else None, 20, "three answers")
    for answer, line in zip([*answers, "400 .*failed to decode request"], log, strict=True):
        assert re.match(answer, line)


def test_ecs_says_which_tasks_it_does_not_protect(account: EmulatedAccount) -> None:
    alone = account.run_task(account.register(WAITS, portMappings=[]))["taskArn"]
    answer = account.ecs.update_task_protection(cluster=CLUSTER, tasks=[alone, "absent"], protectionEnabled=True)

    assert answer["protectedTasks"] == []
    assert answer["failures"] == [{"arn": alone, "reason": "TASK_NOT_VALID"}, {"arn": "absent", "reason": "MISSING"}]


@pytest.mark.parametrize(
    ("operation", "given", "said"),
    [
        ("put_scaling_policy", {"ResourceId": "service/a/b"}, "No scalable target registered"),
        (
            "put_scaling_policy",
            {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1.0}},
            "a CustomizedMetricSpecification of one metric",
        ),
        ("put_scheduled_action", {"ResourceId": "service/a/b"}, "No scalable target registered"),
        ("put_scheduled_action", {"Schedule": "cron(0 7 * * *)"}, "has 5 fields, not 6"),
        ("put_scheduled_action", {"Timezone": "Berlin"}, "Invalid timezone: Berlin"),
        ("put_scheduled_action", {"StartTime": 2, "EndTime": 1}, "start time must be before the end time"),
        ("put_scheduled_action", {"Schedule": "at(2099-01-01T00:00:00)", "EndTime": 1}, "it comes once"),
        ("put_scheduled_action", {"ScalableTargetAction": {}}, "with one capacity at least"),
        ("put_scheduled_action", {"ScalableTargetAction": {"MinCapacity": -1}}, "must not be negative"),
        (
            "put_scheduled_action",
            {"ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 1}},
            "the minimum above the maximum",
        ),
        ("delete_scheduled_action", {}, "No scheduled action found"),
        ("register_scalable_target", {"SuspendedState": {"ScheduledScalingSuspended": True}}, "suspends no scaling"),
    ],
)
def test_what_the_local_cloud_does_not_do_is_refused(
    account: EmulatedAccount, unchanged: EmulatedService, operation: str, given: dict[str, Any], said: str
) -> None:
    of = {
        "put_scaling_policy": policy(),
        "put_scheduled_action": {
            "ScheduledActionName": "action",
            "Schedule": "rate(1 hour)",
            "ScalableTargetAction": {"MinCapacity": 1},
        },
        "delete_scheduled_action": {"ScheduledActionName": "action"},
    }

    with pytest.raises(ClientError, match=said):
        getattr(account.scaling, operation)(
            **{**SCALED, **of.get(operation, {}), "ResourceId": resource(unchanged), **given}
        )


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
