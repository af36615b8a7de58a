"""A container definition's `secrets`, read from the parameter store with the execution role's permissions."""

from typing import Any

from moto.ssm.models import SimpleSystemManagerBackend, ssm_backends

from local.emulator.fargate.definitions import items
from local.emulator.fargate.roles import ExecutionRole

_PREFIX = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "


class SecretsError(Exception):
    """Why the secrets could not be fetched; the text is the task's stoppedReason."""


def fetch_secrets(
    definition: dict[str, Any], role: ExecutionRole, account_id: str, region: str, task_id: str
) -> dict[str, str]:
    """Return the values of SSM parameters, given by ARN or, in the task's own region, by name."""
    return {
        each["name"]: _fetch(each["valueFrom"], role, account_id, region, task_id)
        for each in items(definition, "secrets")
    }


def _fetch(value_from: str, role: ExecutionRole, account_id: str, region: str, task_id: str) -> str:
    if value_from.startswith("arn:") and ":ssm:" not in value_from:
        raise SecretsError(f"{_PREFIX}the local agent reads SSM parameters only, not {value_from}")
    name = value_from.partition(":parameter")[2] if value_from.startswith("arn:") else value_from
    arn = (
        value_from
        if value_from.startswith("arn:")
        else f"arn:aws:ssm:{region}:{account_id}:parameter/{name.lstrip('/')}"
    )
    if not role.allows("ssm:GetParameters", arn):
        raise SecretsError(
            f"{_PREFIX}unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
            f"{role.denial('ssm:GetParameters', arn, task_id)}"
        )
    backend: SimpleSystemManagerBackend = ssm_backends[account_id][arn.split(":")[3]]
    # The ARN of parameter `x` is …:parameter/x, that of `/x` is the same.
    for candidate in dict.fromkeys((name, name.lstrip("/"))):
        for parameter in backend.get_parameters([candidate]).values():
            return parameter.response_object(decrypt=True)["Value"]
    raise SecretsError(f"{_PREFIX}unable to retrieve secrets from ssm: invalid parameters: {name}")
