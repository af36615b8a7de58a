"""Inputs and outputs of resource types and functions, as the installed SDKs declare them.

The SDKs are generated from the providers' schemas, so names, nesting, basic types and what is required need no list of
our own. Importing the SDK of AWS takes seconds, and the engine starts the stand-ins for every command: what was read
from it is kept in files.
"""

import functools
import hashlib
import inspect
import json
import pkgutil
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pulumi

# The SDK's own translation between Python classes and wire names; it has no public counterpart.
from pulumi import _types as sdk_types  # pyright: ignore[reportPrivateUsage]
from pulumi.provider.experimental.util import camel_case

from local.paths import CACHE
from local.providers.schema import ASSET, STRING, Schema

SDKS = ("pulumi", "pulumi-aws", "pulumi-awsx", "pulumi-random")


@dataclass(frozen=True)
class Declaration:
    """A resource type, a provider or a function, as its SDK declares it."""

    token: str
    """As in "aws:ec2/vpc:Vpc"; empty for a function, since the SDK keeps those to itself."""
    inputs: Schema
    """An object. No argument of a function is required: its generated signature makes every one optional."""
    outputs: list[str]
    """Names, without `id` and `urn`."""


@functools.cache
def declaration(name: str) -> Declaration:
    """Return the declaration of a resource, provider or function by its name in Python, as in "pulumi_aws.ec2:Vpc"."""
    file = _folder() / f"{name.replace(':', '.')}.json"
    if not file.exists():
        _write(file, json.dumps(asdict(_read_from_sdk(name))))
    return Declaration(**json.loads(file.read_text()))


@functools.cache
def _folder() -> Path:
    """Return a folder for these versions of the SDKs, of Python, and of this file."""
    versions = [platform.python_version(), *(f"{name} {metadata.version(name)}" for name in SDKS)]
    made_by = "\n".join([*versions, Path(__file__).read_text()])
    return CACHE / "schemas" / hashlib.sha256(made_by.encode()).hexdigest()[:16]


def _write(file: Path, text: str) -> None:
    """In one step: other stand-ins may be reading or writing the same file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as new:
        new.write(text)
    Path(new.name).replace(file)


def _read_from_sdk(name: str) -> Declaration:
    declared: Any = pkgutil.resolve_name(name)
    if not isinstance(declared, type):
        return _function(declared)
    siblings = vars(sys.modules[declared.__module__])
    # The generator says InitArgs where a nested type has taken the name.
    args = siblings.get(f"{declared.__name__}InitArgs") or siblings[f"{declared.__name__}Args"]
    # type_token decorates the generated classes with the attribute.
    token = str(vars(declared)["pulumi_type"])
    return Declaration(token, _object(args), sorted(sdk_types.resource_types(declared)))


def _function(function: Callable[..., Any]) -> Declaration:
    hints = get_type_hints(function)
    names = [name for name in inspect.signature(function).parameters if name != "opts"]
    siblings = vars(sys.modules[function.__module__])
    result = next(value for name, value in siblings.items() if name.startswith("Get") and name.endswith("Result"))
    inputs: Schema = {"properties": {camel_case(name): _schema(hints[name]) for name in names}, "required": []}
    return Declaration("", inputs, sorted(sdk_types.output_type_types(result)))


def _object(args: type) -> Schema:
    wire_names = sdk_types.input_type_py_to_pulumi_names(args)
    parameters = inspect.signature(args).parameters
    required = [wire_names[name] for name, parameter in parameters.items() if parameter.default is parameter.empty]
    types = sdk_types.input_type_types(args)
    return {
        "type": "object",
        "properties": {name: _schema(annotation) for name, annotation in types.items()},
        "required": required,
    }


_BASIC_TYPES: Mapping[Any, Schema] = {
    Any: {},
    str: STRING,
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
}


def _schema(annotation: Any) -> Schema:
    declared: Any = sdk_types.unwrap_type(annotation)
    origin = get_origin(declared)
    if origin is Union:
        # A string with an open enum or a typed form (policies), or an object (its class, its TypedDict, its output).
        members = [sdk_types.unwrap_type(member) for member in get_args(declared)]
        if pulumi.Asset in members:
            return ASSET
        return STRING if str in members else _object(next(m for m in members if sdk_types.is_input_type(m)))
    if declared in _BASIC_TYPES:
        return _BASIC_TYPES[declared]
    if sdk_types.is_input_type(declared):
        return _object(declared)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(get_args(declared)[1])}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": _schema(get_args(declared)[0])}
    if isinstance(declared, type) and issubclass(declared, Enum):
        return {"enum": [str(member.value) for member in declared]}
    raise TypeError(f"the stand-ins know no schema for {declared!r}")
