"""Inputs and outputs of resource types and functions, as the installed SDK classes declare them.

The SDK is generated from the provider's schema, so names, nesting, basic types and what is required need no list of
our own.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import pulumi

# The SDK's own translation between Python classes and wire names; it has no public counterpart.
from pulumi import _types as sdk_types  # pyright: ignore[reportPrivateUsage]

from local.providers.values import UNKNOWN


@dataclass(frozen=True)
class Violation:
    """An input that the schema does not allow; `path` is as in "networkConfiguration.subnets[0]"."""

    path: str
    reason: str


@dataclass(frozen=True)
class Shape:
    """Property names on the wire with their Python types, and which of them must be given."""

    types: Mapping[str, Any]
    required: frozenset[str]


@cache
def inputs_of(resource: type[pulumi.Resource]) -> Shape:
    """Inputs of a resource class such as `pulumi_aws.ec2.Vpc`."""
    module = vars(sys.modules[resource.__module__])
    # The generator says InitArgs where a nested type has taken the name.
    args = module.get(f"{resource.__name__}InitArgs") or module[f"{resource.__name__}Args"]
    return _shape_of(args)


@cache
def outputs_of(resource: type[pulumi.Resource]) -> Mapping[str, Any]:
    """Output properties of a resource class with their Python types, without `id` and `urn`."""
    return sdk_types.resource_types(resource)


@cache
def arguments_of(function: Callable[..., Any], required: frozenset[str]) -> Shape:
    """Arguments of a function such as `pulumi_aws.ec2.get_subnet`.

    The generated signature makes every argument optional, so what is required comes from the caller.
    """
    hints = get_type_hints(function)
    names = [name for name in inspect.signature(function).parameters if name != "opts"]
    return Shape({_camel_case(name): hints[name] for name in names}, required)


@cache
def results_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Output properties of a function with their Python types."""
    module = vars(sys.modules[function.__module__])
    result = next(value for name, value in module.items() if name.startswith("Get") and name.endswith("Result"))
    return sdk_types.output_type_types(result)


def violations(shape: Shape, values: Mapping[str, Any], path: str = "") -> Iterator[Violation]:
    """Unknown names, missing required values and wrong basic types, at any depth."""
    prefix = f"{path}." if path else ""
    for name in sorted(shape.required):
        if values.get(name) is None:
            yield Violation(prefix + name, "missing required property")
    for name, value in values.items():
        if name.startswith("__"):
            continue
        if name not in shape.types:
            yield Violation(prefix + name, f"unknown property; the provider's SDK has {', '.join(sorted(shape.types))}")
        else:
            yield from _mismatches(shape.types[name], value, prefix + name)


@cache
def _shape_of(args: type) -> Shape:
    python_to_wire = sdk_types.input_type_py_to_pulumi_names(args)
    parameters = inspect.signature(args).parameters
    required = frozenset(
        python_to_wire[name] for name, parameter in parameters.items() if parameter.default is parameter.empty
    )
    return Shape(sdk_types.input_type_types(args), required)


def _mismatches(annotation: Any, value: Any, path: str) -> Iterator[Violation]:
    declared: Any = sdk_types.unwrap_type(annotation)
    origin = get_origin(declared)
    if value is None or value is UNKNOWN or declared is Any:
        return
    if origin is Union:
        # A string with an open enum or a typed form (policies), or an object (its class, its TypedDict, its output).
        members = [sdk_types.unwrap_type(member) for member in get_args(declared)]
        if pulumi.Asset in members:
            if not isinstance(value, pulumi.Asset | pulumi.Archive):
                yield _mistyped(path, "an asset", value)
            return
        declared = str if str in members else next(m for m in members if sdk_types.is_input_type(m))
        origin = None
    if sdk_types.is_input_type(declared):
        if isinstance(value, Mapping):
            yield from violations(_shape_of(declared), cast("Mapping[str, Any]", value), path)
        else:
            yield _mistyped(path, "an object", value)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            yield _mistyped(path, "a map", value)
            return
        for key, item in cast("Mapping[str, Any]", value).items():
            yield from _mismatches(get_args(declared)[1], item, f"{path}.{key}")
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        if not isinstance(value, list):
            yield _mistyped(path, "a list", value)
            return
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _mismatches(get_args(declared)[0], item, f"{path}[{index}]")
    elif issubclass(declared, Enum):
        allowed = [str(member.value) for member in declared]
        if value not in allowed:
            yield Violation(path, f"expected one of {', '.join(allowed)}; got {value!r}")
    elif not _has_basic_type(declared, value):
        yield _mistyped(path, _BASIC_TYPES[declared], value)


_BASIC_TYPES: Mapping[Any, str] = {str: "a string", bool: "a boolean", int: "an integer", float: "a number"}


def _has_basic_type(declared: type, value: Any) -> bool:
    if declared in (int, float):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and (declared is float or float(value).is_integer())
    return isinstance(value, declared)


def _mistyped(path: str, expected: str, value: Any) -> Violation:
    kinds: Mapping[Any, str] = {**_BASIC_TYPES, int: "a number", dict: "a map", list: "a list"}
    return Violation(path, f"expected {expected}, got {kinds.get(type(value), type(value).__name__)}")


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
