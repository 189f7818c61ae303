"""What an iteration adds to one element in several places is added to it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from adjoint.analysis.effects import is_pure
from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, names_in, with_body
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, is_array
from adjoint.rules.typing import expr_type

_Element = tuple[Var, tuple[Expr, ...]]


def additions(func: Func, context: Context) -> Func:
    """Join what the statements of a loop's body add to the same element, or set it to before: one store is left.

    A compiler can't do it where it doesn't know that the other arrays are apart from this one. What is added first
    waits for the last addition; its value gets a name if something that it is made of changes in between.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for i in range(n):
    ...         a: float64 = x[i] * 2.0
    ...         y[i] = a
    ...         y[i + 1] += x[i]
    ...         y[i + 1] += a
    ...         a = a * x[i]
    ...         y[i + 1] += a
    ... ''')
    >>> print(text(additions(before, Context.of(before))), end="")
    def f(x, y, n):
        for i in range(n):
            a = x[i] * 2.0
            y[i] = a
            _1 = x[i] + a
            a *= x[i]
            y[i + 1] += _1 + a
    """
    return with_body(func, _Joiner(func, context).block(func.body, in_loop=False))


class _Joiner:
    def __init__(self, func: Func, context: Context) -> None:
        self.kinds = context.kinds
        self.temporary = context.temporary
        self.accesses = context.accesses(func)

    def block(self, block: Block, *, in_loop: bool) -> Block:
        out: list[Stmt | None] = []
        last: dict[_Element, int] = {}
        for given in block:
            inside = in_loop or isinstance(given, For | While)
            stmt = map_blocks(given, partial(self.block, in_loop=inside))
            element = self.element(stmt) if in_loop else None
            if element is not None:
                if isinstance(stmt, Accum) and element in last:
                    stmt = self.joined(out, last[element], stmt)
                last[element] = len(out)
            out.append(stmt)
        return tuple(stmt for stmt in out if stmt is not None)

    def element(self, stmt: Stmt) -> _Element | None:
        """Return the element that a statement sets or adds to, if the value has the type of the array."""
        match stmt:
            case Store(array, index, value) | Accum(array, index, value) if index and is_pure(value):
                kind: Type = self.kinds.get(array.name)
                writes = (x for x in self.accesses.of(stmt).accesses if x.writes)
                single = is_array(kind) and all(x.index is not None for x in writes)
                return (array, index) if single and self.type_of(value) == kind.dtype else None
            case _:
                return None

    def type_of(self, value: Expr) -> Type:
        try:
            return expr_type(value, self.kinds)
        except AdjointError:
            return None

    def joined(self, out: list[Stmt | None], first: int, stmt: Accum) -> Stmt:
        """Return an addition with what an earlier statement does to the element, which is taken out of a block."""
        earlier, between = out[first], [each for each in out[first + 1 :] if each is not None]
        assert isinstance(earlier, Store | Accum), "the last statement that is about the element"
        if not self.may_wait(earlier, between, stmt):
            return stmt
        dtype, names = self.kinds[stmt.target.name].dtype, set(names_in(earlier.value))
        value, added = earlier.value, stmt.value
        out[first] = None
        if _chooses(value) or any(self.accesses.changes(each, names) for each in between):
            value = self.temporary(dtype)
            out[first] = Let(value, earlier.value, earlier.loc)
        if _chooses(added):
            added = self.temporary(dtype)
            out.append(Let(added, stmt.value, stmt.loc))
        whole = Call("add", (value, added))
        if isinstance(earlier, Store):
            return Store(earlier.array, earlier.index, whole, stmt.loc)
        return replace(stmt, value=whole)

    def may_wait(self, earlier: Store | Accum, between: Sequence[Stmt], stmt: Accum) -> bool:
        """Whether an element may be set or added to later, together with an addition."""
        subscript = {name for expr in stmt.index for name in names_in(expr)}
        memory = self.accesses.class_of(stmt.target.name)
        for each in between:
            done = self.accesses.of(each)
            if done.effect or stmt.target.name in done.binds or self.accesses.changes(each, subscript):
                return False
            commute = isinstance(earlier, Accum)
            if any(x.cls == memory and not (commute and x.adds) for x in done.accesses):
                return False
        # What is added next isn't made of the element.
        return all(x.cls != memory or x.writes for x in self.accesses.of(stmt).accesses)


def _chooses(value: Expr) -> bool:
    """Whether a value is chosen by a condition: in the midst of a sum that would be a branch to Numba, which LLVM
    doesn't vectorise."""
    return isinstance(value, Call) and "select" in value.prims
