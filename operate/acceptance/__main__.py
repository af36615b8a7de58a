"""`make acceptance STACK=…`: deploy, break, mend and destroy a stack of its own, and print how it went.

docs/aws-acceptance.md has the steps with what they should show. `.venv/bin/python -m operate.acceptance acceptance`
ends with 0 if none failed, 1 if one did, and 2 if the stack is not one to try this with; `make` ends with 2 for both.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal, NamedTuple

from operate.acceptance.steps import STEPS, Step, destroy, up
from operate.acceptance.trial import SkippedError, Trial
from operate.console import INTERRUPTED, CommandError, aligned, say


class Outcome(NamedTuple):
    """How a step went."""

    step: str
    result: Literal["ok", "failed", "skipped"]
    seconds: float
    words: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Return it for a table; of a failure, the first line."""
        return (self.step, self.result, f"{self.seconds:.0f} s", self.words.partition("\n")[0])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m operate.acceptance", description=__doc__)
    parser.add_argument("stack", help="the name of a stack of the project in this folder, to which nothing is deployed")
    stack: str = parser.parse_args().stack
    with tempfile.TemporaryDirectory() as folder:
        try:
            trial = Trial(stack, Path(folder))
            _refuse_what_is_deployed(trial)
        except CommandError as error:
            say(f"error: {error}")
            return 2
        try:
            outcomes = take(trial)
        except KeyboardInterrupt:
            say(f"\ninterrupted: `pulumi destroy --stack {stack}` takes away what is deployed.")
            return INTERRUPTED
    print(aligned([outcome.cells for outcome in outcomes]))
    return int(any(outcome.result == "failed" for outcome in outcomes))


def take(trial: Trial) -> list[Outcome]:
    """Take the steps one after the other; the first deployment is what the others need. Nothing is left deployed."""
    outcomes: list[Outcome] = []
    for number, step in enumerate(STEPS, start=1):
        say(f"{number} of {len(STEPS)}: {_title(step)} …")
        outcomes.append(outcome := _outcome(step, trial))
        say(f"  {outcome.result} after {outcome.seconds:.0f} s: {outcome.words}")
        if step is up and outcome.result == "failed":
            break
    if trial.resources:
        outcomes.append(_outcome(destroy, trial))
    return outcomes


def _refuse_what_is_deployed(trial: Trial) -> None:
    if resources := trial.resources:
        raise CommandError(
            f"The stack {trial.stack} has {len(resources)} resources, and the acceptance would destroy them.",
            "Make one for it: `pulumi stack init acceptance`, with a copy of another's configuration.",
        )


def _outcome(step: Step, trial: Trial) -> Outcome:
    begin = time.monotonic()
    result: Literal["ok", "failed", "skipped"] = "ok"
    try:
        words = step(trial)
    except SkippedError as why:
        result, words = "skipped", str(why)
    except Exception as error:  # noqa: BLE001 - whatever it is, what is deployed has to be destroyed
        result, words = "failed", str(error) or repr(error)
    return Outcome(_title(step), result, time.monotonic() - begin, words)


def _title(step: Step) -> str:
    return step.__name__.replace("_", " ")


if __name__ == "__main__":
    sys.exit(main())
