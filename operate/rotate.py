"""`make rotate STACK=… WHAT=…`: another secret in place of one that the component has generated.

What is rotated is the password of the administrator, the keys of the API server, or the Fernet key. Each starts another
task, which goes on with the database of the one before. Nothing else is deployed: other changes have to be, before.
"""

import argparse
import base64
import json
import secrets
import sys
from collections.abc import Mapping
from typing import Any

from operate.config_file import stack_file
from operate.console import CommandError, ended, say
from operate.pulumi_cli import attended, pulumi

_ROTATED = {
    "admin-password": (("admin-password",), "adminPassword"),
    "api-keys": (("api-secret-key", "jwt-secret"), ""),
}
"""The ends of the names of what is generated, and the configuration key that has it if it is not."""

FERNET, FORGET = "fernet", "fernet-forget"
_FERNET_KEY = "fernetKey"
_FERNET_NAME = "fernet-key"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m operate.rotate", description=__doc__)
    parser.add_argument("stack", help="the name of a stack of the project in this folder")
    parser.add_argument("what", choices=[*_ROTATED, FERNET, FORGET])
    options = parser.parse_args()
    return ended(lambda: rotate(options.stack, options.what), "Pulumi has saved how far it came; run the same again.")


def rotate(stack: str, what: str) -> int:
    """Have `pulumi up` make another secret, and return its exit code."""
    if what == FERNET:
        return rotate_fernet(stack)
    if what == FORGET:
        return forget_fernet_keys(stack)
    suffixes, key = _ROTATED[what]
    urns = urns_of(json.loads(pulumi("stack", "export", "--stack", stack)), suffixes)
    if not urns:
        way_out = f"Set another: pulumi config set --secret {key} --stack {stack}" if key else ""
        raise CommandError(f"The stack {stack} has generated no {what}.", way_out)
    _refuse_other_changes(stack)
    return up(stack, *(word for urn in urns for word in ("--replace", urn)))


def rotate_fernet(stack: str) -> int:
    """Put a new key in front of the one that is used, and have a task encrypt everything with it.

    With several keys a rotation has begun, and goes on: Airflow encrypts with the first, and reads with every one.
    """
    given = _configured(stack)
    if json.loads(given.get("command") or "null"):
        raise CommandError(
            "With a command of your own nothing encrypts the passwords in the database with a new key.",
            f"Set {_FERNET_KEY} to a new key, a comma and the one before, `pulumi up`, and run "
            "`airflow rotate-fernet-key` in the container.",
        )
    before = given.get(_FERNET_KEY, "")
    keys = (before or _generated_fernet_key(stack)).split(",")
    if begins := len(keys) == 1:
        _refuse_other_changes(stack)
        # Where the next task starts beside the one before, that one has to read what the next encrypts. Once more at
        # the end, the key that is still encrypted with tells a rotation that was interrupted here.
        is_shared = given.get("database") == "postgres" or given.get("databaseUrl")
        keys = [*keys, new_fernet_key(), *keys] if is_shared else [new_fernet_key(), *keys]
    if _is_announced(keys):
        if code := _up_with(stack, ",".join(keys)):
            if begins:
                _set_key(stack, before)
            return code
        keys = keys[1:]
    code = _up_with(stack, ",".join(keys))
    if code == 0:
        say(
            f"All passwords in the database are encrypted with a new key, which {stack_file(stack)} has: "
            "commit it\nbefore anybody else runs `pulumi up`. Snapshots and backups of before need the one before, "
            f"which {_FERNET_KEY} has as\nwell: `make rotate STACK={stack} WHAT={FORGET}` forgets it, once you want "
            "none of them any more."
        )
    return code


def forget_fernet_keys(stack: str) -> int:
    """Keep the first key alone, which everything is encrypted with once a rotation has ended."""
    keys = _configured(stack).get(_FERNET_KEY, "").split(",")
    if len(keys) == 1:
        raise CommandError(f"The stack {stack} has one Fernet key: there is none to forget.")
    if _is_announced(keys):
        raise CommandError("The rotation has not ended.", f"Go on with it: make rotate STACK={stack} WHAT={FERNET}")
    _refuse_other_changes(stack)
    return _up_with(stack, keys[0])


def _is_announced(keys: list[str]) -> bool:
    """Whether every task is to read with a new key, which none encrypts with yet."""
    return len(keys) > 1 and keys[0] == keys[-1]


def _configured(stack: str) -> Mapping[str, str]:
    """Return the stack's configuration; a key that is not set has the project's default, an empty text."""
    configured: Mapping[str, Any] = json.loads(pulumi("config", "--json", "--show-secrets", "--stack", stack))
    return {name.rpartition(":")[2]: each["value"] for name, each in configured.items()}


def _refuse_other_changes(stack: str) -> None:
    try:
        pulumi("preview", "--expect-no-changes", "--stack", stack)
    except CommandError as error:
        raise CommandError(
            f"More than the secret would change, or `pulumi preview` fails: nothing was rotated.\n{error}",
            f"`pulumi up --stack {stack}` first, or take back what has changed.",
        ) from error


def _up_with(stack: str, keys: str) -> int:
    _set_key(stack, keys)
    return up(stack)


def _set_key(stack: str, keys: str) -> None:
    pulumi("config", "set", "--secret", _FERNET_KEY, "--stack", stack, given=keys)


def urns_of(exported: Mapping[str, Any], suffixes: tuple[str, ...]) -> list[str]:
    """Return the URNs of the generated values whose names end so."""
    resources: list[dict[str, Any]] = exported["deployment"].get("resources") or []
    return [
        each["urn"]
        for each in resources
        if each["type"].startswith("random:") and each["urn"].endswith(tuple(f"-{suffix}" for suffix in suffixes))
    ]


def new_fernet_key() -> str:
    """Return 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def up(stack: str, *options: str) -> int:
    """Run `pulumi up`, with its output going to the person."""
    return attended("up", "--yes", "--skip-preview", "--stack", stack, *options)


def _generated_fernet_key(stack: str) -> str:
    exported: Mapping[str, Any] = json.loads(pulumi("stack", "export", "--show-secrets", "--stack", stack))
    urns = urns_of(exported, (_FERNET_NAME,))
    found = [each["outputs"]["base64"] for each in exported["deployment"]["resources"] if each["urn"] in urns]
    if len(found) != 1:
        raise CommandError(
            f"The stack {stack} has generated {len(found)} Fernet keys.",
            "Rotate it by fernet_key: a new key, a comma, and the one before.",
        )
    return json.loads(found[0]["plaintext"]).replace("+", "-").replace("/", "_")


if __name__ == "__main__":
    sys.exit(main())
