"""Two iterations of a loop share one run of the loop in it, which adds to the same elements for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adjoint.analysis.liveness import Liveness, Site, liveness
from adjoint.analysis.ranges import counts_by_one, ends, may_be_asked_again, turns_of
from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import map_expr, map_operands, names_in, operands, statements, subexpressions, with_body
from adjoint.lower.accesses import Access
from adjoint.lower.context import Context
from adjoint.lower.interchange import is_unit, only_added
from adjoint.lower.iteration import rejoined
from adjoint.transform.renaming import rename_block

FEWEST = 4  # calculations in the inner loop: less is done while its elements come from memory
LONGEST = 50  # statements of an iteration, much more than the numbers that registers hold


def jam(func: Func, context: Context) -> Func:
    """Do two iterations of the outer loop in one run of the inner one, where that scatters: `b[j] += ...` for each i.

    The elements are read and written half as often, and so is what both iterations read. All that iterations share is
    that they add to the same elements and numbers.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], b: float64[:], c: float64[:]):
    ...     for i in range(dim(x, 0)):
    ...         for j in range(dim(b, 0)):
    ...             t: float64 = sqrt(x[i] * x[i] + x[j] * x[j])
    ...             b[j] += t
    ...             c[i] += t
    ... ''')
    >>> print(text(jam(before, Context.of(before))), end="")
    def f(x, b, c):
        for i in range(0, x.shape[0] - 1, 2):
            for j in range(b.shape[0]):
                t = math.sqrt(x[i] * x[i] + x[j] * x[j])
                b[j] += t
                c[i] += t
                t_1 = math.sqrt(x[i + 1] * x[i + 1] + x[j] * x[j])
                b[j] += t_1
                c[i + 1] += t_1
        for i in range(x.shape[0] - x.shape[0] % 2, x.shape[0]):
            for j in range(b.shape[0]):
                t = math.sqrt(x[i] * x[i] + x[j] * x[j])
                b[j] += t
                c[i] += t
    """
    if not any(_nest(stmt) for stmt in statements(func.body)):
        return func
    simpler = rejoined(func, context.kinds)
    jammer = _Jammer(simpler, context)
    body = jammer.block(jammer.facts.sites)
    return with_body(simpler, body) if jammer.found else func


@dataclass(frozen=True, slots=True)
class _Nest:
    """A loop whose iterations are numbers, a loop, and what is done with its results."""

    outer: For
    before: Block
    inner: For
    after: Block


class _Jammer:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.facts: Liveness = liveness(func, classes={})
        self.accesses = context.accesses(func)
        self.found = False

    def block(self, sites: tuple[Site, ...]) -> Block:
        return tuple(stmt for site in sites for stmt in self.stmt(site))

    def stmt(self, site: Site) -> Iterator[Stmt]:
        match site.stmt:
            case For() as stmt:
                nest = _nest(stmt)
                if nest is not None and self.pays(nest) and self.may_share(nest, self.facts.live_after(site)):
                    self.found = True
                    yield from self.pairs(nest)
                else:
                    yield replace(stmt, body=self.block(site.blocks[0]))
            case While() as stmt:
                yield replace(stmt, body=self.block(site.blocks[0]))
            case If() as stmt:
                yield replace(stmt, then=self.block(site.blocks[0]), orelse=self.block(site.blocks[1]))
            case stmt:
                yield stmt

    def pays(self, nest: _Nest) -> bool:
        """Whether the inner loop has work to do, and adds to elements in a row, the same ones in each iteration."""
        inner = nest.inner.index
        own = self.accesses.of(nest.outer).binds - {inner.name}
        places = [stmt.index for stmt in nest.inner.body if isinstance(stmt, Accum) and stmt.index]
        shared = [place for place in places if own.isdisjoint(name for expr in place for name in names_in(expr))]
        return any(is_unit(place[-1], inner) for place in shared) and self.work(nest.inner) >= FEWEST

    def work(self, loop: For) -> int:
        """Count the calculations in an iteration."""
        parts = (part for stmt in loop.body for expr in operands(stmt)[-1:] for part in subexpressions(expr))
        return sum(isinstance(part, Call) and part.prim not in ("getitem", "dim") for part in parts)

    def may_share(self, nest: _Nest, live: frozenset[str]) -> bool:
        done = self.accesses.of(nest.outer)
        bounds = {name for bound in (nest.inner.start, nest.inner.stop) for name in names_in(bound)}
        totals = only_added(nest.outer.body)
        if done.effect or done.binds & bounds or (done.binds - totals) & (live | done.exposed):
            return False
        return all(self.is_free(access, done.accesses) for access in done.accesses if access.writes)

    def is_free(self, write: Access, others: list[Access]) -> bool:
        """Whether an array is only added to."""
        return write.adds and all(x.adds for x in others if x.cls == write.cls)

    def pairs(self, nest: _Nest) -> Iterator[For]:
        """Yield the loop over pairs, and that over what is left: one iteration or none."""
        between = ends(nest.outer)
        assert between is not None, "the loop counts by one"
        (low, high), index = between, nest.outer.index
        own = self.accesses.of(nest.outer).binds - only_added(nest.outer.body) - {nest.inner.index.name, index.name}
        names = {name: self.again(name) for name in sorted(own)}

        def second(block: Block) -> Block:
            return rename_block(_next(block, index), names)

        inner = replace(nest.inner, body=(*nest.inner.body, *second(nest.inner.body)))
        body = (*nest.before, *second(nest.before), inner, *nest.after, *second(nest.after))
        yield replace(nest.outer, start=low, stop=shifted(high, -1), step=Lit(2), body=body)
        rest = Call("mod", (self.length(low, high), Lit(2)))
        yield replace(nest.outer, start=Call("sub", (high, rest)), stop=high, step=Lit(1))
        self.context.spans[index.name] = None  # neither of them has all its values

    def again(self, name: str) -> str:
        made = self.context.temporary(self.context.kinds[name]) if name.startswith("_") else self.context.renewed(name)
        return made.name

    def length(self, low: Expr, high: Expr) -> Expr:
        length = high if low == Lit(0) else Call("sub", (high, low))
        form, symbols = self.context.facts.integer(length), self.context.facts.symbols
        known = form is not None and symbols.never_negative(form)
        return length if known else Call("maximum", (length, Lit(0)))


def _nest(loop: Stmt) -> _Nest | None:
    """Return a loop as what is done with numbers before and after a loop in it; None if that isn't all."""
    if not isinstance(loop, For) or not _is_plain(loop):
        return None
    inside = [k for k, stmt in enumerate(loop.body) if isinstance(stmt, For)]
    if len(inside) != 1:
        return None
    before, after, inner = loop.body[: inside[0]], loop.body[inside[0] + 1 :], loop.body[inside[0]]
    assert isinstance(inner, For)
    flat = (*before, *inner.body, *after)
    if not _is_plain(inner) or not all(isinstance(stmt, Let | Accum | Comment) for stmt in flat):
        return None
    count = sum(not isinstance(stmt, Comment) for stmt in flat)
    return _Nest(loop, before, inner, after) if count <= LONGEST else None


def _is_plain(loop: For) -> bool:
    return counts_by_one(loop) and may_be_asked_again(loop) and not turns_of(loop)


def _next(block: Block, index: Var) -> Block:
    """Return statements, without comments, as they are in the next iteration of a loop."""
    following = Call("add", (index, Lit(1)))

    def moved(expr: Expr) -> Expr:
        match expr:
            case Var() if expr == index:
                return following
            case Call("add" | "sub" as prim, (inner, Lit(int() as by))) if inner == following:
                return shifted(following, by if prim == "add" else -by)
            case _:
                return expr

    kept = (stmt for stmt in block if not isinstance(stmt, Comment))
    return tuple(map_operands(stmt, lambda expr: map_expr(expr, moved)) for stmt in kept)
