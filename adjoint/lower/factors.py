"""Sums of products over three groups of indices: which two factors they have, and over what the indices run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the indices of three groups of loops run over, the outermost first, of which there is one.

    The index `moving` ends at the outer one plus `offset` where `side` is "stop", starts there where it is "start".
    """

    ranges: dict[str, Range]
    groups: tuple[Group, Group, Group]
    moving: str = ""
    side: str = ""
    offset: int = 0

    @property
    def outer(self) -> str:
        return self.groups[0][0]

    def of(self, expr: Expr) -> set[Group]:
        """Return the groups of which an expression has an index."""
        names = set(names_in(expr))
        return {group for group in self.groups if not names.isdisjoint(group)}

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
class Factor:
    """An expression of the indices of two groups, or an element of a matrix of which rows may be taken as they are."""

    value: Expr
    axes: tuple[Group, Group]
    matrix: Var | None = None
    # The index in its first row, if that isn't 0.
    first: Expr | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A sum `z[u, v] += scale * left * right` over a third group of indices, which two factors have."""

    add: Accum
    left: Factor
    right: Factor
    axes: tuple[Group, Group]
    over: Group
    # What else a sum of products is multiplied by: it depends on both `axes`, or is None.
    scale: Expr | None = None


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


def triangle(outer: For, middle: Sequence[For], inner: Sequence[For]) -> Bounds | None:
    """Return what loops run over, if at most one end depends on another index, by a number from the outer one."""
    index = outer.index.name
    loops = (outer, *middle, *inner)
    groups = (index,), tuple(loop.index.name for loop in middle), tuple(loop.index.name for loop in inner)
    indices = {loop.index.name for loop in loops}
    ranges: dict[str, Range] = {}
    moved: list[tuple[str, str, int | None]] = []
    for loop in loops:
        found = ends(loop)
        if found is None:
            return None
        ranges[loop.index.name] = found
        sides = [(s, end) for s, end in zip(("start", "stop"), found, strict=True) if indices & set(names_in(end))]
        moved += [(loop.index.name, side, offset_from(end, index)) for side, end in sides]
    if not moved:
        return Bounds(ranges, groups)
    moving, side, offset = moved[0]
    if len(moved) > 1 or offset is None or moving == index:
        return None
    return Bounds(ranges, groups, moving, side, offset)


def terms(body: Block, bounds: Bounds, kinds: Mapping[str, Type], accesses: Accesses) -> list[Term] | None:
    """Return the sums that a body consists of, if all are products, and nothing that they read is changed by them."""
    values: dict[str, Expr] = {}
    sums: list[Accum] = []
    for stmt in map(as_sum, body):
        match stmt:
            case Let(Var(name), value) if name not in values and name not in names_in(value):
                values[name] = substitute(value, values)
            case Accum(target, index, value) if index:
                place = tuple(substitute(each, values) for each in index)
                sums += [Accum(target, place, each, stmt.loc) for each in _summands(substitute(value, values))]
            case Comment():
                pass
            case _:
                return None
    written = {accesses.class_of(each.target.name) for each in sums}
    exprs = [*values.values(), *(expr for each in sums for expr in (*each.index, each.value))]
    read = {accesses.class_of(name) for expr in exprs for name in names_in(expr)}
    if not sums or read & written or not all(map(is_arithmetic, exprs)):
        return None
    found = [_term(each, bounds, kinds) for each in sums]
    return [term for term in found if term is not None] if None not in found else None


def _summands(value: Expr) -> tuple[Expr, ...]:
    """Return what a value is the sum of."""
    match value:
        case Call("add", (a, b)):
            return *_summands(a), *_summands(b)
        case Call("sub", (a, b)):
            return *_summands(a), *_summands(Call("neg", (b,)))
        case Call("neg", (Call("add" | "sub" as prim, (a, b)),)):
            second = b if prim == "sub" else Call("neg", (b,))
            return *_summands(Call("neg", (a,))), *_summands(second)
        case _:
            return (value,)


def _term(add: Accum, bounds: Bounds, kinds: Mapping[str, Type]) -> Term | None:
    kind: Type = kinds.get(add.target.name)
    if not is_array(kind) or kind.ndim != len(add.index) or kind.dtype not in FLOATS:
        return None
    found = _of_rows(add, bounds, kinds, kind.dtype) or (None if bounds.side else _packed(add, bounds, kinds))
    if found is None or not type_of(found.left.value, kinds) == type_of(found.right.value, kinds) == kind.dtype:
        return None
    return found if type_of(add.value, kinds) == kind.dtype else None


def _of_rows(add: Accum, bounds: Bounds, kinds: Mapping[str, Type], dtype: Type) -> Term | None:
    """Return a sum of products into elements of a matrix, one factor of which is an element of a matrix."""
    match add.index:
        case (Var(row), Var(column)):
            axes = ((row,), (column,))
        case _:
            return None
    negative, factors = factors_of(add.value)
    for k, right in reversed(list(enumerate(factors))):
        matrix = _matrix(right, dtype, bounds, kinds)
        rest = [*factors[:k], *factors[k + 1 :]]
        if not rest or matrix is None:
            continue
        left = _product(rest, negative=negative)
        order = tuple(dict.fromkeys((name,) for name in names_in(left) if name in bounds.ranges))
        over = [group for group in order if group in matrix.axes]
        if len(order) == 2 and len(over) == 1 and {*order, *matrix.axes} - {*over} == {*axes} <= {*bounds.groups}:
            return Term(add, Factor(left, order), matrix, axes, over[0])
    return None


def _packed(add: Accum, bounds: Bounds, kinds: Mapping[str, Type]) -> Term | None:
    """Return a sum over one group of indices of products of two factors, which have each another one as well."""
    used = _groups(add.index, bounds)
    found = (_summed(add, bounds, kinds, over) for over in reversed(bounds.groups) if over not in used)
    return next((term for term in found if term is not None), None)


def _summed(add: Accum, bounds: Bounds, kinds: Mapping[str, Type], over: Group) -> Term | None:
    """Return a sum as one over a group of indices; what depends on both others is multiplied by it."""
    first, second = (group for group in bounds.groups if group != over)
    negative, factors = factors_of(add.value)
    sides: tuple[list[Expr], list[Expr], list[Expr]] = ([], [], [])
    for factor in factors:
        groups = bounds.of(factor)
        sides[2 if {first, second} <= groups else second in groups].append(factor)
    left, right, rest = (_groups(side, bounds) for side in sides)
    if (left, right) != ({first, over}, {second, over}) or rest | _groups(add.index, bounds) != {first, second}:
        return None
    dtype = kinds[add.target.name].dtype
    values = _product(sides[0], negative=negative), _product(sides[1])
    made = [_matrix(value, dtype, bounds, kinds) for value in values]
    factor, other = (
        matrix or Factor(value, _with_long_rows((value,), over, group))
        for matrix, value, group in zip(made, values, (first, second), strict=True)
    )
    scale = _product(sides[2]) if sides[2] else None
    return Term(add, factor, other, _with_long_rows((*add.index, *sides[2]), first, second), over, scale)


def _groups(exprs: Sequence[Expr], bounds: Bounds) -> set[Group]:
    return set[Group]().union(*map(bounds.of, exprs))


def _with_long_rows(exprs: Sequence[Expr], *groups: Group) -> tuple[Group, Group]:
    """Return two groups of indices, that with fewer loops last, for short loops make poor vectors, or as they occur."""
    names = [name for expr in exprs for name in names_in(expr)]
    first, second = sorted(groups, key=lambda group: (-len(group), min(names.index(n) for n in group if n in names)))
    return first, second


def _product(factors: Sequence[Expr], *, negative: bool = False) -> Expr:
    value = reduce(lambda a, b: Call("mul", (a, b)), factors)
    return Call("neg", (value,)) if negative else value


def _matrix(expr: Expr, dtype: Type, bounds: Bounds, kinds: Mapping[str, Type]) -> Factor | None:
    """Return an expression as an element of a matrix of whose rows a block may be taken, with all columns."""
    match expr:
        case Call("getitem", (Var() as matrix, Var(row), Var(column))):
            first = None
        case Call("getitem", (Var() as matrix, Call("sub", (Var(row), first)), Var(column))) if (
            (row,) in bounds.groups and first == bounds.ranges[row][0]
        ):
            pass
        case _:
            return None
    kind: Type = kinds.get(matrix.name)
    axes = (row,), (column,)
    whole = not bounds.side or column not in (bounds.outer, bounds.moving)
    if row == column or not whole or not {*axes} <= {*bounds.groups} or bounds.ranges[column][0] != Lit(0):
        return None
    fits = is_array(kind) and kind.ndim == 2 and kind.layout == "C" and kind.dtype == dtype
    return Factor(expr, axes, matrix, first) if fits else None


def factors_of(expr: Expr) -> tuple[bool, list[Expr]]:
    """Return the factors of a product, and whether it is negative."""
    match expr:
        case Call("mul", (a, b)):
            (first, left), (second, right) = factors_of(a), factors_of(b)
            return first != second, [*left, *right]
        case Call("neg", (a,)):
            negative, factors = factors_of(a)
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
