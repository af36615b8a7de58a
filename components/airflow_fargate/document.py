"""The caller's policy document for the task role: what IAM takes as one, and what would allow everything."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from .errors import Refusal

IF_MEANT = "name what DAGs need, or set allow_admin_task_role to true"
"""The ways out where DAGs could do everything."""

MAX_INLINE_CHARACTERS = 10_240
"""Of all inline policies of a role together, without blanks (AWS: "IAM and AWS STS quotas")."""

# The component's own have less than the rest.
MAX_CHARACTERS = 7_000

VERSION = "2012-10-17"
"""Of the language that policies are written in."""

_FORMS = {
    "Action": (re.compile(r"\*|[\w.-]+:.+"), "one with its service in front, such as s3:GetObject"),
    "Resource": (re.compile(r"\*|arn:.+"), "an ARN, or * for any"),
}
"""How the values of an element look, and the words that ask for them."""

_EVERYTHING = re.compile(r"\*|arn:[^:]+(:\*)+")


def refuse_document(text: str, *, allow_admin: bool) -> Iterator[Refusal]:
    """Refuse what IAM does not take as a policy of a role, and one of `*` on `*` unless `allow_admin`."""

    def refusal(reason: str) -> Refusal:
        return Refusal("task_role_policy", reason)

    try:
        document: Any = json.loads(text)
    except ValueError as error:
        yield refusal(f"is no JSON: {error}; give a policy document, such as that of aws.iam.get_policy_document")
        return
    given = cast(dict[str, Any], document) if isinstance(document, dict) else {}
    statements = _listed(given.get("Statement"))
    if given.get("Version") != VERSION or not statements:
        yield refusal(f'is no policy document; give one: {{"Version": "{VERSION}", "Statement": […]}}')
        return
    for number, statement in enumerate(statements, start=1):
        if wrong := _wrong_statement(statement):
            yield refusal(f"has statement {number} of {len(statements)} {wrong}")
        elif not allow_admin and _allows_everything(statement):
            yield refusal(
                f"has statement {number} of {len(statements)} that allows * on *, with which a DAG may do "
                f"everything; {IF_MEANT}"
            )
    if (size := len(re.sub(r"\s", "", text))) > MAX_CHARACTERS:
        yield refusal(
            f"has {size} characters without blanks; a role has {MAX_INLINE_CHARACTERS:,} in its own policies, "
            f"{MAX_CHARACTERS:,} of them for this one: make a managed policy of it, and give its ARN in "
            "task_role_policy_arns"
        )


def _wrong_statement(statement: Any) -> str | None:
    """Say why IAM does not take it in a policy of a role (IAM user guide, "JSON policy element reference")."""
    if not isinstance(statement, dict):
        return "that is no object; give one with Effect, Action and Resource"
    given = cast(dict[str, Any], statement)
    if given.get("Effect") not in ("Allow", "Deny"):
        return f"with the Effect {given.get('Effect')!r}; give Allow or Deny"
    for element, (form, words) in _FORMS.items():
        values = [each for name in (element, f"Not{element}") for each in _listed(given.get(name))]
        for value in values or [None]:
            if not isinstance(value, str) or not form.fullmatch(value):
                return f"with the {element} {value!r}; give {words}"
    if given.keys() & {"Principal", "NotPrincipal"}:
        return "with a Principal; leave it out, in a role's policy it is the role"
    return None


def _allows_everything(statement: dict[str, Any]) -> bool:
    return (
        statement["Effect"] == "Allow"
        and "*" in _listed(statement.get("Action"))
        and any(_EVERYTHING.fullmatch(each) for each in _listed(statement.get("Resource")))
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return cast(list[Any], value) if isinstance(value, list) else [value]
