"""The error that refused arguments end in."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import pulumi

T = TypeVar("T")


class Refusal(NamedTuple):
    """One refused argument: its name, and why, with the value and the way out."""

    argument: str
    reason: str

    def __str__(self) -> str:
        return f"{self.argument}: {self.reason}"


class InvalidArgumentsError(pulumi.InputPropertiesError, pulumi.RunError):
    """Arguments that `AirflowFargate` refuses, all of them at once.

    As an `InputPropertiesError` it reaches callers in other languages with the path of each property; as a
    `RunError` it ends a Python program with its message alone, without a traceback.
    """

    def __init__(self, name: str, refusals: Iterable[Refusal]) -> None:
        """Put the refusals of the component called `name` into one message."""
        self.refusals = tuple(refusals)
        lines = "".join(f"\n  {refusal}" for refusal in self.refusals)
        super().__init__(
            f"AirflowFargate {name!r} was refused, nothing was created:{lines}",
            [{"property_path": refusal.argument, "reason": refusal.reason} for refusal in self.refusals],
        )


def repeated(values: Iterable[T]) -> list[T]:
    """Return what is there more than once."""
    return [value for value, times in Counter(values).items() if times > 1]


def refuse_repeated(argument: str, values: Iterable[object]) -> Iterator[Refusal]:
    """Refuse what an argument has more than once."""
    for value in repeated(values):
        yield Refusal(argument, f"has {value} more than once; name it once")


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """Return words as a sentence has them: a, b and c."""
    *some, last = words
    return f"{', '.join(some)} {conjunction} {last}" if some else last


def checked_late(name: str, value: pulumi.Input[T], refuse: Callable[[T], Iterable[Refusal]]) -> pulumi.Output[T]:
    """Return a value that the component called `name` may refuse only now, because it was an output before."""

    async def checked(known: T) -> T:
        if refusals := list(refuse(known)):
            # In the program's first moment the SDK is starting the server for its hooks. An error that ends the
            # program just then stops that server half started, and grpc dies of SIGSEGV: without this message.
            await asyncio.sleep(0.2)
            raise InvalidArgumentsError(name, refusals)
        return known

    return pulumi.Output.from_input(value).apply(checked)
