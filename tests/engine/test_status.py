"""`make status STACK=…` with a stack that it is told nothing of but the name: the URL is never stale unnoticed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.cloud import Cloud
from local.testing.deployed import AIRFLOW, Deployed
from local.testing.workspace import Workspace
from operate.waiting import until
from tests.stories import tell


@dataclass(frozen=True)
class Printed:
    """The output of the command, and its exit code."""

    code: int
    table: list[list[str]]
    message: str


def status(workspace: Workspace, name: str | None = None, **environment: str | None) -> Printed:
    """Run the command as `make status STACK=…` does, in the project's folder; None takes a variable away."""
    result = workspace.command("operate.status", name or workspace.stack.name, **environment)
    return Printed(result.returncode, [line.split() for line in result.stdout.splitlines()], result.stderr)


def replace_task(stack: Deployed) -> None:
    """As AWS does for its maintenance: ECS stops the task, and the service starts another."""
    cluster = stack.workspace.outputs()["cluster_arn"]
    [before] = stack.task_arns
    stack.client("ecs").stop_task(cluster=cluster, task=before, reason="maintenance")

    def healthy() -> bool:
        arns = [arn for arn in stack.task_arns if arn != before]
        return bool(arns) and "HEALTHY" in healths(arns)

    def healths(arns: list[str]) -> list[str]:
        tasks: list[dict[str, Any]] = stack.client("ecs").describe_tasks(cluster=cluster, tasks=arns)["tasks"]
        return [task["healthStatus"] for task in tasks]

    until(healthy, 120, "another healthy task")


def test_what_is_said_of_a_stack_to_which_things_happen(stack: Deployed, subtests: pytest.Subtests) -> None:
    stack.configure(environment={"AIRFLOW__API__BASE_URL": "https://airflow.example.com/below"})
    stack.workspace.up()
    tell(
        subtests,
        [
            a_healthy_task_at_the_url_of_the_output_is_all_that_is_to_be_said,
            the_administrators_password_is_printed_alone,
            a_stale_url_is_said_until_one_of_the_named_commands_has_run,
            a_dag_bundle_that_cannot_be_read_is_said_by_up_and_by_status,
            no_task_at_all_is_said_with_ecs_own_reason_and_what_starts_one,
            without_credentials_aws_is_not_asked_and_that_is_said,
            credentials_come_from_the_environment_as_pulumi_env_run_sets_them,
            a_service_that_others_have_deleted_is_said_to_be_gone,
        ],
        stack,
    )


def a_healthy_task_at_the_url_of_the_output_is_all_that_is_to_be_said(stack: Deployed) -> None:
    outputs = stack.workspace.outputs()
    [task] = stack.task_arns

    answer = status(stack.workspace)

    headings, row = answer.table
    assert headings == ["SERVICE", "TASK", "STATUS", "HEALTH", "AGE", "URL"]
    service = outputs["service_arn"].rpartition("/")[2]
    assert (row[:4], row[-1]) == ([service, task.rpartition("/")[2], "RUNNING", "HEALTHY"], outputs["url"])
    assert row[-2] in ("s", "min")
    assert (answer.code, answer.message) == (0, "")


def the_administrators_password_is_printed_alone(stack: Deployed) -> None:
    printed = stack.workspace.command("operate.password", stack.workspace.stack.name)

    assert (printed.stdout, printed.stderr) == (f"{stack.workspace.outputs()['admin_password']}\n", "")


def a_stale_url_is_said_until_one_of_the_named_commands_has_run(stack: Deployed) -> None:
    workspace = stack.workspace
    updates = {
        f"pulumi up --stack {workspace.stack.name}": lambda: workspace.up(),
        f"pulumi refresh --run-program --stack {workspace.stack.name}": lambda: workspace.refresh("--run-program"),
    }
    for update in updates.values():
        stale = workspace.outputs()["url"]
        replace_task(stack)

        answer = status(workspace)

        assert answer.code == 1
        named = " or ".join(f"`{command}`" for command in updates)
        assert answer.message == (
            f"The stack's output says {stale}: the task was replaced since. {named} brings it up to date.\n"
        )
        current = answer.table[1][-1]
        assert current != stale

        update()

        assert workspace.outputs()["url"] == current
        assert status(workspace).code == 0


def a_dag_bundle_that_cannot_be_read_is_said_by_up_and_by_status(stack: Deployed) -> None:
    said = "DAG bundle git cannot be read: OSError: git.example.com does not answer at port 443: timed out"
    print_it = f"print('dag-processor | {said}', flush=True)"
    stack.configure(command=["python", "-c", f"{print_it}\n{AIRFLOW}"])

    text = stack.workspace.up()
    answer = status(stack.workspace)

    warning = f"{said}. Airflow runs without its DAGs, and tries again all the time."
    assert f"warning: {warning}" in text
    assert (answer.code, answer.message) == (0, f"{warning}\n")

    stack.configure(command=["python", "-c", f"{print_it}\nprint('DAG bundle git is read again')\n{AIRFLOW}"])

    assert said not in stack.workspace.up()
    assert status(stack.workspace).message == ""


def no_task_at_all_is_said_with_ecs_own_reason_and_what_starts_one(stack: Deployed) -> None:
    workspace, outputs = stack.workspace, stack.workspace.outputs()
    request = {"cluster": outputs["cluster_arn"], "service": outputs["service_arn"]}
    stack.client("ecs").update_service(**request, desiredCount=0)
    until(lambda: not stack.service["runningCount"], 60, "end of the task")

    answer = status(workspace)

    assert answer.code == 1
    assert "STOPPED" in answer.table[1]
    assert "No task runs, of 0 wanted. ECS says: (service airflow-service-" in answer.message
    assert f"`pulumi up --refresh --stack {workspace.stack.name}` does." in answer.message

    workspace.up("--refresh")

    assert status(workspace).code == 0


def without_keys(stack: Deployed) -> Path:
    """Write the configuration that a stack on AWS has: it names no keys, which come from the environment."""
    home, name = stack.cloud.home.stack, f"Pulumi.{stack.workspace.stack.name}.yaml"
    configuration = yaml.safe_load((home / name).read_text())
    for key in ("aws:accessKey", "aws:secretKey"):
        del configuration["config"][key]
    file = home / "without-keys.yaml"
    file.write_text(yaml.safe_dump(configuration))
    return file


def without_credentials_aws_is_not_asked_and_that_is_said(stack: Deployed) -> None:
    answer = status(
        stack.workspace,
        PULUMI_OPTION_CONFIG_FILE=str(without_keys(stack)),
        HOME=str(stack.cloud.home.stack),
        AWS_ACCESS_KEY_ID=None,
        AWS_SECRET_ACCESS_KEY=None,
    )

    assert answer.code == 2
    assert "error: AWS could not be asked: Unable to locate credentials" in answer.message
    assert "`aws sts get-caller-identity` shows yours" in answer.message


def credentials_come_from_the_environment_as_pulumi_env_run_sets_them(stack: Deployed) -> None:
    answer = status(
        stack.workspace,
        PULUMI_OPTION_CONFIG_FILE=str(without_keys(stack)),
        HOME=str(stack.cloud.home.stack),
        AWS_ACCESS_KEY_ID="ASIAEXAMPLE",
        AWS_SECRET_ACCESS_KEY="of-the-environment",
        AWS_SESSION_TOKEN="of-the-environment-too",
    )

    assert (answer.code, answer.message) == (0, "")


def a_service_that_others_have_deleted_is_said_to_be_gone(stack: Deployed) -> None:
    outputs = stack.workspace.outputs()
    request = {"cluster": outputs["cluster_arn"], "service": outputs["service_arn"]}
    stack.client("ecs").delete_service(**request, force=True)

    answer = status(stack.workspace)

    assert (answer.code, answer.table) == (1, [])
    assert f"{outputs['service_arn']} was deleted, and not by Pulumi." in answer.message

    assert "somebody has deleted it" in stack.workspace.preview()
    assert "`pulumi up --refresh` creates it again" in stack.workspace.up(fails=True)
    stack.workspace.up("--refresh")
    assert status(stack.workspace).code == 0


def test_a_stack_that_was_never_deployed_is_told_from_one_that_is_not_there(cloud: Cloud, tmp_path: Path) -> None:
    workspace = Workspace.make(cloud, tmp_path, "", {})
    workspace.stack.prepare()

    never, unknown = status(workspace), status(workspace, "nowhere")

    assert never.code == 1
    assert f"The stack {workspace.stack.name} has no outputs: it was never deployed, or its last" in never.message
    assert f"`pulumi up --stack {workspace.stack.name}` deploys it." in never.message
    assert unknown.code == 2
    assert "no stack named 'nowhere' found" in unknown.message
    assert "`pulumi stack ls` lists the stacks." in unknown.message


def test_without_pulumi_it_is_said_where_it_is_had(cloud: Cloud, tmp_path: Path) -> None:
    answer = status(Workspace.make(cloud, tmp_path, "", {}), PATH=os.defpath)

    assert shutil.which("pulumi", path=os.defpath) is None
    assert answer.code == 2
    assert "error: There is no `pulumi` on PATH." in answer.message
