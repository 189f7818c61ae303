"""Sums of products over three indices: which two factors they have, and over what the indices run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

from adjoint.analysis.ranges import ends
from adjoint.analysis.written import offset_from, shifted
from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import names_in, subexpressions, substitute
from adjoint.lower.accesses import Accesses
from adjoint.lower.products import FLOATS
from adjoint.rules.numba_types import Type, is_array
from adjoint.rules.typing import expr_type

_ARITHMETIC = frozenset("add sub mul div neg getitem".split())

Range = tuple[Expr, Expr]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What three indices run over, the outermost first.

    The index `moving` ends at the outer one plus `offset` where `side` is "stop", starts there where it is "start".
    """

    ranges: dict[str, Range]
    outer: str
    moving: str = ""
    side: str = ""
    offset: int = 0

    def fixed(self) -> tuple[Range, ...]:
        """Return the ranges that the outer index doesn't move, its own first."""
        return tuple(ends for name, ends in self.ranges.items() if name != self.moving)

    def ends(self) -> Iterator[Expr]:
        """Yield all ends that the outer index doesn't move."""
        for low, high in self.fixed():
            yield from (low, high)
        if self.side:
            yield self.ranges[self.moving][self.side == "start"]

    def parted(self, first: Expr, last: Expr) -> tuple[Range, Range]:
        """Return what rows from `first` to before `last` all have of the moving index, and what else each one has."""
        low, high = self.ranges[self.moving]
        own = shifted(Var(self.outer), self.offset)
        if self.side == "stop":
            cut = shifted(first, self.offset)
            start = cut if low == Lit(0) and self.offset >= 0 else Call("maximum", (cut, low), via="builtin")
            return (low, cut), (start, own)
        cut = shifted(last, self.offset - 1)
        return (cut, high), (own, Call("minimum", (cut, high), via="builtin"))


@dataclass(frozen=True, slots=True)
class Term:
    """A sum `z[u, v] += left * right[...]`, where both factors have one index more: that over which they are summed.

    `left` is an expression of the indices `left_axes`, `right` a matrix with the subscript `right_axes`.
    """

    add: Accum
    left: Expr
    left_axes: tuple[str, ...]
    right: Var
    right_axes: tuple[str, ...]
    over: str


def as_sum(stmt: Stmt) -> Stmt:
    """Return `x[i] = x[i] + e` as `x[i] += e`, other statements as they are."""
    match stmt:
        case Store(array, index, Call("add" | "sub" as prim, (Call("getitem", (base, *place)), value))) if (
            base == array and tuple(place) == index and array.name not in names_in(value)
        ):
            added = value if prim == "add" else Call("neg", (value,))
            return Accum(array, index, added, stmt.loc)
        case _:
            return stmt


def triangle(outer: For, middle: For, inner: For) -> Bounds | None:
    """Return what three loops run over, if at most one end depends on another index, by a number from the outer."""
    index = outer.index.name
    ranges: dict[str, Range] = {}
    moved: list[tuple[str, str, int | None]] = []
    for loop in (outer, middle, inner):
        found = ends(loop)
        if found is None:
            return None
        ranges[loop.index.name] = found
        sides = zip(("start", "stop"), found, strict=True)
        moved += [(loop.index.name, side, offset_from(end, index)) for side, end in sides if index in names_in(end)]
    if not moved:
        return Bounds(ranges, index)
    moving, side, offset = moved[0]
    if len(moved) > 1 or offset is None or moving == index:
        return None
    return Bounds(ranges, index, moving, side, offset)


def terms(body: Block, bounds: Bounds, kinds: Mapping[str, Type], accesses: Accesses) -> list[Term] | None:
    """Return the sums that a body consists of, if all are products, and nothing that they read is changed by them."""
    values: dict[str, Expr] = {}
    sums: list[Accum] = []
    for stmt in map(as_sum, body):
        match stmt:
            case Let(Var(name), value) if name not in values and name not in names_in(value):
                values[name] = substitute(value, values)
            case Accum(target, (Var(), Var()) as index, value):
                sums.append(Accum(target, index, substitute(value, values), stmt.loc))
            case Comment():
                pass
            case _:
                return None
    written = {accesses.class_of(each.target.name) for each in sums}
    exprs = [*values.values(), *(each.value for each in sums)]
    read = {accesses.class_of(name) for expr in exprs for name in names_in(expr)}
    if not sums or read & written or not all(map(is_arithmetic, exprs)):
        return None
    found = [_term(each, bounds, kinds) for each in sums]
    return [term for term in found if term is not None] if None not in found else None


def _term(add: Accum, bounds: Bounds, kinds: Mapping[str, Type]) -> Term | None:
    kind: Type = kinds.get(add.target.name)
    axes = {name for each in add.index for name in names_in(each)}
    if not is_array(kind) or kind.ndim != 2 or kind.dtype not in FLOATS or not axes <= set(bounds.ranges):
        return None
    negative, factors = _factors(add.value)
    for k, right in reversed(list(enumerate(factors))):
        rest = [*factors[:k], *factors[k + 1 :]]
        if not rest or not _is_matrix(right, kind.dtype, bounds, kinds):
            continue
        left = reduce(lambda a, b: Call("mul", (a, b)), rest)
        left = Call("neg", (left,)) if negative else left
        assert isinstance(right, Call)
        matrix, *subscript = right.names
        left_axes = tuple(dict.fromkeys(name for name in names_in(left) if name in bounds.ranges))
        over = [name for name in left_axes if name in subscript]
        if len(left_axes) != 2 or len(over) != 1 or {*left_axes, *subscript} - {*over} != axes:
            continue
        if type_of(left, kinds) == type_of(add.value, kinds) == kind.dtype:
            return Term(add, left, left_axes, Var(matrix), tuple(subscript), over[0])
    return None


def _is_matrix(expr: Expr, dtype: Type, bounds: Bounds, kinds: Mapping[str, Type]) -> bool:
    """Whether an expression is an element of a matrix of whose rows a block may be taken, with all columns."""
    match expr:
        case Call("getitem", (Var(name), Var(row), Var(column))) if row != column:
            kind: Type = kinds.get(name)
            whole = not bounds.side or column not in (bounds.outer, bounds.moving)
            if not whole or not {row, column} <= set(bounds.ranges) or bounds.ranges[column][0] != Lit(0):
                return False
            return is_array(kind) and kind.ndim == 2 and kind.layout == "C" and kind.dtype == dtype
        case _:
            return False


def _factors(expr: Expr) -> tuple[bool, list[Expr]]:
    """Return the factors of a product, and whether it is negative."""
    match expr:
        case Call("mul", (a, b)):
            (first, left), (second, right) = _factors(a), _factors(b)
            return first != second, [*left, *right]
        case Call("neg", (a,)):
            negative, factors = _factors(a)
            return not negative, factors
        case _:
            return False, [expr]


def is_arithmetic(expr: Expr) -> bool:
    """Whether an expression has nothing but sums, products and elements in it."""
    return all(not isinstance(part, Call) or part.prim in _ARITHMETIC for part in subexpressions(expr))


def type_of(expr: Expr, kinds: Mapping[str, Type]) -> Type:
    """Return the type of an expression; None if it isn't known."""
    try:
        return expr_type(expr, kinds)
    except AdjointError:
        return None
