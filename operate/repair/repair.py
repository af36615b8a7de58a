"""The repair itself: read the state, look in AWS, write the state, refresh what has entered it."""

import json
import tempfile
from collections.abc import Callable, Collection

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from operate.console import CommandError
from operate.repair.lookups import LOOKUPS, SETTINGS, STATE_ONLY
from operate.repair.sessions import ProviderSessions
from operate.repair.state import (
    Adoption,
    Found,
    ResourceState,
    StackState,
    adopt,
    interrupted,
    is_live,
    known,
    name_of,
    pending_creates,
)

Pulumi = Callable[..., str]
"""Runs `pulumi` with these arguments on the stack, and returns what it prints."""


def repair(pulumi: Pulumi, say: Callable[[str], None], gone: Collection[str] = ()) -> None:
    """Bring the state in step with AWS after a `pulumi` that was killed.

    A resource that was being created is looked for, and adopted if it is there; `pulumi refresh` reads it, and those
    that were being updated or deleted. (`pulumi refresh --import-pending-creates` of 3.259 clears the operation and
    forgets the resource.) Raises CommandError, with nothing changed, when one cannot be decided.

    :param gone: Names or URNs of resources that somebody has looked for: they are not there.
    """
    exported = json.loads(pulumi("stack", "export"))
    stack: StackState = exported["deployment"]
    sessions = ProviderSessions(stack)
    adoptions = _decide(stack, sessions, gone, say)
    for resource in pending_creates(stack):
        if resource["urn"] in adoptions:
            _complete(sessions, resource, adoptions[resource["urn"]].found, say)
    refreshed = [*(urn for urn in adoptions if _enters(stack, urn, adoptions[urn])), *interrupted(stack)]
    if pending_creates(stack):
        # Readable by its owner alone; secrets are encrypted in it.
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({**exported, "deployment": adopt(stack, adoptions)}, file)
            file.flush()
            pulumi("stack", "import", "--file", file.name)
    if refreshed:
        say(f"Reading from AWS: {', '.join(map(name_of, refreshed))}")
        pulumi("refresh", "--yes", "--skip-preview", *(f"--target={urn}" for urn in refreshed))


def _decide(
    stack: StackState, sessions: ProviderSessions, gone: Collection[str], say: Callable[[str], None]
) -> dict[str, Adoption]:
    """Look for everything before anything is changed."""
    adoptions: dict[str, Adoption] = {}
    for resource in pending_creates(stack):
        urn = resource["urn"]
        if {urn, urn.rpartition("::")[2]} & set(gone):
            say(f"{name_of(urn)}: cleared, as you say that it is not there")
            continue
        try:
            found, why = find(stack, sessions, resource)
        except CommandError as undecided:
            raise CommandError(f"{name_of(urn)} was being created.", str(undecided)) from undecided
        except (BotoCoreError, ClientError) as error:
            raise CommandError(
                f"{name_of(urn)} was being created, and AWS does not say whether it is there: {error}",
                "Use the credentials that `pulumi up` was run with; those of a Pulumi ESC environment with "
                "`pulumi env run <environment> -- make repair STACK=…`.",
            ) from error
        if found:
            adoptions[urn] = Adoption(found, replaces=LOOKUPS[resource["type"]].one_of_a_kind)
        say(f"{name_of(urn)}: {why}")
    return adoptions


def find(stack: StackState, sessions: ProviderSessions, resource: ResourceState) -> tuple[Found | None, str]:
    """Return what was created and is not in the state, if it is there, and what there is to say about it."""
    kind: str = resource["type"]
    if kind.startswith(STATE_ONLY) or not resource.get("custom"):
        return None, "cleared; it is nowhere but in the state"
    if kind in SETTINGS:
        return None, "cleared; `pulumi up` sets it again"
    if kind not in LOOKUPS:
        raise CommandError(
            f"This command does not know the type {kind}.",
            "Look for it in the AWS console, delete it if it is there, and say so with --gone.",
        )
    lookup, inputs = LOOKUPS[kind], resource["inputs"]
    if lookup.auto_name and lookup.auto_name not in inputs.get("__defaults", []):
        raise CommandError(
            f"Its name, {inputs[lookup.auto_name]}, was given by the program: what has it may be somebody else's.",
            "Look for it in the AWS console, delete it if it is this stack's, and say so with --gone.",
        )
    client = sessions.of(resource).client(lookup.service, inputs.get("region"))
    found = [each for each in lookup.find(client, inputs) if each.physical not in known(stack, kind)]
    if len(found) > 1:
        raise CommandError(
            f"It could be each of {', '.join(each.physical for each in found)}.",
            "Delete those that nothing uses, and try again.",
        )
    if not found:
        return None, "cleared; it is not there"
    return found[0], f"adopted {found[0].physical}"


def _enters(stack: StackState, urn: str, adoption: Adoption) -> bool:
    """Whether it is in use afterwards, not marked for deletion."""
    return adoption.replaces or not is_live(stack, urn)


def _complete(sessions: ProviderSessions, resource: ResourceState, found: Found, say: Callable[[str], None]) -> None:
    lookup, inputs = LOOKUPS[resource["type"]], resource["inputs"]
    if lookup.complete is None:
        return
    say(f"{name_of(resource['urn'])}: {lookup.completion}")
    try:
        lookup.complete(sessions.of(resource).client(lookup.service, inputs.get("region")), inputs, found)
    except WaiterError as error:
        say(f"{name_of(resource['urn'])}: {error}; `pulumi up` says what is wrong")
