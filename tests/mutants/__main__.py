"""`make mutants`: which of all single mutations of the component and the program the unit tests notice."""

import argparse
import hashlib
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import NamedTuple

from .mutations import Mutation, mutations
from .reached import Reached
from .tally import REASONS, Name, Tally
from .together import Quiet, tried_together
from .workers import ROOT, TESTS, Copy, Run, Served, import_what_stays, recorded

PATIENCE = 6.0
"""For so many seconds tests run for one mutant alone. What goes on unnoticed is likely to be noticed by none."""
FOLDER = ROOT / ".local" / "mutants"
PROGRAM = ("__main__.py", "configuration.py", "preflight.py")


class Mutant(NamedTuple):
    """A mutation of a module, and the tests that can notice it."""

    module: str
    mutation: Mutation
    tests: Sequence[str]
    likely: int
    """How many of the tests, the first, are in files that import the module by name."""
    alone: int
    """How many of the tests are run for this mutant alone."""
    imported: bool
    """Whether it may change what happens when a module is imported."""

    @property
    def name(self) -> Name:
        return self.module, self.mutation.name


def modules() -> list[str]:
    """Return the paths of the modules that are mutated, below the repository."""
    return [*PROGRAM, *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "components").rglob("*.py"))]


def digest() -> str:
    """Return a digest of the modules and their tests: the same tests reach the same functions."""
    digest = hashlib.sha256()
    for path in [*modules(), *sorted(str(path.relative_to(ROOT)) for path in (ROOT / TESTS).rglob("*.*"))]:
        if not path.endswith(".pyc"):
            digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()[:16]


def mutants(module: str, folder: Path, reached: Reached, noticed: Mapping[str, int]) -> Iterator[Mutant]:
    """Yield the mutants of a module in a copy of the repository, with the tests that can notice each.

    First come those that have noticed most so far, and among their equals the quickest; but if the module has to be
    imported for it, which takes long, those that import it by name.
    """

    def place(test: str) -> tuple[int, float]:
        return -noticed.get(test, 0), reached.seconds[test]

    def place_if_imported(test: str) -> tuple[bool, int, float]:
        return test not in by_import, *place(test)

    texts = {file: (folder / file).read_text() for file in {test.partition("::")[0] for test in reached.seconds}}
    in_module: set[str] = set()
    everywhere: set[str] = set()
    for (path, _), tests in reached.tests.items():
        if path in modules():
            everywhere |= tests
        if path == module:
            in_module |= tests
    path = Path(module.removeprefix("components/")).with_suffix("")
    parent, stem = ".".join(path.parts[:-1]), path.stem
    importing = rf"from {parent}(\.| import .*\b){stem}\b" if parent else rf"(from|import) {stem}\b"
    by_name, by_import = (
        {test for test in reached.seconds if re.search(pattern, texts[test.partition("::")[0]])}
        for pattern in (rf"\b{stem}\b", importing)
    )
    for mutation in mutations((folder / module).read_text(encoding="utf-8")):
        # What runs at the import concerns all; what no test calls may run in a process that one starts.
        function = (module, mutation.function)
        own = reached.tests.get(function, frozenset())
        imported = not mutation.function or function in reached.imported
        first = own or in_module or by_name
        others = by_name | (everywhere if imported or not own else set[str]())
        key = place_if_imported if imported else place
        tests = [*sorted(first, key=key), *sorted(others - first, key=key)]
        likely = len(first & by_import) if imported else 0
        within = sum(seconds < PATIENCE for seconds in accumulate(reached.seconds[test] for test in tests))
        yield Mutant(module, mutation, tests, likely, max(likely, within, 1), imported)


def tried(waiting: Iterable[Mutant], copies: Sequence[Copy]) -> Iterator[tuple[Mutant, str]]:
    """Yield each mutant with the test that noticed it, if one of those did that are run for it alone.

    As many are tried at once as there are copies.
    """
    free = list(copies)
    running: list[tuple[Mutant, Copy, Run | Served]] = []

    def next_result() -> tuple[Mutant, str]:
        while True:
            for each in running:
                mutant, copy, run = each
                if (result := run.result()) is not None:
                    running.remove(each)
                    free.append(copy)
                    return mutant, result
            time.sleep(0.01)

    for mutant in waiting:
        if not free:
            yield next_result()
        copy = free.pop()
        tests = mutant.tests[: mutant.alone]
        run = copy.test(mutant.module, mutant.mutation, tests, mutant.likely, imported=mutant.imported)
        running.append((mutant, copy, run))
    while running:
        yield next_result()


def main() -> int:
    """Try every mutant, print a table, and fail when too few are noticed or the list of survivors is not true."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="all, if none is named")
    parser.add_argument("--every", type=int, default=1, help="try one of so many, for an estimate")
    parser.add_argument("--again", action="store_true", help="try those too that are accepted; each takes minutes")
    parser.add_argument("--processes", type=int, default=1 + (os.cpu_count() or 1), help="try so many at once")
    arguments = parser.parse_args()
    named = arguments.modules or modules()
    copies = [Copy(FOLDER / str(number)) for number in range(arguments.processes)]
    import_what_stays()
    into = FOLDER / f"reached-{digest()}"
    reached = recorded(into) if into.exists() else copies[0].record(into)
    for copy in copies:
        copy.serve()

    tally = Tally()
    noticed: Counter[str] = Counter()

    def to_be_tried() -> Iterator[Mutant]:
        every = (mutant for module in named for mutant in mutants(module, copies[0].folder, reached, noticed))
        for mutant in islice(every, 0, None, arguments.every):
            tally.count(mutant.name)
            if mutant.name in REASONS and not arguments.again:
                tally.survived(mutant.name)
            else:
                yield mutant

    begun: set[str] = set()
    quiet: list[Quiet] = []
    for mutant, test in tried(to_be_tried(), copies):
        if mutant.module not in begun:
            begun.add(mutant.module)
            print(f"{len(tally):5} tried, {len(quiet)} for later: {mutant.module}", file=sys.stderr, flush=True)
        if test:
            noticed[test] += 1
        elif rest := mutant.tests[mutant.alone :]:
            quiet.append(Quiet(mutant.module, mutant.mutation, frozenset(rest)))
        else:
            tally.survived(mutant.name)
    print(f"{len(quiet)} are tried together by all other tests", file=sys.stderr, flush=True)
    for mutant, test in tried_together(quiet, list(reached.seconds), copies):
        if not test:
            tally.survived((mutant.module, mutant.mutation.name))
    expected = None if arguments.every > 1 else [name for name in REASONS if name[0] in named]
    return 0 if tally.report(named, expected) else 1


if __name__ == "__main__":
    sys.exit(main())
