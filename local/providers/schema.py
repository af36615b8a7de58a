"""Checks the inputs of a resource type or function against its schema.

A schema is a small part of JSON Schema (`type`, `properties`, `required`, `additionalProperties`, `items`, `enum`), and
ASSET as Pulumi's own schemas have it. sdk.py makes it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi

from local.providers.values import UNKNOWN

Schema = Mapping[str, Any]

STRING: Schema = {"type": "string"}
ASSET: Schema = {"$ref": "pulumi.json#/Asset"}

_BASIC_TYPES = {"string": "a string", "boolean": "a boolean", "integer": "an integer", "number": "a number"}

_KINDS: Mapping[Any, str] = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    dict: "a map",
    list: "a list",
}


@dataclass(frozen=True)
class Violation:
    """An input that the schema does not allow; `path` is as in "networkConfiguration.subnets[0]"."""

    path: str
    reason: str


def violations(schema: Schema, values: Mapping[str, Any], path: str = "") -> Iterator[Violation]:
    """Unknown names, missing required values and wrong basic types, at any depth of an object."""
    prefix = f"{path}." if path else ""
    known: Mapping[str, Schema] = schema["properties"]
    for name in sorted(schema["required"]):
        if values.get(name) is None:
            yield Violation(prefix + name, "missing required property")
    for name, value in values.items():
        if name.startswith("__"):
            continue
        if name not in known:
            yield Violation(prefix + name, f"unknown property; the provider's SDK has {', '.join(sorted(known))}")
        else:
            yield from _mismatches(known[name], value, prefix + name)


def _mismatches(schema: Schema, value: Any, path: str) -> Iterator[Violation]:
    if value is None or value is UNKNOWN:
        return
    if schema == ASSET:
        if not isinstance(value, pulumi.Asset | pulumi.Archive):
            yield _mistyped(path, "an asset", value)
    elif "properties" in schema:
        if isinstance(value, Mapping):
            yield from violations(schema, cast("Mapping[str, Any]", value), path)
        else:
            yield _mistyped(path, "an object", value)
    elif "additionalProperties" in schema:
        if not isinstance(value, Mapping):
            yield _mistyped(path, "a map", value)
            return
        for key, item in cast("Mapping[str, Any]", value).items():
            yield from _mismatches(schema["additionalProperties"], item, f"{path}.{key}")
    elif "items" in schema:
        if not isinstance(value, list):
            yield _mistyped(path, "a list", value)
            return
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _mismatches(schema["items"], item, f"{path}[{index}]")
    elif "enum" in schema:
        if value not in schema["enum"]:
            yield Violation(path, f"expected one of {', '.join(schema['enum'])}; got {value!r}")
    elif schema and not _has_basic_type(schema["type"], value):
        yield _mistyped(path, _BASIC_TYPES[schema["type"]], value)


def _has_basic_type(declared: str, value: Any) -> bool:
    if declared in ("integer", "number"):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and (declared == "number" or float(value).is_integer())
    return isinstance(value, str if declared == "string" else bool)


def _mistyped(path: str, expected: str, value: Any) -> Violation:
    return Violation(path, f"expected {expected}, got {_KINDS.get(type(value), type(value).__name__)}")
