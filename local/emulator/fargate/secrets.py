"""A container definition's `secrets`, read from the parameter store with the execution role's permissions."""

from typing import Any

from moto.ssm.models import SimpleSystemManagerBackend, ssm_backends
from moto.utilities.utils import get_partition

from local.emulator.fargate.definitions import items, part
from local.emulator.fargate.roles import Role

_PREFIX = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "


class SecretsError(Exception):
    """Why the secrets could not be fetched; the text is the task's stoppedReason."""


def fetch_secrets(definition: dict[str, Any], role: Role, account_id: str, region: str) -> dict[str, str]:
    """Return the values of SSM parameters, given by ARN or, in the task's own region, by name."""
    return {each["name"]: _fetch(each["valueFrom"], role, account_id, region) for each in items(definition, "secrets")}


def refuse_registry_credentials(definition: dict[str, Any], role: Role) -> str | None:
    """Say why the login of a private registry could not be read; what the registry makes of it is not known here."""
    arn = part(definition, "repositoryCredentials").get("credentialsParameter")
    action = "secretsmanager:GetSecretValue"
    if arn is None or role.allows(action, arn):
        return None
    return (
        f"{_PREFIX}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret "
        f"{arn} from secrets manager: AccessDeniedException: {role.denial(action, arn)}"
    )


def _fetch(value_from: str, role: Role, account_id: str, region: str) -> str:
    if value_from.startswith("arn:") and ":ssm:" not in value_from:
        raise SecretsError(f"{_PREFIX}the local agent reads SSM parameters only, not {value_from}")
    name = value_from.partition(":parameter")[2] if value_from.startswith("arn:") else value_from
    arn = (
        value_from
        if value_from.startswith("arn:")
        else f"arn:{get_partition(region)}:ssm:{region}:{account_id}:parameter/{name.lstrip('/')}"
    )
    if not role.allows("ssm:GetParameters", arn):
        raise SecretsError(
            f"{_PREFIX}unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
            f"AccessDeniedException: {role.denial('ssm:GetParameters', arn)}"
        )
    backend: SimpleSystemManagerBackend = ssm_backends[account_id][arn.split(":")[3]]
    # The ARN of parameter `x` is …:parameter/x, that of `/x` is the same.
    for candidate in dict.fromkeys((name, name.lstrip("/"))):
        for parameter in backend.get_parameters([candidate]).values():
            return parameter.response_object(decrypt=True)["Value"]
    raise SecretsError(f"{_PREFIX}unable to retrieve secrets from ssm: invalid parameters: {name}")
