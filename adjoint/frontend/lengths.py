"""Lengths that must agree, where compiled code would read past the end of an array."""

from __future__ import annotations

from ast import AST, expr
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeAlias

import gast
from numba import types

from adjoint.frontend.convert import dim
from adjoint.frontend.frame import Frame
from adjoint.frontend.guards import raise_if
from adjoint.frontend.values import Elements, Enumerate, Reversed, Value, Zip
from adjoint.ir import Call, Let, Lit, Var
from adjoint.rules.typing import is_array

Rows: TypeAlias = "frozenset[tuple[str, int]]"


def guard_length(frame: Frame, array: Var, count: int, node: AST) -> None:
    """Raise where an array has another number of items than it is unpacked to.

    Raises
    ------
    UnsupportedError
        If that is known now.
    """
    made = _made_by(frame, array)
    match made:
        case Call("array", (Call("list", items),)):
            if len(items) != count:
                raise frame.unsupported(f"unpacking {len(items)} values into {count} names", node)
        case Call("getitem", (Var(name), _)) if (name, count) in frame.session.rows:
            pass
        case Call("getitem", (Var() as source, Var() | Lit() as index)) if _is_row(frame, source, index):
            _guard(frame, dim(frame, source, 1, node), count, node)
        case _:
            _guard(frame, dim(frame, array, 0, node), count, node)


def guard_equal(frame: Frame, arrays: list[Var], text: str, node: AST) -> None:
    """Raise a ValueError with a text where vectors have different lengths."""
    first = dim(frame, arrays[0], 0, node)
    for each in dict.fromkeys(arrays[1:]):
        if each != arrays[0]:
            wrong = frame.emit(Call("ne", (dim(frame, each, 0, node), first), via="operator"), node)
            raise_if(frame, wrong, f"ValueError({text!r})", node)


def guard_rows(frame: Frame, target: expr, source: Value, node: AST) -> Rows:
    """Raise before a loop that unpacks each row of an array, if the rows have another number of items.

    Return the arrays, each with the number of items of its rows: what `unpacked_rows` need not test.
    """
    match source, target:
        case Elements(Var() as array), _:
            return guard_rows(frame, target, array, node)
        case Var(name), gast.Tuple(elts=elts) | gast.List(elts=elts):
            kind = frame.type_of(source)
            if is_array(kind) and kind.ndim > 1 and not any(isinstance(each, gast.Starred) for each in elts):
                some = frame.emit(Call("gt", (dim(frame, source, 0, node), Lit(0)), via="operator"), node)
                _guard(frame, dim(frame, source, 1, node), len(elts), node, some)
                return frozenset({(name, len(elts))})
        case Enumerate(inner), gast.Tuple(elts=[_, each]):
            return guard_rows(frame, each, inner, node)
        case Reversed(inner), _:
            return guard_rows(frame, target, inner, node)
        case Zip(sources), gast.Tuple(elts=elts) if len(elts) == len(sources):
            pairs = zip(elts, sources, strict=True)
            return frozenset[tuple[str, int]]().union(*(guard_rows(frame, *pair, node) for pair in pairs))
        case _:
            pass
    return frozenset()


@contextmanager
def unpacked_rows(frame: Frame, rows: Rows) -> Generator[None, None, None]:
    """Unpack rows whose number was tested before the loop."""
    frame.session.rows = rows
    try:
        yield
    finally:
        frame.session.rows = frozenset()


def _guard(frame: Frame, length: Var, count: int, node: AST, condition: Var | None = None) -> None:
    wrong = frame.emit(Call("ne", (length, Lit(count)), via="operator"), node)
    if condition is not None:
        wrong = frame.emit(Call("and", (condition, wrong), via="operator"), node)
    raise_if(frame, wrong, f"ValueError('expected {count} values to unpack')", node)


def _made_by(frame: Frame, array: Var) -> object:
    for stmt in reversed(frame.builder.current):
        if isinstance(stmt, Let) and stmt.target == array:
            return stmt.value
    return None


def _is_row(frame: Frame, source: Var, index: Var | Lit) -> bool:
    kind = frame.type_of(source)
    return is_array(kind) and kind.ndim > 1 and isinstance(frame.type_of(index), types.Integer)
