"""Calls a provider stand-in as the engine does, without an engine."""

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue

from local.providers.aws.config import endpoint_of
from local.providers.aws.provider import SERVICES, AwsStandIn
from local.providers.values import plain_map, wrap_map

NUMBERS = itertools.count()
SEED = bytes(range(32))


def endpoints(url: str) -> dict[str, str]:
    """Return the endpoints of all services, at one URL."""
    return dict.fromkeys(map(endpoint_of, SERVICES), url)


def configuration(endpoint: str) -> dict[str, str]:
    """Return the AWS provider's configuration as the engine hands it over: everything is text."""
    return {
        "region": "us-east-1",
        "accessKey": "test",
        "secretKey": "test",
        "endpoints": json.dumps([endpoints(endpoint)]),
        "s3UsePathStyle": "true",
        "defaultTags": json.dumps({"tags": {"owner": "tests"}}),
    }


def configured(variables: Mapping[str, str], environment: Mapping[str, str] | None = None) -> AwsStandIn:
    provider = AwsStandIn(environment or {})
    request = protocol.ConfigureRequest(
        {f"aws:config:{name}": value for name, value in variables.items()},
        args={},
        accept_secrets=True,
        accept_resources=True,
    )
    asyncio.run(provider.configure(request))
    return provider


@dataclass
class Driven:
    """One resource of a stand-in: its type, its name, and its state as the engine would keep it."""

    provider: protocol.Provider
    token: str
    # moto keeps the tags of what is deleted, and would give them to the next of the same name.
    name: str = field(default_factory=lambda: f"thing{next(NUMBERS)}")
    id: str = ""
    inputs: dict[str, PropertyValue] = field(default_factory=dict[str, PropertyValue])
    state: dict[str, PropertyValue] = field(default_factory=dict[str, PropertyValue])

    @property
    def urn(self) -> str:
        return f"urn:pulumi:stack::project::{self.token}::{self.name}"

    @property
    def outputs(self) -> dict[str, Any]:
        return plain_map(self.state)

    def check(self, inputs: Mapping[str, Any], secrets: tuple[str, ...] = ()) -> protocol.CheckResponse:
        request = protocol.CheckRequest(self.urn, self.inputs, wrap_map(inputs, secrets), SEED)
        return asyncio.run(self.provider.check(request))

    def failures(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Return Check's complaints, by the path of the input."""
        return {failure.property: failure.reason for failure in self.check(inputs).failures or []}

    def checked(self, inputs: Mapping[str, Any], secrets: tuple[str, ...] = ()) -> dict[str, PropertyValue]:
        answer = self.check(inputs, secrets)
        assert not answer.failures, [(failure.property, failure.reason) for failure in answer.failures]
        assert answer.inputs is not None
        return answer.inputs

    def create(self, inputs: Mapping[str, Any], secrets: tuple[str, ...] = ()) -> None:
        self.inputs = self.checked(inputs, secrets)
        answer = asyncio.run(self.provider.create(protocol.CreateRequest(self.urn, self.inputs, 0, preview=False)))
        assert answer.resource_id
        self.id, self.state = answer.resource_id, answer.properties

    def diff(self, inputs: Mapping[str, Any]) -> protocol.DiffResponse:
        request = protocol.DiffRequest(self.urn, self.id, self.state, self.checked(inputs), [])
        return asyncio.run(self.provider.diff(request))

    def update(self, inputs: Mapping[str, Any]) -> None:
        new = self.checked(inputs)
        request = protocol.UpdateRequest(self.urn, self.id, self.state, new, 0, [], preview=False)
        self.state = asyncio.run(self.provider.update(request)).properties
        self.inputs = new

    def read(self) -> protocol.ReadResponse:
        return asyncio.run(self.provider.read(protocol.ReadRequest(self.urn, self.id, self.state, self.inputs)))

    def delete(self, timeout: float = 0) -> None:
        asyncio.run(self.provider.delete(protocol.DeleteRequest(self.urn, self.id, self.state, timeout)))


def invoke(provider: protocol.Provider, token: str, **arguments: Any) -> dict[str, Any]:
    answer = asyncio.run(provider.invoke(protocol.InvokeRequest(token, wrap_map(arguments))))
    assert not answer.failures, [(failure.property, failure.reason) for failure in answer.failures]
    return plain_map(answer.return_value or {})
