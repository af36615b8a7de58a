"""Runs tests that have been read once, each time in a fork in which one function has other code."""

import functools
import gc
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

import pytest


class Request(NamedTuple):
    """Tests to run, in their order, after a change of a module that is in its file already."""

    module: str
    before: str
    """The module's source."""
    after: str
    function: str
    """The qualified name of the function that the change is in."""
    tests: Sequence[str]


def same_id(node: str) -> str:
    """Return a test's id with single backslashes: pytest doubles them whenever a process collects the test again."""
    return re.sub(r"\\+", r"\\", node)


class Serving:
    """A plugin of pytest that reads all tests, and runs those that it is asked for in forks of this process."""

    def __init__(
        self,
        folder: Path,
        next_request: Callable[[], Request | None],
        answer: Callable[[Callable[[], int] | None], None],
    ) -> None:
        """Serve requests until there is none.

        :param folder: What the modules' paths are relative to.
        :param answer: Runs the tests, with the function that it is given, or says that this process cannot.
        """
        self._folder = folder
        self._next_request = next_request
        self._answer = answer

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        functions = _functions_below(self._folder)
        items = {same_id(item.nodeid): item for item in session.items}
        while request := self._next_request():
            file = str(self._folder / request.module)
            codes = changed(functions.get(file, ()), request.before, request.after, request.function)
            if codes or not _is_imported(file):
                chosen = [items[same_id(test)] for test in request.tests if same_id(test) in items]
                self._answer(functools.partial(_run, codes, chosen))
            else:
                self._answer(None)
        return True


def _run(codes: Mapping[FunctionType, CodeType], items: Sequence[pytest.Item]) -> int:
    """Run the tests, up to the first that fails, with other code in some functions."""
    for function, code in codes.items():
        function.__code__ = code
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if item.session.testsfailed:
            return 1
    return 0


def _is_imported(file: str) -> bool:
    return any(getattr(module, "__file__", None) == file for module in list(sys.modules.values()))


def _functions_below(folder: Path) -> Mapping[str, Sequence[FunctionType]]:
    """Return the functions that there are, by their files."""
    found: dict[str, list[FunctionType]] = {}
    gc.unfreeze()  # what is frozen is not told
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(f"{folder}{os.sep}"):
            found.setdefault(each.__code__.co_filename, []).append(each)
    gc.freeze()
    return found


def changed(functions: Sequence[FunctionType], before: str, after: str, name: str) -> Mapping[FunctionType, CodeType]:
    """Return the code that functions have after a change of their module inside of one of them, or none.

    None is what an import alone would bring about: the change is of a default, of a class or of the module.
    """
    outermost = name.partition(".<locals>.")[0]
    old, new = (list(_within(compile(source, "", "exec", dont_inherit=True), outermost)) for source in (before, after))
    if [code.co_qualname for code in old] != [code.co_qualname for code in new]:
        return {}
    pairs = {code: other for code, other in zip(old, new, strict=True) if _parts(code) != _parts(other)}
    codes = {function: pairs[function.__code__] for function in functions if function.__code__ in pairs}
    reached = any(code.co_qualname == outermost for code in codes.values())
    same_closure = all(len(function.__code__.co_freevars) == len(code.co_freevars) for function, code in codes.items())
    return codes if reached and same_closure else {}


def _within(code: CodeType, name: str) -> Iterator[CodeType]:
    """Yield the code of the functions of a name, and of all that is inside of them."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_qualname == name or each.co_qualname.startswith(f"{name}.<locals>."):
                yield each
            yield from _within(each, name)


def _parts(code: CodeType) -> tuple[object, ...]:
    """Return what tells code from other code, wherever it stands."""
    constants: list[object] = [_parts(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return code.co_code, tuple(constants), code.co_names, code.co_varnames, code.co_freevars
