"""Counts what has become of the mutants, and holds those that survive against what is accepted."""

import sys
from collections import Counter
from collections.abc import Collection, Iterable

from .accepted import ACCEPTED

LEAST_PERCENT = 95

Name = tuple[str, str]
"""A module's path, and the name of a mutation of it."""

REASONS = {(each.module, name): each.reason for each in ACCEPTED for name in each.mutations}


class Tally:
    """The mutants of a run, and the survivors among them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._made: Counter[str] = Counter()
        self._names: set[Name] = set()
        self._survivors: set[Name] = set()

    def __len__(self) -> int:
        return self._made.total()

    def count(self, name: Name) -> None:
        """Count a mutant that is tried, or has a reason not to be."""
        self._made[name[0]] += 1
        self._names.add(name)

    def survived(self, name: Name) -> None:
        """Say of one that is counted that no test has noticed it."""
        self._survivors.add(name)
        if name not in REASONS:
            print("survived: {}: {}".format(*name), file=sys.stderr, flush=True)

    def report(self, modules: Iterable[str], expected: Collection[Name] | None = None) -> bool:
        """Print a table of the modules, and return whether enough was noticed and the list of survivors is true.

        :param expected: What is to be on the list if it is accepted: what was counted, if not given.
        """
        for module in modules:
            alive = sorted(name for path, name in self._survivors if path == module)
            print(f"{self._made[module] - len(alive):5} of {self._made[module]:4} {module}")
            for name in alive:
                print(f"              {name}\n                {REASONS.get((module, name), 'NO REASON IS GIVEN')}")
        caught = len(self) - len(self._survivors)
        percent = 100 * caught / len(self)
        print(f"{len(self)} mutants, {caught} caught ({percent:.1f} %), {len(self._survivors)} survivors")

        unlisted = self._survivors - REASONS.keys()
        outdated = (REASONS.keys() & (self._names if expected is None else expected)) - self._survivors
        for module, name in sorted(unlisted):
            print(f"error: no test notices, and accepted.py does not list: {module}: {name}", file=sys.stderr)
        for module, name in sorted(outdated):
            print(f"error: accepted.py lists what is noticed or gone: {module}: {name}", file=sys.stderr)
        return not unlisted and not outdated and percent >= LEAST_PERCENT
