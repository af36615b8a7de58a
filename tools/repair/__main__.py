"""`make repair STACK=…`: after a `pulumi up` or `pulumi destroy` that was killed."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tools.errors import CommandError
from tools.repair.file_backend import release
from tools.repair.repair import repair


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.repair", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument(
        "--gone", action="append", default=[], metavar="NAME", help="a resource that is not there; may be repeated"
    )
    arguments = parser.parse_args()

    def pulumi(*command: str) -> str:
        line = ["pulumi", *command, "--stack", arguments.stack, "--non-interactive"]
        result = subprocess.run(line, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if result.returncode:
            raise CommandError(f"`{' '.join(line)}` failed:", f"{result.stdout}{result.stderr}")
        return result.stdout

    try:
        # The holders of locks in other backends may be alive on other machines.
        backend = urlsplit(_backend())
        if backend.scheme == "file":
            folder = Path(url2pathname(backend.path)).expanduser()
            release(folder, arguments.stack.rpartition("/")[2], lambda: pulumi("cancel", "--yes"), _say)
        repair(pulumi, _say, arguments.gone)
    except CommandError as error:
        _say(f"error: {error}")
        return 1
    _say("The state is in step with AWS; `pulumi up` or `pulumi destroy` goes on from here.")
    return 0


def _backend() -> str:
    login = subprocess.run(["pulumi", "whoami", "--json"], check=False, capture_output=True, text=True).stdout
    return json.loads(login or "{}").get("url", "")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
