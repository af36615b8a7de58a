"""Every single mutation of a module: one number, condition, argument or element other than it is. Pure."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast


class Mutation(NamedTuple):
    """A module with one thing in it changed."""

    name: str
    """The function and the change, which names it among those of the module as long as the code is the same."""
    function: str
    """The qualified name of the function that the change is in; empty for what runs when the module is imported."""
    source: str


def mutations(source: str) -> Iterator[Mutation]:
    """Yield the mutations of a module, in the order of their places."""
    text = source.encode()
    starts = [0, *(found.end() for found in re.finditer(b"\n", text))]
    seen: Counter[str] = Counter()
    for place in _places(ast.parse(source), "", None):
        first, last = (
            starts[line - 1] + column
            for line, column in (
                (place.region.lineno, place.region.col_offset),
                (cast(int, place.region.end_lineno), cast(int, place.region.end_col_offset)),
            )
        )
        for change, mutated in _changes(place.node, place.role):
            place.put(mutated)
            try:
                spliced = text[:first] + ast.unparse(place.region if place.inside else mutated).encode() + text[last:]
            finally:
                place.put(place.node)
            name = f"{place.function or 'module'}: {place.role.label}{change}"
            seen[name] += 1
            yield Mutation(f"{name} ({seen[name]})" if seen[name] > 1 else name, place.function, spliced.decode())


_Located = ast.expr | ast.stmt


class _Place(NamedTuple):
    """A node that may be mutated."""

    node: ast.AST
    put: Callable[[ast.AST], None]
    """Puts another node there."""
    region: _Located
    """The node to rewrite: this one, or the whole f-string that it is in, whose parts have no positions."""
    inside: bool
    """Whether the region is more than the node."""
    function: str
    role: "_Role"


class _Role(NamedTuple):
    """A node's place in its parent."""

    label: str = ""
    """The name of what it is the value of."""
    is_condition: bool = False
    is_named_or_listed: bool = False
    """Whether it is a key or an element, of which it is enough that it is missing."""


_NOT_RUN = ("annotation", "returns", "decorator_list", "type_params")


def _places(parent: ast.AST, function: str, region: _Located | None) -> Iterator[_Place]:
    for field, value in ast.iter_fields(parent):
        if field in _NOT_RUN or (isinstance(parent, ast.Subscript) and isinstance(value, ast.Tuple)):
            continue
        children = cast(list[object], value) if isinstance(value, list) else [value]
        for number, child in enumerate(children):
            if not isinstance(child, ast.AST) or _says_nothing(child) or (number == 0 and _is_cast(parent, field)):
                continue

            def put(node: ast.AST, field: str = field, value: object = value, number: int = number) -> None:
                if isinstance(value, list):
                    value[number] = node
                else:
                    setattr(parent, field, node)

            if isinstance(child, ast.expr | ast.stmt):
                yield _Place(child, put, region or child, region is not None, function, _role(parent, field, number))
            name = function
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = (
                    f"{function}{'.' if isinstance(parent, ast.ClassDef) or not function else '.<locals>.'}{child.name}"
                )
                name = name.lstrip(".")
            inner = region or (child if isinstance(child, ast.JoinedStr) else None)
            yield from _places(child, name, inner)


def _role(parent: ast.AST, field: str, number: int) -> _Role:
    match parent:
        case ast.keyword(arg=str(name)):
            return _Role(f"{name}=")
        case ast.Dict(keys=keys) if field == "values":
            key = keys[number]
            return _Role(f"{key.value!s}: " if isinstance(key, ast.Constant) else "")
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return _Role(f"{name} = ")
        case ast.If() | ast.IfExp() | ast.While() | ast.comprehension() if field in ("test", "ifs"):
            return _Role(is_condition=True)
        case ast.Dict() | ast.List() | ast.Tuple() | ast.Set() | ast.JoinedStr():
            return _Role(is_named_or_listed=True)
        case _:
            return _Role()


def _is_cast(node: ast.AST, field: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast" and field == "args"


def _says_nothing(node: ast.AST) -> bool:
    """Tell what has no effect when it runs: documentation, messages, and what is for the type checker."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            return True
        case ast.Constant(value=str(text)):
            return " " in text.strip()
        case ast.JoinedStr(values=parts):
            return any(isinstance(part, ast.Constant) and " " in cast(str, part.value) for part in parts)
        case _:
            return False


_Change = tuple[str, ast.AST]

_COMPARISONS: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
}
_OPERATORS: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Div(),
    ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Mult(),
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_METHODS = {"secret": "from_input"}


def _changes(node: ast.AST, role: _Role) -> Iterator[_Change]:
    if isinstance(node, ast.expr) and role.is_condition and _is_neither_compared_nor_negated(node):
        yield f"{_shown(node)} negated", ast.UnaryOp(ast.Not(), node)
    match node:
        case ast.Constant(value=value) if not (role.is_named_or_listed and isinstance(value, str)):
            yield from (_replaced(node, ast.Constant(other)) for other in _other_values(value))
        case ast.JoinedStr(values=parts) if parts:
            yield _replaced(node, ast.JoinedStr([*parts, ast.Constant("x")]))
        case ast.Compare(left=left, ops=operators, comparators=comparators):
            for number, operator in enumerate(operators):
                swapped = [*operators[:number], _COMPARISONS[type(operator)], *operators[number + 1 :]]
                yield _replaced(node, ast.Compare(left, swapped, comparators))
        case ast.BoolOp(op=operator, values=values):
            yield _replaced(node, ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield _replaced(node, operand)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            yield _replaced(node, ast.BinOp(left, _OPERATORS[type(operator)], right))
        case ast.Call():
            yield from _calls(node)
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements) if _is_read(node):
            for number, element in enumerate(elements):
                rest = [*elements[:number], *elements[number + 1 :]]
                left = ast.Call(ast.Name("set"), [], []) if isinstance(node, ast.Set) and not rest else type(node)(rest)
                yield f"without {_shown(element)}", left
        case ast.Dict(keys=keys, values=values):
            for number, (key, value) in enumerate(zip(keys, values, strict=True)):
                dropped = f"**{_shown(value)}" if key is None else _shown(key)
                rest = [*range(number), *range(number + 1, len(keys))]
                yield f"without {dropped}", ast.Dict([keys[each] for each in rest], [values[each] for each in rest])
        case ast.Expr() | ast.Raise() | ast.AugAssign() | ast.Return(value=None):
            yield f"without {_shown(node)}", ast.Pass()
        case ast.Continue():
            yield _replaced(node, ast.Break())
        case ast.Break():
            yield _replaced(node, ast.Continue())
        case _:
            pass


def _other_values(value: object) -> Iterator[str | int | float]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value // 2 if value > 1 else 1 - value
    elif isinstance(value, float):
        yield value / 2
    elif isinstance(value, str):
        yield value[:-2] + value[-1] if re.fullmatch(r"\d{2,}[smh]", value) else f"{value}x"


def _calls(call: ast.Call) -> Iterator[_Change]:
    """Yield a call of the opposite function, or without each of the arguments that may be left out."""
    match call.func:
        case ast.Name(id=name) if name in _FUNCTIONS:
            yield _replaced(call, ast.Call(ast.Name(_FUNCTIONS[name]), call.args, call.keywords))
            return
        case ast.Attribute(value=owner, attr=name) if name in _METHODS:
            yield _replaced(call, ast.Call(ast.Attribute(owner, _METHODS[name]), call.args, call.keywords))
        case ast.Attribute() | ast.Name(id="Part"):
            pass
        case _:
            return
    for number, keyword in enumerate(call.keywords):
        rest = [*call.keywords[:number], *call.keywords[number + 1 :]]
        yield f"without {_shown(keyword)}", ast.Call(call.func, call.args, rest)


def _is_neither_compared_nor_negated(test: ast.expr) -> bool:
    """Tell a condition whose opposite is not among the changes of the condition itself."""
    return not isinstance(test, ast.UnaryOp | ast.BoolOp) and not (
        isinstance(test, ast.Compare) and not isinstance(test.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    )


def _is_read(node: ast.AST) -> bool:
    return not isinstance(getattr(node, "ctx", None), ast.Store)


def _replaced(old: ast.AST, new: ast.AST) -> _Change:
    return f"{_shown(old)} → {_shown(new)}", new


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
