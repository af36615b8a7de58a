"""Physical names as the Terraform bridge makes them: the resource's name, a dash and seven hexadecimal digits."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

RANDOM_DIGITS = 7


@dataclass(frozen=True)
class AutoName:
    """The input that gets a name when none is given; `max_length` is the limit of AWS, in characters."""

    max_length: int
    property: str = "name"
    transform: Callable[[str], str] = str

    def generate(self, resource_name: str, random_seed: bytes) -> str:
        """The same seed gives the same name, as the engine expects of a plan and its execution.

        Raises ValueError when the result would be longer than AWS allows.
        """
        prefix = f"{self.transform(resource_name)}-"
        if len(prefix) + RANDOM_DIGITS > self.max_length:
            raise ValueError(
                f"the name {prefix!r} plus {RANDOM_DIGITS} random characters is longer than "
                f"the maximum length {self.max_length}; shorten the resource's name or set {self.property!r}"
            )
        return prefix + hashlib.sha256(random_seed + prefix.encode()).hexdigest()[:RANDOM_DIGITS]
