"""The account that a stack's provider works in, asked with boto3 as the provider is configured."""

import json
import re
from typing import Any

from airflow_fargate.session import NotFollowedError, ReadKey, aws_endpoint, aws_session

from operate.console import CommandError
from operate.repair.state import Deployment, State

Client = Any
"""A boto3 client: its stubs make every member of an answer optional, even those that AWS always gives."""


class Account:
    """The clients for one provider of a state."""

    def __init__(self, read: ReadKey) -> None:
        """`read`: reads an input of the provider; of a secret one nothing, the environment's is used."""
        self._read = read
        try:
            self._session: Any = aws_session(read)  # typed clients know services by literal names
        except NotFollowedError as error:
            raise CommandError(
                f"Whether it is there cannot be asked: {error}.",
                "Set the credentials of that role in the environment, and remove the setting for this one command.",
            ) from error
        self._clients: dict[tuple[str, str | None], Client] = {}

    def client(self, service: str, region: str | None = None) -> Client:
        """Return a client, for the resource's own region if it has one."""
        if (service, region) not in self._clients:
            endpoint = aws_endpoint(self._read, service)
            self._clients[service, region] = self._session.client(service, region_name=region, endpoint_url=endpoint)
        return self._clients[service, region]

    def refuse_other_than(self, number: str) -> None:
        """Refuse credentials of another account, in which none of the stack's resources could be found."""
        actual = self.client("sts").get_caller_identity()["Account"]
        if actual != number:
            raise CommandError(
                f"The stack's resources are in the AWS account {number}, and the credentials are of {actual}.",
                "Use those that `pulumi up` was run with.",
            )


class Accounts:
    """The accounts of all providers of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._resources: list[State] = deployment.get("resources") or []
        self._accounts: dict[str, Account] = {}

    def of(self, resource: State) -> Account:
        """Return the account that the provider of a resource works in."""
        urn = resource["provider"].rpartition("::")[0]
        if urn not in self._accounts:
            self._accounts[urn] = self._open(urn)
        return self._accounts[urn]

    def _open(self, urn: str) -> Account:
        [inputs] = [state["inputs"] for state in self._resources if state["urn"] == urn]
        readable = {name: value for name, value in inputs.items() if isinstance(value, str)}
        account = Account(readable.get)
        numbers = re.findall(r'"arn": "arn:[^:"]+:[^:"]+:[^:"]*:(\d{12}):', json.dumps(self._resources))
        if numbers:
            account.refuse_other_than(numbers[0])
        return account
