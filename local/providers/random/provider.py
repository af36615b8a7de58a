"""Random values that live in the state alone: generated on create, replaced by any change.

With `keepers` a program that passes a password of its own to the component has another one generated.
"""

import base64
import secrets
import string
from abc import abstractmethod
from collections.abc import Iterator

from local.providers.provider import StandIn
from local.providers.resource import Operation, Property, Resource, properties
from local.providers.schema import Violation
from local.providers.values import Properties

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
"""The special characters of Terraform's random provider."""

STATE_ONLY_ID = "none"
"""The id that Terraform's random provider gives to every secret."""


class RandomResource(Resource[None]):
    """A random value; reading it gives what the state has."""

    def __init__(self, session: None, operation: Operation, resource_id: str = "") -> None:
        super().__init__(session, operation, resource_id)
        self._generated: Properties = {}

    def create(self, inputs: Properties) -> str:
        self._generated = self.generate(inputs)
        return STATE_ONLY_ID

    @abstractmethod
    def generate(self, inputs: Properties) -> Properties:
        """Return the random outputs."""

    def read(self, state: Properties) -> Properties | None:
        return state | self._generated

    def delete(self, state: Properties) -> None:
        """Nothing is anywhere but in the state."""


class RandomPassword(RandomResource):
    sdk = "pulumi_random:RandomPassword"
    title = "Random Password"
    inputs = properties(
        keepers=Property(replaces=True),
        length=Property(replaces=True),
        special=Property(replaces=True, default=True),
    )
    secret_outputs = frozenset({"result"})

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        yield from _too_short(inputs)

    def generate(self, inputs: Properties) -> Properties:
        pool = string.ascii_letters + string.digits + (SPECIAL if inputs["special"] else "")
        return {"result": "".join(secrets.choice(pool) for _ in range(inputs["length"]))}


class RandomBytes(RandomResource):
    sdk = "pulumi_random:RandomBytes"
    title = "Random Bytes"
    inputs = properties(keepers=Property(replaces=True), length=Property(replaces=True))
    secret_outputs = frozenset({"base64", "hex"})

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        yield from _too_short(inputs)

    def generate(self, inputs: Properties) -> Properties:
        value = secrets.token_bytes(inputs["length"])
        return {"base64": base64.b64encode(value).decode(), "hex": value.hex()}


def _too_short(inputs: Properties) -> Iterator[Violation]:
    if isinstance(inputs.get("length"), int) and inputs["length"] < 1:
        yield Violation("length", f"must be at least 1; got {inputs['length']}")


class RandomStandIn(StandIn[None]):
    def __init__(self) -> None:
        super().__init__([RandomPassword, RandomBytes])

    def session(self) -> None:
        return None
