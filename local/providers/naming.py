"""Physical names as the Terraform bridge makes them: the resource's name, a dash and seven hexadecimal digits."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class AutoName:
    """The input that gets a name when none is given."""

    max_length: int
    """AWS's limit, in characters."""
    property: str = "name"
    transform: Callable[[str], str] = str
    random_digits: int = 7
    """0: the resource's name as it is."""
    separator: str = "-"
    """Between the name and the digits."""

    def generate(self, resource_name: str, random_seed: bytes) -> str:
        """Return a name; the same seed gives the same one, as the engine expects of a plan and its execution.

        Raises ValueError when the result would be longer than AWS allows.
        """
        name = self.transform(resource_name)
        if self.random_digits:
            name += self.separator + hashlib.sha256(random_seed + name.encode()).hexdigest()[: self.random_digits]
        if len(name) > self.max_length:
            raise ValueError(
                f"the name made of {resource_name!r}, with {self.random_digits} random characters, is longer than "
                f"the maximum length {self.max_length}; shorten the resource's name or set {self.property!r}"
            )
        return name
