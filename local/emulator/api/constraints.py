"""Constraints in the models of AWS's APIs: lengths, ranges, patterns. botocore has them and does not check them."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

# Letters, separators and numbers of any script, and the underscore, as each pattern for tags has them: all but the
# separators are Python's \w.
_JAVA, _PYTHON = r"\p{L}\p{Z}\p{N}_", "\\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Return, in AWS's words, what is wrong with a request, or with a part of it, as its shape describes it."""
    if isinstance(shape, StructureShape):
        for name, member in cast(Mapping[str, Shape], shape.members).items():
            if name in value:
                yield from violations(member, value[name], f"{path}.{name[0].lower()}{name[1:]}".lstrip("."))
    elif isinstance(shape, ListShape):
        yield from _limits(shape, value, len(value), "length", path)
        for number, item in enumerate(value, 1):
            yield from violations(shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from _limits(shape, value, len(value), "length", path)
        for key, item in value.items():
            yield from violations(shape.key, key, path)
            yield from violations(shape.value, item, f"{path}.{key}.member")
    elif shape.type_name == "string":
        yield from _limits(shape, value, len(value), "length", path)
        pattern: str = shape.metadata.get("pattern", "")
        if (compiled := compiled_pattern(pattern)) and not compiled.fullmatch(value):
            yield _violation(shape, value, path, f"satisfy regular expression pattern: {pattern}")
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _limits(shape, value, value, "value", path)


@functools.cache
def compiled_pattern(pattern: str) -> re.Pattern[str] | None:
    """Return a model's pattern for Python; nothing if there is none, or one of those that Python cannot express."""
    try:
        return re.compile(pattern.replace(_JAVA, _PYTHON)) if pattern else None
    except re.error:
        return None


def _limits(shape: Shape, value: Any, size: float, measure: str, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _violation(shape, value, path, f"have {measure} greater than or equal to {least}")
    if most is not None and size > most:
        yield _violation(shape, value, path, f"have {measure} less than or equal to {most}")


def _violation(shape: Shape, value: Any, path: str, constraint: str) -> str:
    shown = "Value" if shape.metadata.get("sensitive") else f"Value '{value}'"
    return f"{shown} at '{path}' failed to satisfy constraint: Member must {constraint}"
