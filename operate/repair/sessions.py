"""AWS, asked with boto3 as the providers of a stack are configured."""

import json
import re
from collections.abc import Mapping
from typing import Any

from airflow_fargate.session import NotFollowedError, ReadKey, aws_session, clients

from operate.console import CommandError
from operate.repair.state import ResourceState, StackState

_CREDENTIALS = ("accessKey", "secretKey", "token")
_ROLES = ("assumeRoleWithWebIdentity", "assumeRoles")

Client = Any
"""A boto3 client: its stubs make every member of an answer optional, even those that AWS always gives."""


class ProviderSession:
    """The clients for one provider of a stack."""

    def __init__(self, read: ReadKey) -> None:
        """`read`: reads an input of the provider, if `readable`."""
        self._read = read
        try:
            self._session = aws_session(read)
        except NotFollowedError as error:
            raise CommandError(
                f"Whether it is there cannot be asked: {error}.",
                "Look for it in the AWS console, delete it if it is there, and say so with --gone.",
            ) from error
        self._clients: dict[tuple[str, str | None], Client] = {}

    def client(self, service: str, region: str | None = None) -> Client:
        """Return a client, for the resource's own region if it has one."""
        if (service, region) not in self._clients:
            self._clients[service, region] = clients(self._read, region, self._session)(service)
        return self._clients[service, region]

    def refuse_other_account_than(self, number: str) -> None:
        """Refuse credentials of another account, in which none of the stack's resources could be found."""
        actual = self.client("sts").get_caller_identity()["Account"]
        if actual != number:
            raise CommandError(
                f"The stack's resources are in the AWS account {number}, and the credentials are of {actual}.",
                "Use those that `pulumi up` was run with, or those of the role, where that is a secret in the state.",
            )


def readable(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the inputs of a provider that are text in the state.

    Credentials count together, and where one of them is a secret there are none: the environment's are used, such as
    those that `pulumi env run` takes from a Pulumi ESC environment. Half of them would be refused. Where it is a role
    that is secret, with its external id say, the environment's have to be those of that role.
    """
    found = {name: value for name, value in inputs.items() if isinstance(value, str)}
    if any(name in inputs and name not in found for name in _ROLES):
        return {name: value for name, value in found.items() if name not in (*_CREDENTIALS, *_ROLES)}
    if any(name in inputs and name not in found for name in _CREDENTIALS):
        return {name: value for name, value in found.items() if name not in _CREDENTIALS}
    return found


class ProviderSessions:
    """A session for each provider of a stack, opened when it is first asked for."""

    def __init__(self, stack: StackState) -> None:
        self._resources: list[ResourceState] = stack.get("resources") or []
        self._sessions: dict[str, ProviderSession] = {}

    def of(self, resource: ResourceState) -> ProviderSession:
        """Return the session of the provider that a resource has."""
        urn = resource["provider"].rpartition("::")[0]
        if urn not in self._sessions:
            self._sessions[urn] = self._open(urn)
        return self._sessions[urn]

    def _open(self, urn: str) -> ProviderSession:
        [inputs] = [state["inputs"] for state in self._resources if state["urn"] == urn]
        session = ProviderSession(readable(inputs).get)
        numbers = re.findall(r'"arn": "arn:[^:"]+:[^:"]+:[^:"]*:(\d{12}):', json.dumps(self._resources))
        if numbers:
            session.refuse_other_account_than(numbers[0])
        return session
