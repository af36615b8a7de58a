"""Stories: tests whose steps go on from one another, since making what each starts from would take too long."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

Step = Callable[..., None]
"""A function whose name is a sentence: what it shows."""


def tell(subtests: pytest.Subtests, steps: Sequence[Step], *given: Any) -> None:
    """Take the steps one after the other, each a subtest, with what is given to the story."""
    for step in steps:
        with subtests.test(step.__name__.replace("_", " ")):
            step(*given)
