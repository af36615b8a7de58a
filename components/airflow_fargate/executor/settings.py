"""Which executors Airflow has, and of which size the tasks are that run elsewhere."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..errors import Refusal, listed, refuse_repeated
from ..settings import CapabilitySettings
from ..task.workload import refuse_size

LOCAL, ECS, CELERY = "LocalExecutor", "AwsEcsExecutor", "CeleryExecutor"
EXECUTORS = (LOCAL, ECS, CELERY)

REMOTE_SUFFIX = "-remote"
"""What follows the component's name in those of all that remote tasks have, and the cluster's in their family."""

LEAST_WORKER_MEMORY = 1024
"""In MiB: a worker with four light tasks has 475 of its own (docs/growing.md)."""

# AWS: IAM role names have at most 64 characters; "-remote-execution-role" is the longest suffix and Pulumi adds 8.
MAX_NAME_LENGTH_APART = 64 - len("-remote-execution-role") - 8

# AWS: Amazon ElastiCache API reference, CreateReplicationGroup; "-broker" is the suffix and Pulumi adds 8.
MAX_NAME_LENGTH_WITH_BROKER = 40 - len("-broker") - 8


@dataclass(frozen=True, kw_only=True)
class ExecutorSettings(CapabilitySettings):
    """The executors, and what a task or a worker has that is a Fargate task of its own."""

    executors: tuple[str, ...] = (LOCAL,)
    remote_task_cpu: int = 512
    remote_task_memory: int = 1024
    remote_task_spot: bool = False
    remote_task_secrets: tuple[str, ...] = ()
    worker_cpu: int = 512
    worker_memory: int = 2048
    worker_concurrency: int = 4
    worker_count_min: int = 1
    worker_count_max: int = 0
    worker_spot: bool = False

    @property
    def has_local(self) -> bool:
        """Whether tasks may run beside the scheduler."""
        return LOCAL in self.executors

    @property
    def has_remote(self) -> bool:
        """Whether tasks may be Fargate tasks of their own."""
        return ECS in self.executors

    @property
    def has_workers(self) -> bool:
        """Whether tasks may run on workers of Celery."""
        return CELERY in self.executors

    @property
    def most_workers(self) -> int:
        """How many workers there are at most."""
        return self.worker_count_max or self.worker_count_min

    @property
    def most_connections(self) -> int:
        """How many connections Airflow and its workers have to the database, if all slots have had tasks.

        Each slot keeps one for the results of its tasks, and Airflow was seen to hold 18 (docs/databases.md). While an
        update goes on there is twice as much of everything.
        """
        return 2 * (self.most_workers * self.worker_concurrency + 18)

    @property
    def scales_workers(self) -> bool:
        """Whether the number of workers follows that of the tasks."""
        return self.has_workers and self.most_workers > self.worker_count_min

    @property
    def is_apart(self) -> bool:
        """Whether tasks may run in another container than Airflow, which they have to find."""
        return self.has_remote or self.has_workers


def refuse_executors(
    name: str,
    settings: ExecutorSettings,
    *,
    secrets: Collection[str],
    own_command: bool,
    keeps_logs: bool,
    in_container: bool,
) -> Iterator[Refusal]:
    """Refuse what Airflow does not have, what Fargate does not have, and what nobody would act on.

    :param secrets: The names of the caller's secret variables.
    :param keeps_logs: Whether the logs of tasks are kept anywhere but in the container that wrote them.
    :param in_container: Whether the database is in Airflow's container, where no other reaches it.
    """
    for executor in settings.executors:
        if executor not in EXECUTORS:
            yield Refusal("executors", f"has {executor!r}; use {listed(EXECUTORS)}, the default of tasks first")
    yield from refuse_repeated("executors", settings.executors)
    if not settings.executors:
        yield Refusal("executors", f"is an empty list; name {LOCAL}, or leave it out")
    yield from _refuse_unused(settings)
    if settings.is_apart:
        yield from _refuse_apart(name, settings, secrets=secrets, own_command=own_command, keeps_logs=keeps_logs)
    if settings.has_remote:
        yield from refuse_size(
            settings.remote_task_cpu,
            settings.remote_task_memory,
            arguments=("remote_task_cpu", "remote_task_memory"),
        )
    if settings.has_workers:
        yield from _refuse_workers(name, settings, in_container=in_container)


def _refuse_unused(settings: ExecutorSettings) -> Iterator[Refusal]:
    for argument in sorted(settings.given - {"executors"}):
        users = _users(argument)
        if not set(users) & set(settings.executors):
            yield Refusal(argument, f"is given, but executors has no {' or '.join(users)}; add it, or leave this out")


def _users(argument: str) -> tuple[str, ...]:
    """Return the executors that an argument is for."""
    if argument == "remote_task_secrets":
        return (ECS, CELERY)
    return (CELERY,) if argument.startswith("worker_") else (ECS,)


def _refuse_apart(
    name: str, settings: ExecutorSettings, *, secrets: Collection[str], own_command: bool, keeps_logs: bool
) -> Iterator[Refusal]:
    apart = listed([each for each in settings.executors if each in (ECS, CELERY)])
    if own_command:
        yield Refusal("executors", f"has {apart}, but your command replaces ours, which has it; leave one of them out")
    if not keeps_logs:
        yield Refusal(
            "executors",
            f"has {apart}, but with database_snapshot_seconds 0 the log of a task ends with its container; leave one "
            "of them out, or set AIRFLOW__LOGGING__REMOTE_LOGGING and where the logs go in environment",
        )
    if len(name) > MAX_NAME_LENGTH_APART:
        yield Refusal(
            "name",
            f"is {name!r}, {len(name)} characters; with {apart} use at most {MAX_NAME_LENGTH_APART}, "
            "since IAM role names have at most 64 and Pulumi adds a suffix",
        )
    if "_" in name:
        yield Refusal(
            "name", f"is {name!r}, which begins a name in DNS with {apart}; use hyphens instead of underscores"
        )
    for secret in settings.remote_task_secrets:
        if secret not in secrets:
            yield Refusal("remote_task_secrets", f"has {secret!r}, which is not in secrets; name one of those")
    yield from refuse_repeated("remote_task_secrets", settings.remote_task_secrets)


def _refuse_workers(name: str, settings: ExecutorSettings, *, in_container: bool) -> Iterator[Refusal]:
    if in_container:
        yield Refusal(
            "executors",
            f"has {CELERY}, whose workers report to the database, but it is in Airflow's container, where no other "
            f"reaches it; add database: postgres or a database_url, or leave {CELERY} out",
        )
    if len(name) > MAX_NAME_LENGTH_WITH_BROKER or not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", name):
        yield Refusal(
            "name",
            f"is {name!r}; with {CELERY} use at most {MAX_NAME_LENGTH_WITH_BROKER} characters and single hyphens, "
            "since names in ElastiCache have at most 40 and Pulumi adds a suffix",
        )
    yield from refuse_size(
        settings.worker_cpu,
        settings.worker_memory,
        least=LEAST_WORKER_MEMORY,
        arguments=("worker_cpu", "worker_memory"),
    )
    if settings.worker_concurrency < 1:
        yield Refusal("worker_concurrency", f"is {settings.worker_concurrency}; use 1 or more")
    least, most = settings.worker_count_min, settings.worker_count_max
    if least < 0 or (least, most) == (0, 0):
        yield Refusal("worker_count_min", f"is {least}; use 1 or more, or 0 with worker_count_max")
    elif most and most < least:
        yield Refusal("worker_count_max", f"is {most}; use at least worker_count_min, {least}, or leave it out")
