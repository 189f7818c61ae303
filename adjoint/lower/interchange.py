"""Two loops, one directly in the other, change places where the elements of arrays then come one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from adjoint.analysis.iterations import term
from adjoint.analysis.liveness import Liveness, Site, liveness
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import map_blocks, mentioned, names_in, statements, subexpressions, with_body
from adjoint.lower.accesses import Access, in_lockstep
from adjoint.lower.context import Context
from adjoint.lower.factors import as_sum
from adjoint.rules.numba_types import Type

_BOUNDS = frozenset("add sub mul neg dim maximum minimum".split())


def interchange(func: Func, context: Context) -> Func:
    """Make the loop inner that runs along the axes in which memory is contiguous.

    The order of additions to an element changes, nothing else may depend on the order.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(a: float64[:, :], s: float64[:], n: int64):
    ...     for k in range(dim(a, 1)):
    ...         for j in range(n):
    ...             s[j] += a[j, k]
    ... ''')
    >>> print(text(interchange(before, Context.of(before))), end="")
    def f(a, s, n):
        for j in range(n):
            for k in range(a.shape[1]):
                s[j] += a[j, k]
    """
    return interchanged(func, context)[0]


def interchanged(func: Func, context: Context, free: Collection[str] = (), *, ties: bool = False) -> tuple[Func, bool]:
    """Return a program with loops interchanged, and whether there are any.

    How the arrays that are `free` lie in memory doesn't matter; loops around nothing but these change places if `ties`
    are to.
    """
    func = with_body(func, _sums(func.body))
    if not any(_pair(stmt) for stmt in statements(func.body)):
        return func, False
    changer = _Changer(func, context, free, ties)
    return with_body(func, changer.block(changer.facts.sites)), changer.found


def _sums(block: Block) -> Block:
    """Write `x[i] = x[i] + e` as `x[i] += e`."""
    return tuple(map_blocks(as_sum(stmt), _sums) for stmt in block)


def _pair(stmt: Stmt) -> tuple[For, For] | None:
    """Return a loop and the loop that is all of its body."""
    if not isinstance(stmt, For) or not _is_plain(stmt):
        return None
    inner = [each for each in stmt.body if not isinstance(each, Comment)]
    match inner:
        case [For() as loop] if _is_plain(loop):
            return stmt, loop
        case _:
            return None


def _is_plain(loop: For) -> bool:
    return loop.until is None and not loop.parallel and loop.step in (Lit(1), Lit(-1))


class _Changer:
    def __init__(self, func: Func, context: Context, free: Collection[str], ties: bool) -> None:
        self.context = context
        self.free = free
        self.ties = ties
        self.found = False
        self.kinds = context.kinds
        self.facts: Liveness = liveness(func, classes={})
        self.accesses = context.accesses(func)

    def block(self, sites: tuple[Site, ...]) -> Block:
        return tuple(map(self.stmt, sites))

    def stmt(self, site: Site) -> Stmt:
        match site.stmt:
            case For() as stmt:
                inside = replace(stmt, body=self.block(site.blocks[0]))
                return self.changed(inside, self.facts.live_after(site))
            case While() as stmt:
                return replace(stmt, body=self.block(site.blocks[0]))
            case If() as stmt:
                return replace(stmt, then=self.block(site.blocks[0]), orelse=self.block(site.blocks[1]))
            case stmt:
                return stmt

    def changed(self, loop: Stmt, live: frozenset[str]) -> Stmt:
        """Return a loop with those directly in it in the best order; `live` are the names that are read after it."""
        pair = _pair(loop)
        if pair is None or not self.may_change(*pair, live) or not self.pays(*pair):
            return loop
        self.found = True
        outer, inner = pair
        comments = tuple(each for each in outer.body if isinstance(each, Comment))
        return replace(inner, body=(*comments, self.changed(replace(outer, body=inner.body), live)))

    def may_change(self, outer: For, inner: For, live: frozenset[str]) -> bool:
        done, body = self.accesses.of(outer), self.accesses.of(inner)
        bounds = {name for bound in (inner.start, inner.stop) for name in names_in(bound)}
        totals = only_added(inner.body) - bounds
        if done.effect or (done.binds - totals) & (live | bounds) or not all(map(_is_bound, (inner.start, inner.stop))):
            return False
        if (body.binds & body.exposed) - totals:
            return False
        moving = done.binds - {outer.index.name, inner.index.name}
        pairs = [(x, y) for k, x in enumerate(body.accesses) for y in body.accesses[k:]]
        return all(self.in_order(x, y, outer, inner, moving) for x, y in pairs)

    def in_order(self, x: Access, y: Access, outer: For, inner: For, moving: set[str]) -> bool:
        """Whether two accesses meet in the same element only in an order that stays."""
        if x.cls != y.cls or not (x.writes or y.writes) or x.adds and y.adds:
            return True
        if x.name != y.name or x.index is None or y.index is None:
            return False
        return any(
            in_lockstep(a, b, (loop.index, loop.index), moving | {other.index.name}, self.context.is_natural)
            for a, b in zip(x.index, y.index, strict=True)
            for loop, other in ((outer, inner), (inner, outer))
        )

    def pays(self, outer: For, inner: For) -> bool:
        accesses = self.accesses.of(inner).accesses
        better = self.score(accesses, outer.index) - self.score(accesses, inner.index)
        return better > 0 or self.ties and not better and any(access.name in self.free for access in accesses)

    def score(self, accesses: Sequence[Access], index: Var) -> int:
        """Count the elements that are next to each other for successive values of an index, less those far apart."""
        unique = dict.fromkeys((access.name, access.index) for access in accesses if access.index)
        unique = {place: None for place in unique if place[0] not in self.free}
        return sum(map(partial(self._score, index=index), unique))

    def _score(self, element: tuple[str, tuple[Expr, ...] | None], index: Var) -> int:
        name, places = element
        kind: Type = self.kinds.get(name)
        order = tuple(places or ())
        if kind.layout == "F":
            order = order[::-1]
        moving = [k for k, place in enumerate(order) if index.name in names_in(place)]
        if not moving:
            return 0
        return 1 if moving == [len(order) - 1] and is_unit(order[-1], index) else -1


def only_added(block: Block) -> set[str]:
    """Return the numbers that statements do nothing with but add to them."""
    inner = list(statements(block))
    uses = Counter(name for stmt in inner for name in mentioned(stmt))
    added = Counter(s.target.name for s in inner if isinstance(s, Let | Accum) and term(s, s.target.name) is not None)
    return {name for name, times in added.items() if 2 * times == uses[name]}  # bound, and read


def is_unit(place: Expr, index: Var) -> bool:
    """Whether a subscript grows by one with an index."""
    match place:
        case Call("add", (a, b)):
            return (a == index) != (b == index) and not (a != index and index.name in names_in(a))
        case Call("sub", (a, b)):
            return a == index and index.name not in names_in(b)
        case _:
            return place == index


def _is_bound(expr: Expr) -> bool:
    """Whether a bound may be evaluated where it wasn't: nothing but the arithmetic of whole numbers."""
    return all(not isinstance(part, Call) or part.prim in _BOUNDS for part in subexpressions(expr))
