"""`make password STACK=…`: the administrator's password, and nothing else on standard output."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from operate.console import CommandError, ended
from operate.pulumi_cli import pulumi


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m operate.password", description=__doc__)
    parser.add_argument("stack", help="the name of a stack of the project in this folder")
    stack: str = parser.parse_args().stack

    def show() -> int:
        print(password(json.loads(pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack))))
        return 0

    return ended(show)


def password(outputs: Mapping[str, Any]) -> str:
    """Return the administrator's password, or raise `CommandError` with the reason why there is none.

    :param outputs: The stack's outputs, secrets in plain text: of the component, `admin_password`.
    """
    if "admin_password" not in outputs:
        raise CommandError(
            "The stack has no output admin_password: it was never deployed, or its last update did not succeed.",
            "The next one that succeeds has it.",
        )
    if not outputs["admin_password"]:
        raise CommandError(
            "This Airflow has no password of the component's.",
            "Airflow 1.10 has no login at all, and with an auth manager of your own the login is there.",
        )
    return outputs["admin_password"]


if __name__ == "__main__":
    sys.exit(main())
