"""`make repair STACK=…`: after a `pulumi up` or `pulumi destroy` that was killed."""

import argparse
import json
import sys

from operate.console import ended, say
from operate.pulumi_cli import pulumi, short_name
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

    def mend() -> int:
        # The holders of locks in other backends may be alive on other machines.
        login: dict[str, str] = json.loads(pulumi("whoami", "--json"))
        if login["url"].startswith("file://"):
            release(folder_of(login["url"]), short_name(arguments.stack), lambda: of_stack("cancel", "--yes"), say)
        repair(of_stack, say, arguments.gone)
        say("The state is in step with AWS; `pulumi up` or `pulumi destroy` goes on from here.")
        return 0

    return ended(mend, "what was not adopted yet stays as it was; the same command goes on.")


if __name__ == "__main__":
    sys.exit(main())
