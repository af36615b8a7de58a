"""The account that a stack's provider works in, asked with boto3 as the provider is configured."""

import json
from collections.abc import Mapping
from typing import Any

import boto3

from tools.repair.errors import RepairError

Client = Any
"""A boto3 client: its stubs make every member of an answer optional, even those that AWS always gives."""

ASSUMED = ("assumeRole", "assumeRoles", "assumeRoleWithWebIdentity")


class Account:
    """The clients for one provider of a state."""

    def __init__(self, provider: Mapping[str, Any]) -> None:
        """`provider`: the checked inputs of the provider; secret ones are not readable, the environment's are used."""
        inputs = {name: value for name, value in provider.items() if isinstance(value, str)}
        if assumed := [name for name in ASSUMED if name in provider]:
            raise RepairError(
                f"The AWS provider is configured with {assumed[0]}, which this command does not follow.",
                "Set the credentials of that role in the environment, and remove the setting for this one command.",
            )
        self._endpoints: list[dict[str, str]] = json.loads(inputs.get("endpoints", "[]"))
        self._region = inputs.get("region")
        self._session = boto3.Session(
            aws_access_key_id=inputs.get("accessKey"),
            aws_secret_access_key=inputs.get("secretKey"),
            aws_session_token=inputs.get("token"),
            profile_name=inputs.get("profile"),
        )

    def client(self, service: str, region: str | None = None) -> Client:
        """Return a client, for the resource's own region if it has one."""
        endpoint = next((entry[service] for entry in self._endpoints if service in entry), None)
        session: Any = self._session  # typed clients know services by literal names
        return session.client(service, region_name=region or self._region, endpoint_url=endpoint)

    def refuse_other_than(self, number: str) -> None:
        """Refuse credentials of another account, in which none of the stack's resources could be found."""
        actual = self.client("sts").get_caller_identity()["Account"]
        if actual != number:
            raise RepairError(
                f"The stack's resources are in the AWS account {number}, and the credentials are of {actual}.",
                "Use those that `pulumi up` was run with.",
            )
