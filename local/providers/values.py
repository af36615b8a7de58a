"""Pulumi's property values as plain Python values, and back."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast

import pulumi
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime import rpc

Properties = dict[str, Any]
"""Property names as on the wire, to None, bool, int, float, str, list, dict, pulumi.Asset or UNKNOWN."""


DIGEST: Final = "sha256 of an asset's contents: "
"""The first words of an asset's text when the engine has sent only its digest."""


class _Unknown:
    def __repr__(self) -> str:
        return "<computed>"


UNKNOWN: Final = _Unknown()
"""A value that is not known during a preview."""


def plain(value: PropertyValue) -> Any:
    """Return the value without secretness and dependencies; whole numbers become int, which boto3 insists on."""
    content = value.value
    # PropertyValue.unmarshal leaves the engine's placeholder for unknowns a string.
    if isinstance(content, Computed) or content == rpc.UNKNOWN:
        return UNKNOWN
    if isinstance(content, Mapping):
        return {key: plain(item) for key, item in content.items()}
    if isinstance(content, Sequence) and not isinstance(content, str):
        return [plain(item) for item in content]
    if isinstance(content, float) and content.is_integer():
        return int(content)
    return content


def plain_map(values: Mapping[str, PropertyValue]) -> Properties:
    return {key: plain(value) for key, value in values.items()}


def wrap(value: Any, *, secret: bool = False) -> PropertyValue:
    """Return the property value of a plain value; integers become floats, the only numbers on the wire."""
    if value is UNKNOWN:
        return PropertyValue(rpc.UNKNOWN, is_secret=secret)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        return PropertyValue({k: wrap(v) for k, v in items.items() if v is not None}, is_secret=secret)
    if isinstance(value, (list, tuple)):
        return PropertyValue([wrap(item) for item in cast("Sequence[Any]", value)], is_secret=secret)
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value), is_secret=secret)
    return PropertyValue(value, is_secret=secret)


def wrap_map(values: Mapping[str, Any], secrets: Collection[str] = ()) -> dict[str, PropertyValue]:
    """Property values of all that is set, secret where the name is in `secrets`."""
    return {key: wrap(value, secret=key in secrets) for key, value in values.items() if value is not None}


def secret_names(values: Mapping[str, PropertyValue]) -> set[str]:
    """Names of the values that are secret or hold a secret somewhere within."""
    return {key for key, value in values.items() if value.contains_secret()}


def is_empty(value: Any) -> bool:
    """Whether Terraform takes the value for "not set": null and the zero value of each type."""
    return value is not UNKNOWN and not isinstance(value, (pulumi.Asset, pulumi.Archive)) and not value
