"""The mutations that `make mutants` tries: those that once went unnoticed are among them, and all can be compiled."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import airflow_fargate
import pytest
from airflow_fargate import settings

from tests.mutants.collected import changed
from tests.mutants.mutations import Mutation, mutations
from tests.mutants.together import Quiet, grouped, tried_together
from tests.mutants.workers import Copy

SERVICE = "task/service.py"
LIFETIME = "task/lifetime.py"


def names(source: str) -> list[str]:
    return [mutation.name for mutation in mutations(source)]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (LIFETIME, "create_lifetime_group: depends_on=without *firewall.rules"),
        (LIFETIME, "create_lifetime_group: depends_on=without *roles.policies"),
        (LIFETIME, "create_lifetime_group: depends_on=without cluster.capacity_providers"),
        (SERVICE, "create_service: without delete_before_replace=True"),
        (SERVICE, "create_service: create='40m' → '4m'"),
        (SERVICE, "create_service: update='40m' → '4m'"),
        (SERVICE, "create_service: on_error=without pulumi.ErrorHook(f'{hook}-failed', explain_failed_service)"),
        (SERVICE, "create_service: without propagate_tags='SERVICE'"),
        ("task/workload.py", "module: MAX_STOP_TIMEOUT = 120 → 60"),
        ("task/health.py", "_health_check: retries=4 → 2"),
        ("credentials.py", "create_parameters: value=pulumi.Output.secret(value) → pulumi.Output.from_input(value)"),
    ],
)
def test_what_once_went_unnoticed_is_tried(module: str, name: str) -> None:
    assert name in names((Path(airflow_fargate.__file__).parent / module).read_text())


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("x = 4", ["module: x = 4 → 2"]),
        ("x = 0", ["module: x = 0 → 1"]),
        ("x = True", ["module: x = True → False"]),
        ("x = 'FARGATE'", ["module: x = 'FARGATE' → 'FARGATEx'"]),
        ("x = 'Words for a person.'", []),
        ("x = a < b", ["module: x = a < b → a <= b"]),
        ("x = a and b", ["module: x = a and b → a or b"]),
        ("x = not a", ["module: x = not a → a"]),
        ("x = [a, *b]", ["module: x = without a", "module: x = without *b"]),
        ("x = {'a': b}", ["module: x = without 'a'"]),
        ("x = f(y=a)", []),
        ("x = m.f(y=a)", ["module: x = without y=a"]),
        ("x = min(a)", ["module: x = min(a) → max(a)"]),
        ("if a:\n    f()", ["module: a negated", "module: without f()"]),
        ("for a in b:\n    continue", ["module: continue → break"]),
        ("x: Literal['a'] = b", []),
        ("def f(x: int = 2) -> 'T':\n    '''Say nothing.'''", ["f: 2 → 1"]),
    ],
)
def test_each_kind_of_code_has_its_mutations(source: str, changes: list[str]) -> None:
    assert names(source) == changes


def test_every_mutation_differs_and_compiles() -> None:
    module = Path(settings.__file__)
    source = module.read_text()

    for mutation in mutations(source):
        assert mutation.source != source
        compile(mutation.source, module.name, "exec", dont_inherit=True)


LOADED = """
def plain(): return 1
def outer(x):
    def inner(): return x + 1
    return inner
def default(x=1): return x
class C:
    x = 1
    @property
    def method(self): return 1
inner = outer(0)
"""


@pytest.mark.parametrize(
    ("before", "after", "name", "results"),
    [
        ("plain(): return 1", "plain(): return 2", "plain", (2, 1, 1, 1)),
        ("self): return 1", "self): return 2", "C.method", (1, 1, 1, 2)),
        ("x + 1", "x + 2", "outer.<locals>.inner", (1, 2, 1, 1)),
        ("x + 1", "1", "outer.<locals>.inner", None),
        ("x=1", "x=2", "default", None),
        ("    x = 1", "    x = 2", "C", None),
        ("outer(0)", "outer(1)", "", None),
    ],
)
def test_a_change_inside_of_a_function_is_put_into_it_and_any_other_is_left_to_an_import(
    before: str, after: str, name: str, results: tuple[int, ...] | None
) -> None:
    loaded: dict[str, Any] = {}
    exec(LOADED, loaded)  # noqa: S102 - as an import does
    functions: list[FunctionType] = [
        *(loaded[function] for function in ("plain", "outer", "default", "inner")),
        loaded["C"].method.fget,
    ]

    codes = changed(functions, LOADED, LOADED.replace(before, after), name)
    for function, code in codes.items():
        function.__code__ = code

    assert bool(codes) == (results is not None)
    assert (loaded["plain"](), loaded["inner"](), loaded["default"](), loaded["C"]().method) == (
        results or (1, 1, 1, 1)
    )


END = "the end of the run"


class Answering:
    """A copy of the repository in which the given tests notice a mutation of each module, and nothing is run."""

    def __init__(self, noticing: dict[str, set[str]]) -> None:
        self._noticing = noticing
        self.runs = 0

    def test_together(self, mutations: Mapping[str, Mutation], tests: Sequence[str]) -> "Answering":
        self.runs += 1
        seen = [test for module in mutations for test in self._noticing[module]]
        self._noticed = next((test for test in (*tests, END) if test in seen), "")
        return self

    def result(self) -> str:
        return self._noticed


@pytest.mark.parametrize(
    ("noticing", "runs"),
    [
        ({"a": set[str](), "b": set[str]()}, 1),
        ({"a": {"2"}, "b": set[str]()}, 4),
        ({"a": {"1", "3"}, "b": {"3"}}, 4),
        ({"a": {END}, "b": {"2"}}, 3),
    ],
)
def test_mutants_that_are_tried_together_are_told_apart_when_one_is_noticed(
    noticing: dict[str, set[str]], runs: int
) -> None:
    copy, mutation = Answering(noticing), Mutation("x = 4 → 2", "", "x = 2")
    quiet = [Quiet(module, mutation, {"1", "2", "3"}) for module in noticing]

    found = tried_together(quiet, ["1", "2", "3"], [cast("Copy", copy)])

    assert {mutant.module: test for mutant, test in found} == {
        module: min(tests, default="") for module, tests in noticing.items()
    }
    assert copy.runs == runs


def test_a_module_is_mutated_once_in_a_group() -> None:
    mutants = [Quiet(module, Mutation("", "", ""), ()) for module in ("a", "b", "a", "c", "a")]

    assert ["".join(mutant.module for mutant in group) for group in grouped(mutants)] == ["abc", "a", "a"]
