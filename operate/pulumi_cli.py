"""The `pulumi` on PATH, asked by a command of this repository."""

import subprocess
from collections.abc import Callable
from typing import TypeVar

from operate.console import CommandError

Result = TypeVar("Result")


def short_name(stack: str) -> str:
    """Return a stack's name without its organization and project, as files are named after it."""
    return stack.rpartition("/")[2]


def waited_for(end: Callable[[], Result]) -> Result:
    """Wait for the end of a `pulumi`, whatever is interrupted meanwhile.

    Ctrl-C reaches `pulumi` as well, which then finishes what it has begun and saves the state. Only then is it raised.
    """
    interrupted = False
    while True:
        try:
            result = end()
            break
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return result


def pulumi(*arguments: str, given: str = "") -> str:
    """Run `pulumi` and return what it prints, or raise `CommandError` with its own words.

    :param given: Its standard input: every user of this machine can read a command line.
    """
    line = ["pulumi", *arguments, "--non-interactive"]
    with _started(line, pipe=True) as process:
        left = [given]
        # What was written before an interruption is not written again.
        stdout, stderr = waited_for(lambda: process.communicate(left.pop() if left else None))
    if process.returncode:
        words = f"{stdout}{stderr}".strip()
        way_out = "`pulumi stack ls` lists the stacks." if "no stack named" in words else ""
        raise CommandError(f"`{' '.join(line)}` failed: {words}", way_out)
    return stdout


def attended(*arguments: str) -> int:
    """Run `pulumi` with its output going to the person, and return its exit code."""
    with _started(["pulumi", *arguments]) as process:
        return waited_for(process.wait)


def _started(line: list[str], *, pipe: bool = False) -> "subprocess.Popen[str]":
    stream = subprocess.PIPE if pipe else None
    try:
        return subprocess.Popen(line, stdin=stream, stdout=stream, stderr=stream, text=True)
    except FileNotFoundError as error:
        raise CommandError("There is no `pulumi` on PATH.", "https://www.pulumi.com/docs/install/ has it.") from error
