"""`make repair STACK=…`: after a `pulumi up` or `pulumi destroy` that was killed."""

import argparse
import json
import sys

from operate.console import CommandError, say
from operate.pulumi_cli import pulumi
from operate.repair.file_backend import folder_of, release
from operate.repair.repair import repair


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m operate.repair", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument(
        "--gone", action="append", default=[], metavar="NAME", help="a resource that is not there; may be repeated"
    )
    arguments = parser.parse_args()

    def of_stack(*command: str) -> str:
        return pulumi(*command, "--stack", arguments.stack)

    try:
        # The holders of locks in other backends may be alive on other machines.
        login: dict[str, str] = json.loads(pulumi("whoami", "--json"))
        if login["url"].startswith("file://"):
            release(
                folder_of(login["url"]), arguments.stack.rpartition("/")[2], lambda: of_stack("cancel", "--yes"), say
            )
        repair(of_stack, say, arguments.gone)
    except CommandError as error:
        say(f"error: {error}")
        return 1
    say("The state is in step with AWS; `pulumi up` or `pulumi destroy` goes on from here.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
