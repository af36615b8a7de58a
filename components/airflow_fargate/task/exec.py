"""ECS Exec: a shell in the container, and its ports forwarded, through AWS Systems Manager."""

from dataclasses import dataclass

from ..part import Part, Statement
from ..settings import CapabilitySettings

# None has a narrower resource than `*` (AWS: service authorization reference, Amazon Session Manager Message Gateway
# Service).
_ANSWER: Statement = {
    "Sid": "AnswerEcsExec",
    "Effect": "Allow",
    "Action": [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ],
    "Resource": "*",
}


@dataclass(frozen=True, kw_only=True)
class ExecSettings(CapabilitySettings):
    """Whether there is ECS Exec."""

    enable_exec: bool = False


def exec_part(settings: ExecSettings) -> Part:
    """Let the container answer ECS Exec, if it is on."""
    return Part(task_permissions=([_ANSWER],)) if settings.enable_exec else Part()
