"""The log: where the lines that the container prints are kept."""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from ..errors import Refusal
from ..part import Part
from ..scope import Scope
from ..settings import CapabilitySettings

# AWS: CloudWatch Logs API, PutRetentionPolicy.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


@dataclass(frozen=True, kw_only=True)
class LogSettings(CapabilitySettings):
    """How long the log is kept."""

    log_retention_days: int = 30


@dataclass(frozen=True)
class Log:
    """The log group of the container and its region, and the permission to write to it."""

    group: aws.cloudwatch.LogGroup
    region: pulumi.Output[str]
    part: Part


def create_log(scope: Scope, settings: LogSettings, region: pulumi.Output[str]) -> Log:
    """Create the group that the container's log goes to; it goes with the stack."""
    group = aws.cloudwatch.LogGroup(
        f"{scope.name}-logs", retention_in_days=settings.log_retention_days, tags=scope.tags, opts=scope.opts
    )
    write = {
        "Sid": "WriteLog",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": pulumi.Output.concat(group.arn, ":*"),
    }
    return Log(group, region, Part(execution_permissions=([write],)))


def refuse_log(settings: LogSettings) -> Iterator[Refusal]:
    """Refuse times that CloudWatch does not have."""
    if settings.log_retention_days not in LOG_RETENTION_DAYS:
        offered = ", ".join(map(str, LOG_RETENTION_DAYS))
        yield Refusal("log_retention_days", f"is {settings.log_retention_days}; CloudWatch has {offered} days")
