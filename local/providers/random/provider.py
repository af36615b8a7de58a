"""Random values that live in the state alone: generated on create, replaced by any change."""

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
CLASSES = {
    "lower": ("minLower", string.ascii_lowercase),
    "upper": ("minUpper", string.ascii_uppercase),
    "numeric": ("minNumeric", string.digits),
    "special": ("minSpecial", SPECIAL),
}
"""Switch of each class of characters, the input with its minimum, its characters."""

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
        **{switch: Property(replaces=True, default=True) for switch in CLASSES},
        **{minimum: Property(replaces=True, default=0) for minimum, _ in CLASSES.values()},
        keepers=Property(replaces=True),
        length=Property(replaces=True),
        overrideSpecial=Property(replaces=True),
    )
    secret_outputs = frozenset({"result"})

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        length = inputs.get("length")
        minimums = [inputs.get(minimum) or 0 for minimum, _ in CLASSES.values()]
        if not isinstance(length, int) or not all(isinstance(minimum, int) for minimum in minimums):
            return
        if length < max(1, sum(minimums)):
            yield Violation("length", f"must be at least 1 and the sum of the minimums, {sum(minimums)}; got {length}")

    def generate(self, inputs: Properties) -> Properties:
        pool = ""
        characters: list[str] = []
        for switch, (minimum, alphabet) in CLASSES.items():
            allowed = (inputs.get("overrideSpecial") or alphabet) if switch == "special" else alphabet
            pool += allowed if inputs[switch] else ""
            characters += [secrets.choice(allowed) for _ in range(inputs[minimum])]
        characters += [secrets.choice(pool) for _ in range(inputs["length"] - len(characters))]
        secrets.SystemRandom().shuffle(characters)
        return {"result": "".join(characters)}


class RandomBytes(RandomResource):
    sdk = "pulumi_random:RandomBytes"
    title = "Random Bytes"
    inputs = properties(keepers=Property(replaces=True), length=Property(replaces=True))
    secret_outputs = frozenset({"base64", "hex"})

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        if isinstance(inputs.get("length"), int) and inputs["length"] < 1:
            yield Violation("length", f"must be at least 1; got {inputs['length']}")

    def generate(self, inputs: Properties) -> Properties:
        value = secrets.token_bytes(inputs["length"])
        return {"base64": base64.b64encode(value).decode(), "hex": value.hex()}


class RandomStandIn(StandIn[None]):
    def __init__(self) -> None:
        super().__init__([RandomPassword, RandomBytes])

    def session(self) -> None:
        return None
