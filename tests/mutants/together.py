"""Tries together the mutants that the likeliest tests have not noticed: one run shows that no test notices any."""

import time
from collections.abc import Collection, Generator, Iterator, Sequence
from typing import NamedTuple

from .collected import same_id
from .mutations import Mutation
from .workers import Copy, Run


class Quiet(NamedTuple):
    """A mutation of a module that has gone unnoticed so far, and the tests that are left to notice it."""

    module: str
    mutation: Mutation
    tests: Collection[str]


Noticed = tuple[Quiet, str]
"""With the test that noticed it, or ""."""


def grouped(mutants: Sequence[Quiet]) -> list[list[Quiet]]:
    """Put mutants into groups, in each of which a module is mutated once."""
    groups: list[list[Quiet]] = []
    for mutant in mutants:
        modules_of = ({other.module for other in group} for group in groups)
        free = next((number for number, modules in enumerate(modules_of) if mutant.module not in modules), len(groups))
        groups[free:] = [[*(groups[free] if free < len(groups) else []), mutant], *groups[free + 1 :]]
    return groups


def tried_together(mutants: Sequence[Quiet], tests: Sequence[str], copies: Sequence[Copy]) -> Iterator[Noticed]:
    """Yield each mutant with the test that noticed it, if any did.

    :param tests: Every test there is, in an order that is quick.
    """
    waiting, free = grouped(mutants), list(copies)
    running: list[tuple[Copy, Generator[None, None, list[Noticed]]]] = []
    while waiting or running:
        while waiting and free:
            running.append((copy := free.pop(), _tried(waiting.pop(), tests, copy)))
        for each in list(running):
            copy, steps = each
            try:
                next(steps)
            except StopIteration as end:
                running.remove(each)
                free.append(copy)
                yield from end.value
        time.sleep(0.05)


def _tried(group: Sequence[Quiet], tests: Sequence[str], copy: Copy) -> Generator[None, None, list[Noticed]]:
    """Run the tests for all of a group, and again without whom a test has noticed; yield while a run goes on."""
    left, noticed, start = list(group), list[Noticed](), 0
    while left:
        chosen = [test for test in tests[start:] if any(test in mutant.tests for mutant in left)]
        failed = yield from _run(left, chosen, copy)
        if not failed:
            break
        by_id = {same_id(test): number for number, test in enumerate(tests)}
        found: list[Noticed] = [(left[0], failed)] if len(left) == 1 else []
        if not found and (known := same_id(failed)) in by_id:
            start = by_id[known]
            for mutant in left:
                alone = [test for test in tests[start : start + 1] if test in mutant.tests]
                if test := (yield from _run([mutant], alone, copy)):
                    found.append((mutant, test))
        if not found:  # by none of them alone, or not by a test
            for mutant in left:
                test = yield from _run([mutant], [test for test in tests if test in mutant.tests], copy)
                found.append((mutant, test))
        noticed += found
        left = [mutant for mutant in left if mutant not in [each for each, _ in found]]
    return [*noticed, *((mutant, "") for mutant in left)]


def _run(mutants: Sequence[Quiet], tests: Sequence[str], copy: Copy) -> Generator[None, None, str]:
    run: Run = copy.test_together({mutant.module: mutant.mutation for mutant in mutants}, tests)
    while (result := run.result()) is None:
        yield
    return result
