"""What keeping data adds to the task: the bucket, where the logs of tasks go, and the keeper's program."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pulumi

from ..cost import a_month_of
from ..environment import EnvironmentSettings
from ..packed import packed_program
from ..part import Part, Statement, merge
from ..scope import Scope
from . import keeper
from .bucket import create_data_bucket
from .keeper import LOGS, SNAPSHOTS
from .settings import DataSettings

DATA_VARIABLES: Mapping[str, str] = {
    keeper.BUCKET_VARIABLE: "it is the stack's own",
    keeper.SECONDS_VARIABLE: "set database_snapshot_seconds",
    keeper.DAYS_VARIABLE: "set keep_runs_days",
    keeper.RESTORE_VARIABLE: "set restore_from",
}
"""The variables that only this module sets, and what the caller does in place of it."""

_REMOTE_LOGS = "AIRFLOW__LOGGING__REMOTE_"

LOG_FOLDER_VARIABLE = f"{_REMOTE_LOGS}BASE_LOG_FOLDER"
"""Where the logs of tasks go, by default into the bucket."""


@dataclass(frozen=True)
class Data:
    """What is kept when a task ends."""

    bucket_name: pulumi.Output[str]
    """Empty when nothing is kept."""
    has_keeper: bool
    """Whether a program in the container does it, which needs time at the end."""
    part: Part
    task_logs: Part = field(default_factory=Part)
    """What whoever runs a task of Airflow needs to keep its log; `part` has it too."""


NOTHING_KEPT = Data(pulumi.Output.from_input(""), False, Part())


def create_data(
    scope: Scope,
    settings: DataSettings,
    *,
    in_container: bool,
    supervised: bool,
    own_variables: EnvironmentSettings,
    log_days: int,
    partition: pulumi.Output[str],
) -> Data:
    """Keep what `settings` say, in a bucket of its own; nothing of it where Airflow is not `supervised`.

    Snapshots are of a database that is `in_container`. Where the logs of tasks go, `own_variables` may have decided
    already; with keys of AWS among them Airflow could not write to the bucket, and keeps the logs to itself.
    """
    if not supervised or not keeper_arguments(settings):
        return NOTHING_KEPT
    seconds = settings.database_snapshot_seconds if in_container else 0
    environment: dict[str, pulumi.Input[str]] = {}
    if seconds or settings.keep_runs_days:
        environment[keeper.SECONDS_VARIABLE] = str(seconds or keeper.DEFAULT_SECONDS)
    if settings.keep_runs_days:
        environment[keeper.DAYS_VARIABLE] = str(settings.keep_runs_days)
    if not settings.database_snapshot_seconds:
        return Data(NOTHING_KEPT.bucket_name, True, Part(environment=environment))
    data = create_data_bucket(scope, log_days=log_days, retain=settings.retain_data)
    name = data.bucket.bucket
    environment[keeper.BUCKET_VARIABLE] = name
    permissions: list[Sequence[Statement] | pulumi.Output[Sequence[Statement]]] = []
    if in_container:
        permissions.append(_keeping_database(data.bucket.arn))
        if settings.restore_from is not None:
            environment[keeper.RESTORE_VARIABLE] = settings.restore_from
            permissions.append(_restoring(pulumi.Output.concat("arn:", partition, ":s3:::", settings.restore_from)))
    logs = Part(
        defaults={} if own_variables.aws_keys or names_remote_logs(own_variables.names) else _remote_logs(name),
        task_permissions=(_keeping_logs(data.bucket.arn),),
        waits_for=data.guards,
    )
    keeping = Part(
        environment=environment,
        task_permissions=tuple(permissions),
        monthly_cost=a_month_of("s3:request") * 3600 / seconds if seconds else Decimal(0),
    )
    return Data(name, True, merge(logs, keeping), logs)


def names_remote_logs(variables: Collection[str]) -> bool:
    """Whether the caller's variables say where the logs of tasks go."""
    return any(variable.startswith(_REMOTE_LOGS) for variable in variables)


def keeper_arguments(settings: DataSettings) -> tuple[str, ...]:
    """Return the arguments of a Python that runs the keeper's program, but the stage; none when nothing is kept."""
    if not (settings.database_snapshot_seconds or settings.keep_runs_days):
        return ()
    return packed_program(keeper.__file__)


def _remote_logs(bucket_name: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    return {
        "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS": "True",
        LOG_FOLDER_VARIABLE: pulumi.Output.concat("s3://", bucket_name, "/", LOGS.rstrip("/")),
        "AIRFLOW__LOGGING__REMOTE_LOGGING": "True",
    }


def _keeping_logs(bucket_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow to read and write logs. Without ListBucket, S3 says of a missing object that it is denied."""
    return [
        _listing("ListData", bucket_arn),
        _using("KeepLogs", bucket_arn, LOGS, "s3:GetObject", "s3:PutObject"),
    ]


def _keeping_database(bucket_arn: pulumi.Input[str]) -> list[Statement]:
    return [_using("KeepDatabase", bucket_arn, SNAPSHOTS, "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")]


def _restoring(bucket_arn: pulumi.Output[str]) -> list[Statement]:
    return [
        _listing("ListOtherData", bucket_arn),
        _using("RestoreDatabase", bucket_arn, SNAPSHOTS, "s3:GetObject", "s3:GetObjectVersion"),
    ]


def _listing(sid: str, bucket_arn: pulumi.Input[str]) -> Statement:
    actions = ["s3:ListBucket", "s3:ListBucketVersions"]
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": bucket_arn}


def _using(sid: str, bucket_arn: pulumi.Input[str], prefix: str, *actions: str) -> Statement:
    objects = pulumi.Output.concat(bucket_arn, "/", prefix, "*")
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": objects}
