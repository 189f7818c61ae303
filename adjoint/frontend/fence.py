"""The accepted subset of Python, as a table of what is outside it.

Every row is seen in the syntax alone, so it is refused when a function is decorated, before any type is known.
"""

from __future__ import annotations

import ast
from ast import AST
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gast

from adjoint.errors import UnsupportedError
from adjoint.frontend.names import own_nodes
from adjoint.frontend.source import loc_of

_SUMMABLE = ("sum", "any", "all", "min", "max", "array", "list", "tuple")


@dataclass(frozen=True, slots=True)
class Row:
    """Nodes of class `kind` for which `when` holds are refused; it is given the node and its ancestors."""

    kind: type[AST]
    what: str
    help: str
    when: Callable[[AST, tuple[AST, ...]], bool] = lambda node, above: True


def _in_message(node: AST, above: tuple[AST, ...]) -> bool:
    """Say whether a node is only text for people: in `raise`, `assert` or `print`."""
    return any(isinstance(a, (gast.Raise, gast.Assert)) or _calls(a, ("print",)) for a in above)


def _calls(node: AST, names: tuple[str, ...]) -> bool:
    if not isinstance(node, gast.Call):
        return False
    func = node.func
    return getattr(func, "id", getattr(func, "attr", None)) in names


def _outside_message(node: AST, above: tuple[AST, ...]) -> bool:
    return not _in_message(node, above)


def _not_consumed(node: AST, above: tuple[AST, ...]) -> bool:
    return not (above and _calls(above[-1], _SUMMABLE))


def _has_finally_and_jump(node: AST, above: tuple[AST, ...]) -> bool:
    return isinstance(node, gast.Try) and bool(node.finalbody) and _contains(node.body, _JUMPS)


def _raises(node: AST, above: tuple[AST, ...]) -> bool:
    return isinstance(node, gast.Try) and bool(node.handlers) and _contains(node.body, (gast.Raise, gast.Assert))


_JUMPS = (gast.Break, gast.Continue, gast.Return)


def _contains(nodes: list[ast.stmt], kinds: tuple[type[AST], ...]) -> bool:
    return any(isinstance(n, kinds) for n in own_nodes(nodes))


def _star_import(node: AST, above: tuple[AST, ...]) -> bool:
    return isinstance(node, gast.ImportFrom) and any(a.name == "*" for a in node.names)


def _relative_import(node: AST, above: tuple[AST, ...]) -> bool:
    return isinstance(node, gast.ImportFrom) and node.level > 0


def _stored(node: AST, above: tuple[AST, ...]) -> bool:
    return isinstance(getattr(node, "ctx", None), gast.Store)


def _is_async(node: AST, above: tuple[AST, ...]) -> bool:
    return isinstance(node, gast.comprehension) and bool(node.is_async)


def _is_bytes(node: AST, above: tuple[AST, ...]) -> bool:
    return isinstance(node, gast.Constant) and isinstance(node.value, bytes)


def _star_parameters(node: AST, above: tuple[AST, ...]) -> bool:
    args = getattr(node, "args", None)
    return isinstance(args, gast.arguments) and (args.vararg or args.kwarg) is not None


def _decorated(node: AST, above: tuple[AST, ...]) -> bool:
    return isinstance(node, gast.FunctionDef) and bool(above) and bool(node.decorator_list)


def _generic(node: AST, above: tuple[AST, ...]) -> bool:
    return bool(getattr(node, "type_params", None))


def _in_comprehension(node: AST, above: tuple[AST, ...]) -> bool:
    return any(isinstance(a, (gast.ListComp, gast.GeneratorExp, gast.DictComp)) for a in above)


ROWS: tuple[Row, ...] = (
    Row(gast.Yield, "`yield`", "append the values to a list and return it"),
    Row(gast.YieldFrom, "`yield from`", "append the values to a list and return it"),
    Row(gast.Await, "`await`", "call plain functions only"),
    Row(gast.AsyncFunctionDef, "an `async` function", "write a plain function"),
    Row(gast.AsyncFor, "`async for`", "write a plain loop"),
    Row(gast.AsyncWith, "`async with`", "open resources outside the function"),
    Row(gast.comprehension, "an `async` comprehension", "write a plain loop", _is_async),
    Row(gast.With, "`with`", "open resources outside the function"),
    Row(gast.ClassDef, "a class inside the function", "define the class outside"),
    Row(gast.Global, "`global`", "pass the value in as a parameter and return the new one"),
    Row(gast.Nonlocal, "`nonlocal`", "pass the value in as a parameter and return the new one"),
    Row(gast.Delete, "`del`", "leave the name bound, or build a new list"),
    Row(gast.Match, "`match`", "write `if` and `elif`"),
    Row(gast.TryStar, "`except*`", "catch plain exceptions outside the function"),
    Row(gast.Try, "a `try` with `finally` that is left by a jump", "jump after the `finally`", _has_finally_and_jump),
    Row(gast.Try, "a `try` whose body raises by itself", "write the handler as a branch: `if ...:`", _raises),
    Row(gast.ImportFrom, "`import *`", "import the names you use", _star_import),
    Row(gast.ImportFrom, "a relative import inside the function", "import at the top of the module", _relative_import),
    Row(gast.Set, "a set", "use a tuple or an array"),
    Row(gast.SetComp, "a set comprehension", "use a list or an array"),
    Row(gast.GeneratorExp, "a generator expression on its own", "write a list comprehension", _not_consumed),
    Row(gast.JoinedStr, "an f-string", "format text outside the function", _outside_message),
    Row(gast.Constant, "a `bytes` constant", "use numbers", _is_bytes),
    Row(gast.FunctionDef, "a nested function with `*` or `**` parameters", "name every parameter", _star_parameters),
    Row(gast.Lambda, "a lambda with `*` or `**` parameters", "name every parameter", _star_parameters),
    Row(gast.FunctionDef, "a decorated nested function", "define it outside the function", _decorated),
    Row(gast.FunctionDef, "type parameters", "leave them out", _generic),
    Row(gast.Attribute, "assignment to an attribute", "keep the value in a variable or an array", _stored),
    Row(gast.NamedExpr, "`:=` inside a comprehension", "write a plain loop", _in_comprehension),
    *(
        (Row(getattr(gast, "TypeAlias"), "a type alias", "define it outside the function"),)  # noqa: B009
        if hasattr(gast, "TypeAlias")
        else ()
    ),
)


def check(tree: gast.FunctionDef, file: str) -> None:
    """Raise `UnsupportedError` for the first construct in the text that is outside the accepted subset."""
    for node, above in _walk(tree, ()):
        for row in _rows(type(node)):
            if row.when(node, above):
                raise UnsupportedError(f"{row.what} is not supported", loc_of(_place(node, above), file), help=row.help)


def _rows(kind: type[AST]) -> Iterator[Row]:
    return (row for row in ROWS if row.kind is kind)


def _walk(node: AST, above: tuple[AST, ...]) -> Iterator[tuple[AST, tuple[AST, ...]]]:
    yield node, above
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, (*above, node))


def _place(node: AST, above: tuple[AST, ...]) -> AST:
    """Return the nearest node that has a place in the text."""
    return next((n for n in (node, *reversed(above)) if hasattr(n, "lineno")), node)
