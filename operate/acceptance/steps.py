"""The steps, in their order: each says in a line what it has seen, or fails with the reason."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from operate import status
from operate.acceptance.trial import SkippedError, Trial
from operate.console import CommandError
from operate.rest import RestClient
from operate.waiting import until

DAG, TASK = "etl_orders", "load"
"""One of the repository's own, and its last task."""

KILL = (
    "import os, pathlib; "
    "[os.kill(int(line.parent.name), 9) for line in pathlib.Path('/proc').glob('[0-9]*/cmdline') "
    "if line.read_bytes().startswith(b'airflow scheduler')]"
)
"""By Python, since the image need not have `pkill`."""

ASK = "import os; print('AIRFLOW_HOME', 'is', os.environ['AIRFLOW_HOME'])"
HEARD = "AIRFLOW_HOME is /opt/airflow"
"""The container's answer; its words are apart in the question, which a terminal may show as well."""

Step = Callable[[Trial], str]


def a_first_account(trial: Trial) -> str:
    iam = trial.client("iam")
    try:
        role = iam.get_role(RoleName="AWSServiceRoleForECS")["Role"]
    except iam.exceptions.NoSuchEntityException:
        return "ECS has no service-linked role yet: the first `pulumi up` of the account follows"
    raise SkippedError(f"ECS has had its service-linked role since {role['CreateDate']:%Y-%m-%d}: not a first account")


def preview(trial: Trial) -> str:
    trial.configure()
    printed = trial.preview()
    [cost] = [line.split(":")[1].strip() for line in printed.splitlines() if line.strip().startswith("monthly_cost ")]
    return f"{cost} USD a month"


def up(trial: Trial) -> str:
    trial.up()
    return healthy(trial)


def no_changes_after_up(trial: Trial) -> str:
    trial.preview("--expect-no-changes", "--diff")
    return "a preview shows no change"


def no_changes_after_refresh(trial: Trial) -> str:
    trial.refresh()
    trial.preview("--expect-no-changes", "--diff")
    return "nor does one after a refresh"


def a_dag_runs(trial: Trial) -> str:
    rest = trial.rest
    run = rest.run_dag(DAG, 300)
    if not rest.task_log(DAG, run, TASK):
        raise CommandError(f"The log of {DAG}.{TASK} is empty.")
    return f"{DAG} succeeded, and the log of its last task can be read"


def status_is_right(trial: Trial) -> str:
    with contextlib.redirect_stdout(sys.stderr):  # the acceptance's own table is all that it prints
        wrong = status.report(trial.outputs, trial.read, update="`pulumi up`", restore="`pulumi up --refresh`")
    if wrong:
        raise CommandError("`make status` says that something is wrong; see above.")
    return "`make status` finds the task at the output's URL"


def a_command_by_ecs_exec(trial: Trial) -> str:
    plugin = session_plugin(trial)
    printed = run_in_container(trial.client("ecs"), plugin, trial.task(), f'python -c "{ASK}"')
    if HEARD not in printed:
        raise CommandError(f"The command in the container was to print {HEARD}, and printed: {printed}")
    return f"the container says {HEARD}"


def a_killed_scheduler(trial: Trial) -> str:
    plugin = session_plugin(trial)
    task, rest = trial.task(), trial.rest
    runs = dag_runs(rest)
    # An end that is earlier counts as a start that failed.
    [container] = trial.task_definition()["containerDefinitions"]
    period = timedelta(seconds=container["restartPolicy"]["restartAttemptPeriod"])
    until(lambda: datetime.now(UTC) - task["startedAt"] > period, 360, "the container's restart period", every=5)
    run_in_container(trial.client("ecs"), plugin, task, f'python -c "{KILL}"')
    until(lambda: not answers(rest), 120, "Airflow to end", every=1)
    until(lambda: answers(rest), 300, "Airflow to be back", every=5)
    if trial.task()["taskArn"] != task["taskArn"]:
        raise CommandError("ECS has started another task instead of the container in the same one.")
    if (now := dag_runs(rest)) != runs:
        raise CommandError(f"Before the kill there were the runs {runs}, and now {now}.")
    return f"back in the same task, with its {len(runs)} runs"


def a_failed_up(trial: Trial) -> str:
    """Deny ECS a parameter that only the new task has: what ran before can start again, as a rollback needs."""
    iam, arn = trial.client("iam"), trial.task_definition()["executionRoleArn"]
    policy = {"RoleName": arn.rpartition("/")[2], "PolicyName": "acceptance"}
    document = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Action": "ssm:GetParameters",
            "Resource": f"arn:{arn.split(':')[1]}:ssm:*:*:parameter/*ACCEPTANCE*",
        },
    }
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))
    try:
        trial.configure()
        trial.configure_secret("secrets.ACCEPTANCE", "nothing that is secret")
        printed = trial.failing_up()
    finally:
        iam.delete_role_policy(**policy)
    if "ResourceInitializationError" not in printed:
        raise CommandError(f"`pulumi up` does not say why ECS could not start the task:\n{printed}")
    return "fails with ECS's reason"


def the_same_up(trial: Trial) -> str:
    trial.up()
    return healthy(trial)


def packages_in_conflict(trial: Trial) -> str:
    trial.configure(pipRequirements=["flask==3.0.0", "werkzeug==2.0.0"])
    printed = trial.failing_up()
    if "conflict" not in printed:
        raise CommandError(f"`pulumi up` does not say what pip said:\n{printed}")
    return "fails with pip's words"


def spot(trial: Trial) -> str:
    before = trial.outputs["service_arn"]
    trial.configure(spot=True)
    trial.up()
    strategies = {each["capacityProvider"] for each in trial.service()["capacityProviderStrategy"]}
    if strategies != {"FARGATE_SPOT"} or trial.outputs["service_arn"] != before:
        raise CommandError(f"The service runs on {strategies}, as {trial.outputs['service_arn']}, before {before}.")
    return f"the same service, {healthy(trial)}"


def arm64(trial: Trial) -> str:
    trial.configure(cpuArchitecture="ARM64")
    trial.up()
    architecture = trial.task_definition()["runtimePlatform"]["cpuArchitecture"]
    if architecture != "ARM64":
        raise CommandError(f"The task definition says {architecture}.")
    return healthy(trial)


def destroy(trial: Trial) -> str:
    vpcs = [{"Name": "vpc-id", "Values": [trial.outputs.get("vpc_id", "")]}]
    trial.destroy()
    # By a filter: an id whose VPC has gone would be an error.
    if left := [*trial.resources, *trial.client("ec2").describe_vpcs(Filters=vpcs)["Vpcs"]]:
        raise CommandError(f"There are still {json.dumps(left, default=str)}")
    return "the state is empty, and the VPC gone"


def us_west_1(trial: Trial) -> str:
    """Where AWS has zones without Fargate."""
    trial.in_region("us-west-1")
    trial.configure()
    trial.up()
    seen = healthy(trial)
    destroy(trial)
    return f"{seen}, and destroyed"


STEPS: tuple[Step, ...] = (
    a_first_account,
    preview,
    up,
    no_changes_after_up,
    no_changes_after_refresh,
    a_dag_runs,
    status_is_right,
    a_command_by_ecs_exec,
    a_killed_scheduler,
    a_failed_up,
    the_same_up,
    packages_in_conflict,
    spot,
    arm64,
    destroy,
    us_west_1,
)


def healthy(trial: Trial) -> str:
    rest = trial.rest
    if not answers(rest):
        raise CommandError(f"`pulumi up` has ended, and {rest.url} is not healthy.")
    return f"healthy at {rest.url}"


def answers(rest: RestClient) -> bool:
    try:
        health = rest.request("GET", "/api/v2/monitor/health")
    except OSError:
        return False
    return health.status == 200 and all(part["status"] == "healthy" for part in health.json.values())


def dag_runs(rest: RestClient) -> list[tuple[str, str]]:
    """Return the id and state of every run."""
    runs = rest.api("GET", "/dags/~/dagRuns").json["dag_runs"]
    return sorted((run["dag_run_id"], run["state"]) for run in runs)


def session_plugin(trial: Trial) -> str:
    """Return the Session Manager plugin's path; without it, and without AWS, steps by ECS Exec are skipped."""
    if not trial.is_on_aws:
        raise SkippedError("the AWS that the stack's configuration points at is an emulator, which has no ECS Exec")
    if plugin := shutil.which("session-manager-plugin"):
        return plugin
    raise SkippedError("there is no session-manager-plugin on PATH: docs/aws-acceptance.md says where it is had")


def run_in_container(ecs: Any, plugin: str, task: dict[str, Any], command: str) -> str:
    """Run a command by ECS Exec as the AWS CLI does, in a session of the plugin's, and return what it printed."""
    [container] = task["containers"]
    cluster = task["clusterArn"]
    session = ecs.execute_command(
        cluster=cluster, task=task["taskArn"], container=container["name"], interactive=True, command=command
    )["session"]
    target = f"ecs:{cluster.rpartition('/')[2]}_{task['taskArn'].rpartition('/')[2]}_{container['runtimeId']}"
    region = cluster.split(":")[3]
    arguments = [json.dumps(session), region, "StartSession", "", json.dumps({"Target": target}), ""]
    # Without a terminal the plugin ends with "Cannot perform start session: EOF" (aws/amazon-ssm-agent#354).
    ours, its = pty.openpty()
    try:
        return subprocess.run(
            [plugin, *arguments], check=True, timeout=60, stdin=its, stdout=subprocess.PIPE, text=True
        ).stdout
    finally:
        os.close(ours)
        os.close(its)
