"""What statements add to elements, as multiples of what is kept of it for later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Expr, For, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import names_in, statements
from adjoint.lower.accesses import Accesses
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, array, types
from adjoint.rules.typing import expr_type

_LARGEST = 1e30  # of factors


@dataclass(frozen=True, slots=True)
class Addend:
    """What a statement adds: `factor` times a value that is known once `owner`, a statement of the loop, is done.

    Addends of equal `key` are multiples of one value: a name that is set once in an iteration, an expression that means
    the same all over it, or else what one statement adds.
    """

    key: Expr | int
    value: Expr
    factor: float
    owner: Stmt


class Addends:
    """What the statements of an innermost loop add."""

    def __init__(self, loop: For, accesses: Accesses, context: Context) -> None:
        self.body = loop.body
        self.context = context
        self.classes = accesses
        done = accesses.of(loop)
        self.binds = done.binds - {loop.index.name}
        self.changed = {access.cls for access in done.accesses if access.writes}
        bound = Counter(s.target.name for s in statements(loop.body) if isinstance(s, Let | Accum))
        self.lets = {
            stmt.target.name: (position, stmt)
            for position, stmt in enumerate(loop.body)
            if isinstance(stmt, Let) and bound[stmt.target.name] == 1
        }

    def of(self, stmt: Accum) -> Addend:
        """Return what a statement adds, as a multiple of a value as early as possible."""
        found: Addend | None = None
        value, factor = stmt.value, 1.0
        position = next(k for k, each in enumerate(self.body) if each is stmt)
        while True:
            by, inner = _multiple(value)
            factor *= by
            if not isinstance(inner, Var) or not self.is_set(inner, position) or not _is_usual(factor):
                return self.whole(stmt) if found is None else found
            if self.type_of(inner) != self.type_of(stmt.value):
                return self.whole(stmt) if found is None else found
            position, owner = self.lets[inner.name]
            found, value = Addend(inner, inner, factor, owner), owner.value

    def whole(self, stmt: Accum) -> Addend:
        """Return what a statement adds, as a multiple of what is written there."""
        factor, value = _multiple(stmt.value)
        if self.type_of(value) != self.type_of(stmt.value):
            factor, value = 1.0, stmt.value
        return Addend(value if self.is_same(value) else id(stmt), value, factor, stmt)

    def is_set(self, var: Var, before: int) -> bool:
        """Whether a name is set once in an iteration, before a statement."""
        return var.name in self.lets and self.lets[var.name][0] < before

    def is_same(self, value: Expr) -> bool:
        """Whether an expression means the same all over an iteration."""
        names = set(names_in(value))
        return not names & self.binds and not self.changed & set(map(self.classes.class_of, names))

    def type_of(self, expr: Expr) -> Type:
        try:
            return expr_type(expr, self.context.kinds)
        except AdjointError:
            return None


def new_array(addend: Addend, target: Var, kind: Type, rank: int, context: Context) -> Var:
    """Return a name for the array that an addend is kept in, after the value or else after what it is added to."""
    hints = (context.hint(name) for name in (addend.value.name if isinstance(addend.value, Var) else "", target.name))
    hint = next((hint for hint in hints if hint is not None), None)
    base = "_" if hint is None else f"{hint}_kept"
    return context.fresh(base, array(kind, rank), None if hint is None else base)


def keeping(body: Block, gone: Iterable[Accum], kept: Sequence[tuple[Addend, Store]]) -> Block:
    """Return statements without some sums, that store what these add as soon as it is known."""
    left_out = {id(stmt) for stmt in gone}
    new: list[Stmt] = []
    for stmt in body:
        new += [] if id(stmt) in left_out else [stmt]
        new += [store for addend, store in kept if addend.owner is stmt]
    return tuple(new)


def total(terms: Sequence[tuple[float, Expr]], dtype: Type) -> Expr:
    """Write a sum of multiples, those with equal factors together.

    >>> from adjoint.ir.dump import expr_text
    >>> expr_text(total([(2.0, Var("a")), (-1.0, Var("b")), (2.0, Var("c"))], types.float64))
    'sub(mul(2.0, add(a, c)), b)'
    """
    if dtype == types.float64:
        terms = [(factor * count, term) for (factor, term), count in Counter(terms).items()]
    by_factor: dict[float, list[Expr]] = {}
    for factor, term in terms:
        by_factor.setdefault(factor, []).append(term)
    result: Expr | None = None
    for factor in sorted(by_factor, key=lambda factor: factor < 0):
        part = reduce(lambda a, b: Call("add", (a, b)), by_factor[factor])
        size = abs(factor)
        part = part if size == 1.0 else Call("mul", (Lit(size), part))
        if result is None:
            result = part if factor > 0 else Call("neg", (part,))
        else:
            result = Call("add" if factor > 0 else "sub", (result, part))
    assert result is not None, "something is added"
    return result


def _multiple(value: Expr) -> tuple[float, Expr]:
    """Return an expression as a number times another one."""
    match value:
        case Call("neg", (inner,)):
            factor, rest = _multiple(inner)
            return -factor, rest
        case Call("mul", (Lit(int() | float() as number), inner) | (inner, Lit(int() | float() as number))):
            factor, rest = _multiple(inner)
            if not isinstance(number, bool) and _is_usual(number * factor):
                return number * factor, rest
        case _:
            pass
    return 1.0, value


def _is_usual(factor: float) -> bool:
    """Whether zeros can be multiplied by a number, and numbers by several such numbers in any order."""
    return 1 / _LARGEST < abs(factor) < _LARGEST
