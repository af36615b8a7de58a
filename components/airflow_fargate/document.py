"""The caller's policy document for the task role: what IAM takes as one, and what would allow everything."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from .errors import Refusal

IF_MEANT = "name what DAGs need, or set allow_admin_task_role to true"
"""The ways out where DAGs could do everything."""

# AWS: "IAM and AWS STS quotas", characters of a role's inline policies, without blanks.
_MAX_INLINE_CHARACTERS = 10_240


def refuse_document(text: str, *, allow_admin: bool) -> Iterator[Refusal]:
    """Refuse what IAM does not take as a policy of a role, and one of `*` on `*` unless `allow_admin`."""

    def refusal(reason: str) -> Refusal:
        return Refusal("task_role_policy", reason)

    try:
        document: Any = json.loads(text)
    except ValueError as error:
        yield refusal(f"is no JSON: {error}; give a policy document, such as that of aws.iam.get_policy_document")
        return
    statements = _listed(cast(dict[str, Any], document).get("Statement")) if isinstance(document, dict) else []
    if not statements:
        yield refusal('has no statements; give a policy document, {"Version": "2012-10-17", "Statement": […]}')
    for number, statement in enumerate(statements, start=1):
        if wrong := _wrong_statement(statement):
            yield refusal(f"has statement {number} of {len(statements)} {wrong}")
        elif not allow_admin and _allows_everything(statement):
            yield refusal(
                f"has statement {number} of {len(statements)} that allows * on *, with which a DAG may do "
                f"everything; {IF_MEANT}"
            )
    if (size := len(re.sub(r"\s", "", text))) > _MAX_INLINE_CHARACTERS:
        yield refusal(
            f"has {size} characters without blanks; a role has {_MAX_INLINE_CHARACTERS} in its own policies: "
            "make a managed policy of it, and give its ARN in task_role_policy_arns"
        )


def _wrong_statement(statement: Any) -> str | None:
    """Say why IAM does not take it in a policy of a role (IAM user guide, "JSON policy element reference")."""
    if not isinstance(statement, dict):
        return "that is no object; give one with Effect, Action and Resource"
    given = cast(dict[str, Any], statement)
    if given.get("Effect") not in ("Allow", "Deny"):
        return f"with the Effect {given.get('Effect')!r}; give Allow or Deny"
    for element in ("Action", "Resource"):
        values = [each for name in (element, f"Not{element}") for each in _listed(given.get(name))]
        if not values or not all(isinstance(each, str) for each in values):
            return f"without {element}; give one or several, * for any"
    if given.keys() & {"Principal", "NotPrincipal"}:
        return "with a Principal; leave it out, in a role's policy it is the role"
    return None


def _allows_everything(statement: dict[str, Any]) -> bool:
    actions, resources = (set(_listed(statement.get(element))) for element in ("Action", "Resource"))
    return statement["Effect"] == "Allow" and bool(actions & {"*", "*:*"}) and "*" in resources


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return cast(list[Any], value) if isinstance(value, list) else [value]
