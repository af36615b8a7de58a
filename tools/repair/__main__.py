"""`make repair STACK=…`: after a `pulumi up` or `pulumi destroy` that was killed."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tools.repair.errors import RepairError
from tools.repair.locks import dead_holders
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
            raise RepairError(f"`{' '.join(line)}` failed:", f"{result.stdout}{result.stderr}")
        return result.stdout

    try:
        _release(arguments.stack)
        repair(pulumi, _say, arguments.gone)
    except RepairError as error:
        _say(f"error: {error}")
        return 1
    _say("The state is in step with AWS; `pulumi up` or `pulumi destroy` goes on from here.")
    return 0


def _release(stack: str) -> None:
    """Remove the lock of a dead process of this machine; others stay, since their holders may be alive."""
    login = subprocess.run(["pulumi", "whoami", "--json"], check=False, capture_output=True, text=True).stdout
    backend: str = json.loads(login or "{}").get("url", "")
    url = urlsplit(backend)
    if url.scheme != "file":
        return
    for holder in dead_holders(Path(url2pathname(url.path)).expanduser(), stack.rpartition("/")[2]):
        _say(f"Removing the lock of process {holder}, which is gone.")
        subprocess.run(["pulumi", "cancel", "--yes", "--stack", stack], check=True, stdout=subprocess.DEVNULL)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
