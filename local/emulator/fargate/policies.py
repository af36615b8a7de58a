"""Whether policy documents allow an action, as IAM decides it: what cannot be told here is decided against the caller.

Actions, resources and their negations are told, with wildcards; of conditions those on keys of the request that are
given, by the operators in `_OPERATORS`. Policy variables (`${aws:username}`) are not.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast


def allows(documents: Iterable[str], action: str, resource: str | None, context: Mapping[str, str]) -> bool:
    """Return whether there is an Allow, and no Deny.

    :param resource: The ARN, or None where it is not known: it is allowed by `*` alone then, and denied by any.
    :param context: The condition keys of the request that are known.
    """
    allowed = False
    for statement in (each for document in documents for each in statements(document)):
        applies = _applies(statement, action, resource, context)
        if statement["Effect"] == "Deny" and applies is not False:
            return False
        allowed |= statement["Effect"] == "Allow" and applies is True
    return allowed


def statements(document: str) -> list[dict[str, Any]]:
    """Return the statements of a policy document."""
    return listed(json.loads(document)["Statement"])


def listed(value: Any) -> list[Any]:
    """Return the values of an element, which may be a single one or missing."""
    if value is None:
        return []
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _applies(
    statement: Mapping[str, Any], action: str, resource: str | None, context: Mapping[str, str]
) -> bool | None:
    """Return whether a statement is about the request; None if that cannot be told."""
    return _all(
        _element(statement, "Action", lambda pattern: _matches(pattern.lower(), action.lower())),
        _element(statement, "Resource", lambda pattern: _matches(pattern, resource)),
        *(
            _condition(operator, key, listed(values), context)
            for operator, keys in cast("dict[str, dict[str, Any]]", statement.get("Condition") or {}).items()
            for key, values in keys.items()
        ),
    )


def _element(statement: Mapping[str, Any], name: str, matches: Callable[[str], bool | None]) -> bool | None:
    if name in statement:
        return _any(*map(matches, listed(statement[name])))
    return _not(_any(*map(matches, listed(statement[f"Not{name}"]))))


def _condition(operator: str, key: str, values: Iterable[Any], context: Mapping[str, str]) -> bool | None:
    known = {name.lower(): value for name, value in context.items()}
    compare = _OPERATORS.get(operator.replace("Not", ""))
    if compare is None or key.lower() not in known:
        return None
    met = _any(*(compare(str(value), known[key.lower()]) for value in values))
    return _not(met) if "Not" in operator else met


def _matches(pattern: str, value: str | None) -> bool | None:
    if pattern == "*":
        return True
    if value is None or "${" in pattern:
        return None
    wildcards = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wildcards, value, re.DOTALL) is not None


def _matches_arn(pattern: str, value: str) -> bool | None:
    """Compare the six parts of an ARN each by itself."""
    patterns, values = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(values) and _all(*map(_matches, patterns, values))


def _all(*results: bool | None) -> bool | None:
    return False if False in results else None if None in results else True


def _any(*results: bool | None) -> bool | None:
    return True if True in results else None if None in results else False


def _not(result: bool | None) -> bool | None:
    return None if result is None else not result


_OPERATORS: Mapping[str, Callable[[str, str], bool | None]] = {
    "ArnEquals": _matches_arn,
    "ArnLike": _matches_arn,
    "Bool": lambda pattern, value: pattern.lower() == value.lower(),
    "StringEquals": lambda pattern, value: None if "${" in pattern else pattern == value,
    "StringLike": _matches,
}
"""How a value of a condition is compared with the request's; by the operator, which may have a Not in it."""
