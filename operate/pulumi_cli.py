"""The `pulumi` on PATH, asked by a command of this repository."""

import subprocess

from operate.console import CommandError


def pulumi(*arguments: str, given: str = "") -> str:
    """Run `pulumi` and return what it prints, or raise `CommandError` with its own words.

    :param given: Its standard input: every user of this machine can read a command line.
    """
    line = ["pulumi", *arguments, "--non-interactive"]
    try:
        result = subprocess.run(line, check=False, capture_output=True, text=True, input=given)
    except FileNotFoundError as error:
        raise CommandError("There is no `pulumi` on PATH.", "https://www.pulumi.com/docs/install/ has it.") from error
    if result.returncode:
        words = f"{result.stdout}{result.stderr}".strip()
        way_out = "`pulumi stack ls` lists the stacks." if "no stack named" in words else ""
        raise CommandError(f"`{' '.join(line)}` failed: {words}", way_out)
    return result.stdout
