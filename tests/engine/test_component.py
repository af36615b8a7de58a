"""The component through the real engine and the emulator: created, unchanged, updated, destroyed.

The container runs a stand-in for Airflow that answers its health check; everything else is what a user gets.
"""

import re
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.testing.deployed import AIRFLOW, ARGS, PROGRAM, Deployed, health
from local.testing.workspace import Workspace
from tests.stories import tell

DATABASE_URL = "postgresql://airflow:word@db.example.com/airflow"
"""Nothing is there: the stand-in for Airflow has no database."""


@pytest.fixture
def nothing(cloud: Cloud, tmp_path: Path) -> Deployed:
    """Return a stack for previews: nothing is deployed to it."""
    return Deployed(cloud, Workspace.make(cloud, tmp_path, "", {}))


def test_a_preview_before_anything_exists_shows_what_a_month_will_cost(nothing: Deployed) -> None:
    nothing.configure(cpu=256, memory=1024)

    text = nothing.workspace.preview()

    assert re.search(r"monthly_cost *: 14\.28\n", text), text
    assert re.search(r'monthly_cost_basis *: "USD .* 2026-04', text), text


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("admin_password", "pulumi.Output.secret('hunter2')", "admin_password: has 7 characters; use 12 or more"),
        ("secrets", "{'TOKEN': pulumi.Output.secret('')}", "secrets: has TOKEN with 0 bytes; an SSM parameter holds 1"),
    ],
)
def test_a_refused_output_ends_the_preview_in_the_same_way(
    nothing: Deployed, argument: str, value: str, words: str
) -> None:
    others = {name: given for name, given in ARGS.items() if name != argument}
    nothing.workspace.write(PROGRAM.replace("ARGS", f"{{**{others!r}, {argument!r}: {value}}}"))

    text = nothing.workspace.preview(fails=True)

    assert words in text
    assert "Traceback" not in text
    assert "hunter2" not in text


def test_refused_arguments_end_the_preview_with_one_message_and_no_traceback(nothing: Deployed) -> None:
    nothing.configure(port=80, cpu=1)

    text = nothing.workspace.preview(fails=True)

    assert "port: is 80; use 1024 to 65535" in text
    assert "cpu: is 1; Fargate has" in text
    assert "Traceback" not in text


def test_from_the_first_up_to_destroy(cloud: Cloud, stack: Deployed, subtests: pytest.Subtests) -> None:
    before = cloud.left_behind()
    tell(
        subtests,
        [
            up_ends_when_the_url_answers,
            the_service_runs_the_one_healthy_task_that_was_asked_for,
            the_security_group_has_the_asked_rules_and_no_other,
            every_secret_of_the_container_is_a_secure_string_parameter,
            nothing_is_to_be_done_after_up,
            one_more_allowed_range_touches_only_its_rule,
            another_environment_is_another_task_at_another_address,
            spot_is_another_task_of_the_same_service,
            the_address_is_the_next_tasks_while_the_one_before_is_stopping,
            destroy_takes_the_task_away_before_what_it_needs,
        ],
        stack,
    )
    assert cloud.left_behind() == before


def up_ends_when_the_url_answers(stack: Deployed) -> None:
    stack.configure()
    stack.workspace.up()

    assert health(stack.workspace.outputs()["url"]) == "healthy"


def the_service_runs_the_one_healthy_task_that_was_asked_for(stack: Deployed) -> None:
    [task_arn] = stack.task_arns
    outputs = stack.workspace.outputs()
    [task] = stack.client("ecs").describe_tasks(cluster=outputs["cluster_arn"], tasks=[task_arn])["tasks"]

    assert (task["lastStatus"], task["healthStatus"], task["launchType"]) == ("RUNNING", "HEALTHY", "FARGATE")
    assert task["taskDefinitionArn"] == outputs["task_definition_arn"]
    wanted = {
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "maximumPercent": 100,
        "minimumHealthyPercent": 0,
    }
    assert stack.service["deploymentConfiguration"].items() >= wanted.items()


EGRESS = {
    ("egress", "tcp", 443, 443, "0.0.0.0/0"),
    ("egress", "tcp", 53, 53, "0.0.0.0/0"),
    ("egress", "udp", 53, 53, "0.0.0.0/0"),
}


def rules(stack: Deployed) -> set[tuple[str, str, int, int, str]]:
    """Every rule of the security group: direction, protocol, first port, last port, range."""
    of_group = [{"Name": "group-id", "Values": [stack.workspace.outputs()["security_group_id"]]}]
    return {
        (
            "egress" if rule["IsEgress"] else "ingress",
            rule["IpProtocol"],
            rule["FromPort"],
            rule["ToPort"],
            rule.get("CidrIpv4") or rule["CidrIpv6"],
        )
        for rule in stack.client("ec2").describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]
    }


def the_security_group_has_the_asked_rules_and_no_other(stack: Deployed) -> None:
    assert rules(stack) == {("ingress", "tcp", 8080, 8080, "127.0.0.0/8"), *EGRESS}


def every_secret_of_the_container_is_a_secure_string_parameter(stack: Deployed) -> None:
    values: dict[str, str] = {}
    for secret in stack.container["secrets"]:
        name = secret["valueFrom"].partition(":parameter/")[2]
        parameter = stack.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
        assert parameter["Type"] == "SecureString", secret["name"]
        values[secret["name"]] = parameter["Value"]

    assert values["ADMIN_PASSWORD"] == "correct horse battery"
    assert values["TOKEN"] == "a-token-of-our-own"
    assert len(values["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64


def nothing_is_to_be_done_after_up(stack: Deployed) -> None:
    before = stack.task_arns

    stack.workspace.preview("--expect-no-changes", "--diff")
    stack.workspace.refresh("--expect-no-changes")
    stack.workspace.up("--expect-no-changes")

    assert stack.task_arns == before


def one_more_allowed_range_touches_only_its_rule(stack: Deployed) -> None:
    before = stack.task_arns

    stack.configure(allowed_cidrs=["127.0.0.0/8", "203.0.113.0/24"])
    text = stack.workspace.up()

    assert "+ 1 created" in text
    assert "updated" not in text
    assert rules(stack) == {
        ("ingress", "tcp", 8080, 8080, "127.0.0.0/8"),
        ("ingress", "tcp", 8080, 8080, "203.0.113.0/24"),
        *EGRESS,
    }
    assert stack.task_arns == before


def another_environment_is_another_task_at_another_address(stack: Deployed) -> None:
    task_arns, outputs = stack.task_arns, stack.workspace.outputs()

    stack.configure(environment={"GREETING": "again"})
    stack.workspace.up()

    assert set(stack.task_arns).isdisjoint(task_arns)
    assert len(stack.task_arns) == 1
    assert stack.workspace.outputs()["task_definition_arn"] != outputs["task_definition_arn"]
    assert health(stack.workspace.outputs()["url"]) == "healthy"


def spot_is_another_task_of_the_same_service(stack: Deployed) -> None:
    service, task_arns = stack.service, stack.task_arns

    stack.configure(spot=True)
    stack.workspace.up()

    assert stack.service["serviceArn"] == service["serviceArn"]
    assert stack.service["capacityProviderStrategy"][0]["capacityProvider"] == "FARGATE_SPOT"
    assert len(stack.task_arns) == 1
    assert stack.task_arns != task_arns


def the_address_is_the_next_tasks_while_the_one_before_is_stopping(stack: Deployed) -> None:
    slowly = AIRFLOW.replace("lambda *_: sys.exit(0)", "lambda *_: os.execvp('sleep', ['sleep', '25'])")
    elsewhere = {"command": ["python", "-c", slowly], "database_url": DATABASE_URL, "egress_ports": [5432]}
    stack.configure(**elsewhere)
    stack.workspace.up()
    [before] = stack.task_arns

    stack.configure(**elsewhere, environment={"GREETING": "again"})
    stack.workspace.up()

    outputs = stack.workspace.outputs()
    [stopping] = stack.client("ecs").describe_tasks(cluster=outputs["cluster_arn"], tasks=[before])["tasks"]
    assert stopping["lastStatus"] == "RUNNING"
    assert health(outputs["url"]) == "healthy"


def destroy_takes_the_task_away_before_what_it_needs(stack: Deployed) -> None:
    text = stack.workspace.destroy()

    assert text.index("airflow-service") < text.index("airflow-security-group")
