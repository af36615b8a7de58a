"""The commands that the pages show, and who runs each: what a page says is either tried or has a reason why not."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .paths import ROOT

PAGES = tuple(
    str(page.relative_to(ROOT))
    for pattern in ("docs/*.md", "examples/*/README.md", "*.md")
    for page in sorted(ROOT.glob(pattern))
)


def blocks(text: str) -> Iterator[list[str]]:
    """Yield the commands of each block of a page that shows a console; a command may take several lines."""
    for shown in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        commands: list[str] = []
        for line in shown.splitlines():
            if line.startswith("$ "):
                commands.append(line[2:])
            elif commands and not _complete(commands[-1]):
                commands[-1] += f"\n{line}"
        yield [re.sub(r"\s+# .*$", "", command) for command in commands]


def _complete(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return not command.endswith("\\")


@dataclass(frozen=True)
class Tried:
    """Run as the page has it, in a stack of this program's, by tests/engine/test_documented.py.

    `pulumi up` waits for the end of the page there, and is a preview, which refuses what the program does not take.
    """


@dataclass(frozen=True)
class By:
    """Run by another test, because it takes long or needs what that one has: with other names, or by make's recipe."""

    test: str


@dataclass(frozen=True)
class Never:
    """Run by nobody here."""

    reason: str


TRIED = Tried()
AWS = Never("needs AWS, and the AWS CLI")
LOCAL = By("tests/engine/test_runner.py::test_up_deploys_and_a_second_up_changes_nothing")
HEALTHY = By("tests/container/test_airflow.py::test_up_ends_when_airflow_is_healthy")
STATUS = By("tests/engine/test_status.py::test_what_is_said_of_a_stack_to_which_things_happen")
PASSWORD = By("tests/unit/test_password.py::test_the_password_of_the_named_stack_is_all_that_is_printed")
DATA = By("tests/engine/test_data.py::test_what_outlives_a_task_and_a_stack")
REPAIR = By("tests/engine/test_interruption.py::test_up_and_destroy_are_killed_again_and_again")
ACCEPTANCE = By("tests/engine/test_acceptance.py::test_every_step_is_taken_or_says_why_not")
EXAMPLE = By("tests/engine/test_examples.py::test_the_minimal_one_answers_at_its_url_and_another_stack_reads_it")
TEMPLATE = By("tests/engine/test_examples.py::test_a_project_that_pulumi_new_makes_of_a_template_previews")
EXPLICIT = By("tests/engine/test_examples.py::test_an_explicit_provider_and_a_transform_reach_everything")
GUIDE = By("tests/engine/test_examples.py::test_the_guides_answers_at_its_url_and_has_no_login")
REQUIREMENTS = By("tests/unit/test_requirements.py::test_what_the_requirements_add_is_downloaded_and_locked")
SECRETS = By("tests/engine/test_secrets.py::test_the_runs_went_as_they_should_and_every_secret_was_in_them")
MANAGER = By("tests/unit/test_snapshots.py::test_a_setup_registers_exactly_what_its_snapshot_says")
PARSED = By("tests/container/test_parse.py::test_dags_are_listed_with_their_schedules_and_errors_with_their_lines")
INSTALLED = By("tests/engine/test_package.py::test_pip_installs_it_from_the_repository_without_a_clone")

COMMANDS: Mapping[str, Tried | By | Never] = {
    # README.md
    "make up": HEALTHY,
    "make password": PASSWORD,
    "make status": STATUS,
    "make destroy": By("tests/engine/test_runner.py::test_destroy_leaves_no_resource_no_process_and_no_state"),
    "pulumi stack init dev && pulumi up": LOCAL,
    "pulumi stack output url": EXAMPLE,
    "make password STACK=dev": PASSWORD,
    "pulumi config set dagsPath dags": TRIED,
    "pulumi up": TRIED,
    # docs/access.md
    "export AWS_REGION=$(pulumi config get aws:region)": AWS,
    "cluster=$(pulumi stack output cluster_arn)": AWS,
    "service=$(pulumi stack output service_arn)": AWS,
    "task=$(aws ecs list-tasks --cluster $cluster --service-name ${service##*/} "
    "--query 'taskArns[0]' --output text)": AWS,
    "runtime=$(aws ecs describe-tasks --cluster $cluster --tasks $task "
    "--query 'tasks[0].containers[0].runtimeId' --output text)": AWS,
    "aws ssm start-session --target ecs:${cluster##*/}_${task##*/}_$runtime "
    "--document-name AWS-StartPortForwardingSession --parameters portNumber=8080,localPortNumber=8080": AWS,
    # docs/aws-acceptance.md
    "pulumi stack init acceptance": ACCEPTANCE,
    "cp Pulumi.dev.yaml Pulumi.acceptance.yaml": ACCEPTANCE,
    "make acceptance STACK=acceptance": ACCEPTANCE,
    "pulumi stack rm acceptance": ACCEPTANCE,
    # docs/connections.md
    "pulumi config set --secret --path connections.sales 'postgresql://reader:…@db.example.com:5432/sales'": TRIED,
    "pulumi config set --secret --path variables.region north": TRIED,
    # docs/dags.md
    "$EDITOR dags/etl_orders.py": Never("opens an editor"),
    "pulumi preview": LOCAL,
    "pulumi config set dagsGitUrl https://github.com/you/dags.git": TRIED,
    "pulumi config set dagsGitRef main": TRIED,
    "pulumi config set dagsGitSubdir airflow/dags": TRIED,
    "pulumi config set --secret dagsGitToken": SECRETS,
    "make status STACK=dev": STATUS,
    "make dev": By("tests/container/test_dags.py::test_what_becomes_of_dags"),
    "make dags": PARSED,
    "python -m airflow_fargate.dags dags --plugins plugins --python airflow-venv/bin/python "
    "--requirements requirements.txt": PARSED,
    "pulumi config set pluginsPath plugins": TRIED,
    "pulumi config set --path 'taskRolePolicyArns[0]' arn:aws:iam::aws:policy/AmazonSQSFullAccess": TRIED,
    'pulumi config set taskRolePolicy \'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
    '"Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::my-bucket/*"}]}\'': TRIED,
    "echo 'pandas==2.3.*' > requirements.txt": REQUIREMENTS,
    "pulumi config set requirementsPath requirements.txt": REQUIREMENTS,
    "git add requirements.txt pylock.requirements-cp313-x86_64.toml": REQUIREMENTS,
    "pulumi config set --path 'pipRequirements[0]' 'pandas==2.3.*'": TRIED,
    "docker build --platform linux/amd64 -t 123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow:1 . "
    "&& docker push …": Never("needs Docker"),
    "pulumi config set image 123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow:1": TRIED,
    # docs/databases.md
    "pulumi config set database postgres && pulumi up": TRIED,
    "pulumi config set database postgres": TRIED,
    "pulumi config set restoreFrom airflow-database-final-00c0ffee": TRIED,
    'pulumi config set --secret fernetKey "$(aws ssm get-parameter --with-decryption '
    '--name airflow-AIRFLOW__CORE__FERNET_KEY-… --query Parameter.Value --output text)"': TRIED,
    # docs/deployer.md
    "aws iam create-policy --policy-name airflow-deployer --policy-document file://docs/deployer-policy.json": AWS,
    # docs/durability.md
    "make backup STACK=dev": DATA,
    "make restore STACK=dev FROM=dev-airflow-3.3.2-….db.gz": DATA,
    "make restore STACK=dev FROM=2026-11-25T12:00Z": DATA,
    "make rotate STACK=dev WHAT=admin-password": By("tests/engine/test_rotate.py::test_generated_secrets_are_rotated"),
    # docs/embedding.md
    "pip install /path/to/clone/components": INSTALLED,
    'pip install "airflow-fargate @ git+https://git.example.com/airflow-fargate#subdirectory=components"': INSTALLED,
    "pulumi config set allowedCidr 203.0.113.7/32": TEMPLATE,
    # docs/growing.md
    "pulumi config set --path 'executors[0]' LocalExecutor": TRIED,
    "pulumi config set --path 'executors[1]' AwsEcsExecutor": TRIED,
    "pulumi config set --path 'executors[0]' CeleryExecutor": TRIED,
    "pulumi config set workerCountMin 2": TRIED,
    "pulumi config set workerCountMin 0": TRIED,
    "pulumi config set workerCountMax 4": TRIED,
    # docs/images.md
    "aws secretsmanager create-secret --name registry --query ARN --output text "
    """--secret-string '{"username": "me", "password": "an access token"}'""": AWS,
    "pulumi config set registryCredentialsArn "
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-AbCdEf": TRIED,
    "pulumi config set image ghcr.io/you/airflow:1": TRIED,
    # docs/local-cloud.md
    'eval "$(make -s env)"': LOCAL,
    "aws ecs list-clusters": Never("the AWS CLI is not needed to work on this; boto3 has the same variables"),
    # docs/repair.md
    "make repair STACK=dev && pulumi up": REPAIR,
    "make repair STACK=dev": REPAIR,
    # docs/updates.md
    "pulumi config set drainMinutes 30": TRIED,
    # docs/users.md
    "pulumi config set --path users.vera viewer": TRIED,
    "pulumi config set --path users.otto op": TRIED,
    "pulumi stack output user_passwords --show-secrets": By(
        "tests/container/test_users.py::test_users_log_in_with_their_roles"
    ),
    "pulumi config set image 123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow:7": MANAGER,
    "pulumi config set --path environment.AIRFLOW__CORE__AUTH_MANAGER "
    "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager": MANAGER,
    # examples
    "pulumi stack init dev && pulumi config set aws:region us-east-1": EXAMPLE,
    "pulumi stack init dev && pulumi config set aws:region us-west-1": GUIDE,
    "pulumi stack init dev && pulumi config set airflowStack organization/airflow-minimal/dev": EXAMPLE,
    "pulumi stack init dev": EXPLICIT,
    "pulumi config set --path 'allowedCidrs[0]' \"$(curl -s https://checkip.amazonaws.com)/32\"": Never(
        "asks a server in the internet for this machine's address; examples are tried with 127.0.0.0/8"
    ),
    "pulumi install": Never("makes what the tests have made already, with Pulumi's own language hosts"),
    "pulumi up && pulumi stack output url": EXAMPLE,
    "pulumi up && aws --region eu-central-1 ecs list-clusters": EXPLICIT,
    'pulumi up && curl "$(pulumi stack output health_url)"': EXAMPLE,
}
"""By the command, whichever pages show it; one of several lines stands in one."""


def on_one_line(command: str) -> str:
    """Return a command as the table has it."""
    return re.sub(r"\s*\\?\n\s*", " ", command)


def to_be_tried() -> dict[str, list[str]]:
    """Return the commands of each page that are to be tried, but for what another page has shown already."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        shown = (command for commands in blocks((ROOT / page).read_text()) for command in commands)
        tried = [command for command in shown if COMMANDS.get(on_one_line(command)) is TRIED]
        others = {command for commands in found.values() for command in commands}
        if any("config set" in command and command not in others for command in tried):
            found[page] = tried
    return found
