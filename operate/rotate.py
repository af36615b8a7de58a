"""`make rotate STACK=… WHAT=…`: another secret in place of one that the component has generated.

What is rotated is the password of the administrator, the keys of the API server, or the Fernet key. Each starts another
task, which goes on with the database of the one before.
"""

import argparse
import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from operate.console import CommandError, say
from operate.pulumi_cli import pulumi

GENERATED = {
    "admin-password": (("admin-password",), "adminPassword"),
    "api-keys": (("api-secret-key", "jwt-secret"), ""),
}
"""The ends of the names of what is generated, and the configuration key that has it if it is not."""

FERNET = "fernet"
_FERNET_KEY = "fernetKey"
_FERNET_NAME = "fernet-key"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m operate.rotate", description=__doc__)
    parser.add_argument("stack", help="the name of a stack of the project in this folder")
    parser.add_argument("what", choices=[*GENERATED, FERNET])
    options = parser.parse_args()
    try:
        return rotate(options.stack, options.what)
    except CommandError as error:
        say(f"error: {error}")
        return 1


def rotate(stack: str, what: str) -> int:
    """Have `pulumi up` make another secret, and return its exit code."""
    if what == FERNET:
        return rotate_fernet(stack)
    suffixes, key = GENERATED[what]
    urns = generated(json.loads(pulumi("stack", "export", "--stack", stack)), suffixes)
    if not urns:
        way_out = f"Set another: pulumi config set --secret {key} --stack {stack}" if key else ""
        raise CommandError(f"The stack {stack} has generated no {what}.", way_out)
    return up(stack, *(word for urn in urns for word in ("--replace", urn)))


def rotate_fernet(stack: str) -> int:
    """Put a new key in front of the one that is used; of a list, keep the first alone.

    The others are forgotten only when a task has started with all of them, and has encrypted everything with the first.
    """
    configured: Mapping[str, Any] = json.loads(pulumi("config", "--json", "--show-secrets", "--stack", stack))
    # A key that is not set has the project's default, an empty text.
    given: dict[str, str] = {name.rpartition(":")[2]: each["value"] for name, each in configured.items()}
    if json.loads(given.get("command") or "null"):
        raise CommandError(
            "With a command of your own nothing encrypts the passwords in the database with a new key.",
            f"Set {_FERNET_KEY} to a new key, a comma and the one before, `pulumi up`, and run "
            "`airflow rotate-fernet-key` in the container.",
        )
    key = given.get(_FERNET_KEY) or _generated_fernet_key(stack)
    first, *others = key.split(",")
    if others:
        return up(stack) or _up_with(stack, first)
    new = new_fernet_key()
    # Where the next task starts beside the one before, that one has to read what the next encrypts.
    is_shared = given.get("database") == "postgres" or given.get("databaseUrl")
    if is_shared and (code := _up_with(stack, f"{key},{new}")):
        _set_key(stack, given.get(_FERNET_KEY, ""))
        return code
    code = _up_with(stack, f"{new},{key}")
    if code == 0:
        say(
            "All passwords in the database are encrypted with a new key. Snapshots of before need the one before, which"
        )
        say(f"{_FERNET_KEY} has as well: run this again when none of them is wanted any more, and it is forgotten.")
    return code


def _up_with(stack: str, keys: str) -> int:
    _set_key(stack, keys)
    return up(stack)


def _set_key(stack: str, keys: str) -> None:
    pulumi("config", "set", "--secret", _FERNET_KEY, "--stack", stack, given=keys)


def generated(exported: Mapping[str, Any], suffixes: tuple[str, ...]) -> list[str]:
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
    return subprocess.run(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", stack, *options], check=False
    ).returncode


def _generated_fernet_key(stack: str) -> str:
    exported: Mapping[str, Any] = json.loads(pulumi("stack", "export", "--show-secrets", "--stack", stack))
    urns = generated(exported, (_FERNET_NAME,))
    found = [each["outputs"]["base64"] for each in exported["deployment"]["resources"] if each["urn"] in urns]
    if len(found) != 1:
        raise CommandError(
            f"The stack {stack} has generated {len(found)} Fernet keys.",
            "Rotate it by fernet_key: a new key, a comma, and the one before.",
        )
    return json.loads(found[0]["plaintext"]).replace("+", "-").replace("/", "_")


if __name__ == "__main__":
    sys.exit(main())
