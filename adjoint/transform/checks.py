"""Checks that every computed float is finite: what `nan_check` adds to a generated program."""

from __future__ import annotations

from collections.abc import Iterator

from numba import types as nb

from adjoint.errors import AdjointError, Loc
from adjoint.ir import Accum, Block, Call, Effect, Expr, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, with_body
from adjoint.rules import spelling
from adjoint.rules.numba_types import Type, element_type
from adjoint.rules.typing import expr_type, name_types
from adjoint.transform.program import part_of


def check_finite(func: Func) -> Func:
    """Return an imperative program that raises `FloatingPointError` at the first NaN or infinity it computes.

    After each statement that computes a float, or an array of them, stands a check of what it bound, stored or added
    to. Values that are only moved or chosen (read, copied, restored, constants, `min`) are not checked: an infinite
    bound may be meant, and memory may not be filled yet. The error names the user's line, and says whether the value
    or its derivative is not finite. Requires types; before `renest`, so that each operation is a statement.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x):
    ...     y = log(x)
    ...     return y
    ... ''', default="float64")
    >>> print(text(check_finite(func)), end="")
    def f(x):
        y = math.log(x)
        if not math.isfinite(y):
            raise FloatingPointError("not finite, in f")
        return y
    """
    checker = _Checker(func)
    return with_body(func, checker.block(func.body))


class _Checker:
    def __init__(self, func: Func) -> None:
        self.types = name_types(func)
        self.func = func

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self.stmt(stmt))

    def stmt(self, stmt: Stmt) -> Iterator[Stmt]:
        yield map_blocks(stmt, self.block)
        for place in _computed(stmt):
            finite = self.finite(place)
            if finite is not None:
                failed = Effect(Call("raise", (Lit(f"FloatingPointError({self.message(stmt)!r})"),)))
                yield If(Call("not", (finite,)), (failed,))

    def finite(self, place: Expr) -> Expr | None:
        """Return the expression that says whether a value is finite; None for one that always is."""
        kind = self.type_of(place)
        match kind:
            case nb.Float():
                return Call("isfinite", (place,))
            case nb.Complex():
                return Call("isfinite", (place,), via="np")
            case nb.Array() if isinstance(element_type(kind), nb.Float | nb.Complex):
                return Call("all", (Call("isfinite", (place,), via="np"),), via="np")
            case _:
                return None

    def type_of(self, place: Expr) -> Type:
        try:
            return expr_type(place, self.types, self.func.refs)
        except AdjointError:
            return None

    def message(self, stmt: Stmt) -> str:
        loc = getattr(stmt, "loc", None)
        if loc is None:
            return f"not finite, in {self.func.name}"
        return f"{loc.file}:{loc.line}: not finite: {described(loc)}"


def described(loc: Loc) -> str:
    """Return what a generated statement is to the user's text, with that text."""
    of = f"{loc.role} of " if loc.role else ""
    within = f" in `{loc.text}`" if loc.fragment != loc.text else ""
    return f"{of}`{loc.fragment}`{within}"


def _computed(stmt: Stmt) -> Iterator[Expr]:
    """Yield the places that hold a number which a statement computes."""
    match stmt:
        case Let(target, value) if _computes(value):
            yield target
        case Store(array, index, value) if _computes(value):
            yield part_of(array, index)
        case Accum(target, index):
            yield part_of(target, index) if index else target
        case Effect(Call("move", (Call(args=targets), Call(args=values)))):
            yield from (t for t, v in zip(targets, values, strict=True) if isinstance(t, Var) and _computes(v))
        case _:
            pass


def _computes(value: Expr) -> bool:
    """Whether a value is a new number, and not one that was somewhere already."""
    match value:
        case Call(prim) if prim in _MADE or prim.startswith("const:"):
            return False
        case Call("getitem" | "item" | "pop", (source, *_)):
            return _computes(source)
        case Call("select" | "where" | "full" | "full_like", (_, *values)):
            return any(map(_computes, values))
        case Call(prim, args) if prim in _CHOSEN or spelling.is_view(prim):
            return any(map(_computes, args))
        case Call():
            return True
        case Var() | Lit():
            return False


_MADE = frozenset("zeros ones empty eye identity zeros_like ones_like empty_like dim shape size ndim len".split())
_CHOSEN = frozenset(
    "tuple list copy concatenate stack hstack vstack neg pos abs maximum minimum fmax fmin max min clip sort".split()
)
