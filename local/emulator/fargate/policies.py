"""Whether policy documents allow an action, as IAM decides it: what cannot be told here is decided against the caller.

Actions, resources and their negations are told, with wildcards; of conditions those on keys of the request that are
given, by the operators in `_OPERATORS`. Policy variables (`${aws:username}`) are not.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

Statement = Mapping[str, Any]


def allows(documents: Iterable[str], action: str, resource: str | None, context: Mapping[str, str]) -> bool:
    """Return whether there is an Allow, and no Deny.

    :param resource: The ARN, or None where it is not known: it is allowed by `*` alone then, and denied by any.
    :param context: The condition keys of the request that are known.
    """

    def is_on_resource(statement: Statement) -> bool | None:
        return _element(statement, "Resource", lambda pattern: _matches(pattern, resource))

    return _decide(documents, is_on_resource, action, context)


def trusts(document: str, service: str, action: str, context: Mapping[str, str]) -> bool:
    """Return whether a role's trust policy allows an action to a service of AWS.

    :param service: Its principal, as in `ecs-tasks.amazonaws.com`.
    """

    def is_of_service(statement: Statement) -> bool | None:
        return _names(statement.get("Principal"), service)

    return _decide([document], is_of_service, action, context)


def _decide(
    documents: Iterable[str],
    is_about: Callable[[Statement], bool | None],
    action: str,
    context: Mapping[str, str],
) -> bool:
    """Return whether there is an Allow, and no Deny.

    :param is_about: Whether a statement is about who or what is asked for; None if that cannot be told.
    """
    allowed = False
    for statement in (each for document in documents for each in _listed(json.loads(document)["Statement"])):
        applies = _all(
            is_about(statement),
            _element(statement, "Action", lambda pattern: _matches(pattern.lower(), action.lower())),
            *(
                _condition(operator, key, _listed(values), context)
                for operator, keys in cast("dict[str, dict[str, Any]]", statement.get("Condition") or {}).items()
                for key, values in keys.items()
            ),
        )
        if statement["Effect"] == "Deny" and applies is not False:
            return False
        allowed |= statement["Effect"] == "Allow" and applies is True
    return allowed


def _listed(value: Any) -> list[Any]:
    """Return the values of an element, which may be a single one or missing."""
    if value is None:
        return []
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _names(principal: Any, service: str) -> bool | None:
    """Return whether a service is among principals; None if that cannot be told."""
    if not isinstance(principal, dict):
        # Either `*`, of which AWS does not say whether a service is among all that it stands for, or nothing: a trust
        # policy takes no NotPrincipal.
        return None
    named = {kind: _listed(values) for kind, values in cast("dict[str, Any]", principal).items()}
    if service in named.get("Service", []):
        return True
    return None if any("*" in values for values in named.values()) else False


def _element(statement: Statement, name: str, matches: Callable[[str], bool | None]) -> bool | None:
    if name in statement:
        return _any(*map(matches, _listed(statement[name])))
    return _not(_any(*map(matches, _listed(statement[f"Not{name}"]))))


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
