"""Reads arguments into settings: a frozen dataclass for each capability, whose fields are arguments.

The defaults of those fields are the only ones, and their annotations choose how an argument is read. A value that is an
output of another resource is not known yet and passes as it is; what decides which resources exist must be plain.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import NoneType
from typing import Annotated, Any, NamedTuple, Self, TypeVar, Union, cast, get_args

import pulumi

from .errors import Refusal

AddressRange = IPv4Network | IPv6Network

SecretText = Annotated[pulumi.Input[str], "secret"]
"""Text that no message shows."""

Texts = Mapping[str, pulumi.Input[str]]
SecretTexts = Mapping[str, SecretText]

S = TypeVar("S", bound="CapabilitySettings")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class CapabilitySettings:
    """The arguments of one capability with their defaults filled in, as other modules read them."""

    given: frozenset[str] = field(default=frozenset(), compare=False)
    """The names of the arguments that somebody gave. What is empty is not among them, nor a number or a truth value
    that is the default: a configuration has those without anybody having written them."""


class Parsed:
    """A value that is read from text, if the text is one of it."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the value, or raise `ValueError` with what the text should have been."""
        raise NotImplementedError


class Reader:
    """Reads settings from arguments, and collects what could not be read."""

    def __init__(self, args: Mapping[str, Any]) -> None:
        """Read from `args`."""
        self._args = args
        self.wrong_types: list[Refusal] = []
        """Those after which nothing can be said of the values, nor of others that depend on them."""
        self.malformed: list[Refusal] = []
        """Those of the right type that nothing could be made of."""

    def read(self, settings: type[S]) -> S:
        """Return settings of this type; what could not be read has its default."""
        values: dict[str, Any] = {}
        given: set[str] = set()
        for declared in fields(settings):
            value = self._args.get(declared.name) if declared.name != "given" else None
            if value is None:
                continue
            if not _is_empty(value) and not (isinstance(value, int | float) and value == declared.default):
                given.add(declared.name)
            read = self._value(declared.name, value, _kind(declared.type))
            if read is not None:
                values[declared.name] = read
        return settings(given=frozenset(given), **values)

    def _value(self, argument: str, value: Any, kind: "_Kind") -> Any:
        if kind.may_be_output and _is_output(value):
            return value
        plain = None if _is_output(value) else kind.convert(value)
        if plain is None:
            if _is_output(value) or any(map(_is_output, _elements(value))):
                shown = "is an output or a secret, but decides what is created"
            else:
                shown = "has a value of another type" if kind.secret else f"is {value!r}"
            self.wrong_types.append(Refusal(argument, f"{shown}; give {kind.words}"))
            return None
        return plain if kind.parse is None else self._parsed(argument, plain, kind.parse)

    def _parsed(self, argument: str, plain: Any, parse: Callable[[str], Any]) -> Any:
        several = isinstance(plain, tuple)
        parsed: list[Any] = []
        for text in cast(tuple[str, ...], plain) if several else (plain,):
            try:
                parsed.append(parse(text))
            except ValueError as error:
                self.malformed.append(Refusal(argument, f"{'has' if several else 'is'} {text!r}{error}"))
        return tuple(parsed) if several else next(iter(parsed), None)


class _Kind(NamedTuple):
    """How arguments of one type are read."""

    convert: Callable[[Any], Any]
    """Returns None for a value of another type."""
    words: str
    """The words that ask the caller for one."""
    may_be_output: bool = False
    secret: bool = False
    parse: Callable[[str], Any] | None = None
    """Makes the value of its text, or of each of several."""


def _kind(annotation: Any) -> _Kind:
    alternatives = [each for each in get_args(annotation) if each is not NoneType]
    for each in alternatives:
        if isinstance(each, type) and issubclass(each, Parsed):
            return _Kind(_string, "a string", may_be_output=True, parse=each.parse)
    return _KINDS[annotation if NoneType not in get_args(annotation) else Union[tuple(alternatives)]]  # noqa: UP007 - of a tuple


def _is_output(value: object) -> bool:
    return isinstance(value, pulumi.Output | Awaitable)


def _elements(value: object) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return cast(Mapping[Any, Any], value).values()
    return cast(list[Any], value) if isinstance(value, list) else ()


def _is_empty(value: object) -> bool:
    return isinstance(value, str | list | tuple | Mapping) and not value


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _integer(value: object) -> int | None:
    """Accept whole floats: consumers in other languages send every number as one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _tuple_of(convert: Callable[[Any], T | None]) -> Callable[[Any], tuple[T, ...] | None]:
    def convert_all(value: object) -> tuple[T, ...] | None:
        if not isinstance(value, list | tuple):
            return None
        items = [convert(item) for item in cast(Iterable[Any], value)]
        return None if None in items else tuple(cast(list[T], items))

    return convert_all


def _inputs(value: object) -> list[pulumi.Input[str]] | None:
    if not isinstance(value, list | tuple):
        return None
    items = list(cast(Iterable[Any], value))
    return items if all(isinstance(item, str) or _is_output(item) for item in items) else None


def _texts(value: object) -> Texts | None:
    if not isinstance(value, Mapping):
        return None
    items = cast(Mapping[Any, Any], value)
    if not all(isinstance(key, str) and (isinstance(item, str) or _is_output(item)) for key, item in items.items()):
        return None
    return dict(items)


def _plain_texts(value: object) -> Mapping[str, str] | None:
    texts = _texts(value)
    return None if texts is None or any(map(_is_output, texts.values())) else cast(Mapping[str, str], texts)


def _address_range(text: str) -> AddressRange:
    try:
        # A zone, as in fe80::1%eth0, is a matter of one machine; neither family has one with this separator.
        return ip_network(text.replace("%", "/%"))
    except ValueError:
        raise ValueError(f", which is not an address range; {_way_out(text)}") from None


def _way_out(text: str) -> str:
    try:
        return f"the range around it is {ip_network(text.partition('%')[0], strict=False)}"
    except ValueError:
        return "give one such as 203.0.113.7/32"


_TEXTS = "names with strings as values, each of which may be an output"

_KINDS: Mapping[Any, _Kind] = {
    bool: _Kind(_boolean, "true or false"),
    int: _Kind(_integer, "a whole number"),
    str: _Kind(_string, "a string"),
    tuple[str, ...]: _Kind(_tuple_of(_string), "a list of strings"),
    tuple[int, ...]: _Kind(_tuple_of(_integer), "a list of whole numbers"),
    tuple[AddressRange, ...]: _Kind(_tuple_of(_string), "a list of strings", parse=_address_range),
    pulumi.Input[str]: _Kind(_string, "a string", may_be_output=True),
    pulumi.Input[Sequence[pulumi.Input[str]]]: _Kind(_inputs, "a list of strings", may_be_output=True),
    SecretText: _Kind(_string, "a string", may_be_output=True, secret=True),
    Mapping[str, str]: _Kind(_plain_texts, "names with strings as values"),
    Texts: _Kind(_texts, _TEXTS),
    SecretTexts: _Kind(_texts, _TEXTS, secret=True),
}
"""How an argument is read, by the annotation of its field; one that may be left out is annotated `| None` besides."""
