"""Iterations that each run a recurrence run side by side, a strip of them at a time, so that loops vectorise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from adjoint.analysis.dependence import Dependence
from adjoint.analysis.iterations import Shared, exposed, map_loops, shared, term
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, While
from adjoint.ir.walk import (
    map_blocks,
    names_in,
    nested,
    operands,
    statements,
    subexpressions,
    substitute,
    unshared,
    with_body,
)
from adjoint.lower.context import Context
from adjoint.lower.filling import in_two_steps, is_zeros
from adjoint.lower.guards import is_guard
from adjoint.lower.iteration import is_empty, separated, targets
from adjoint.lower.lanes import Strip
from adjoint.lower.layout import elements, is_one, layout, side_by_side, sizes_of
from adjoint.lower.powers import powers
from adjoint.lower.recur import recur
from adjoint.lower.uses import element_arrays, mentions
from adjoint.rules.numba_types import types
from adjoint.transform.skip import skip
from adjoint.transform.stop import stop

SHORT = 32  # turns of innermost loops: with more, they make good vectors themselves
FEW = 8  # turns of a loop that is written out
DEEPEST = 3  # loops in a loop: what there is for one iteration grows with each
WORK = 4  # operations that take as long as to fetch an element, or to store it
COST = 8  # operations that take as long as one of these functions:
COSTLY = frozenset("exp expm1 log log1p log2 log10 sin cos tan sinh cosh tanh asin acos atan pow".split())
_BOUNDS = frozenset("add sub mul dim maximum minimum".split())


def strips(func: Func, context: Context) -> Func:
    """Cut a loop into strips where its iterations have nothing to do with each other, but are sequential inside.

    Statements between inner loops are done for all iterations of a strip before the next statement is: numbers that
    pass from one such part to another are kept in arrays, one element per iteration, and an array that each iteration
    makes for itself gets an axis more. Innermost loops take four turns at a time. Sums may be added up in any order.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for i in range(n):
    ...         p: float64 = 1.0
    ...         for j in range(dim(x, 0) - 1, -1, -1):
    ...             p = p * y[i] + x[j]
    ...         y[i] = p
    ... ''')
    >>> context = Context.of(func)
    >>> context.natural["i"] = True
    >>> print(text(strips(func, context)), end="")
    def f(x, y, n):
        p_lanes = np.empty(128)
        if n >= 8:
            for first in range(0, n, 128):
                count = min(n - first, 128)
                for lane in range(count):
                    p = 1.0
                    p_lanes[lane] = p
                end = x.shape[0] % 4 - 1
                for j in range(x.shape[0] - 1, end, -4):
                    _1 = x[j]
                    _2 = x[j - 1]
                    _3 = x[j - 2]
                    _4 = x[j - 3]
                    for lane in range(count):
                        i = first + lane
                        p = p_lanes[lane]
                        p = p * y[i] + _1
                        p = p * y[i] + _2
                        p = p * y[i] + _3
                        p = p * y[i] + _4
                        p_lanes[lane] = p
                for j in range(min(end, x.shape[0] - 1), -1, -1):
                    _5 = x[j]
                    for lane in range(count):
                        i = first + lane
                        p = p_lanes[lane]
                        p = p * y[i] + _5
                        p_lanes[lane] = p
                for lane in range(count):
                    i = first + lane
                    p = p_lanes[lane]
                    y[i] = p
        else:
            for i in range(n):
                p = 1.0
                for j in range(x.shape[0] - 1, -1, -1):
                    p = p * y[i] + x[j]
                y[i] = p
    """
    if not any(isinstance(stmt, For) and _is_candidate(stmt) for stmt in statements(func.body)):
        return func
    func = stop(skip(func))
    context.kinds.update(func.types)
    func = separated(replace(func, body=unshared(func.body), types=context.kinds), context.kinds)
    cutter = _Cutter(func, context, Dependence(func))
    body = map_loops(func, cutter.cut)
    return with_body(func, unshared(body)) if cutter.found else func


# -- which loops -------------------------------------------------------------------------------------------------


def _is_candidate(loop: For) -> bool:
    """Whether a loop has others in it, and nothing that leaves it or that isn't followed."""
    raised = {id(s) for guard in nested(loop) if is_guard(guard) for s in nested(guard)}
    inner = [stmt for stmt in nested(loop) if id(stmt) not in raised]
    known = all(isinstance(s, Let | Store | Accum | For | If | While | Comment) for s in inner)
    return known and loop.step == Lit(1) and not is_one(loop) and any(_is_loop(stmt) for stmt in loop.body)


def _is_loop(stmt: Stmt) -> bool:
    return isinstance(stmt, For) and not is_one(stmt)


def _is_written_out(loop: For) -> bool:
    match loop.start, loop.stop:
        case Lit(int() as start), Lit(int() as stop):
            return abs(stop - start) <= FEW
        case _:
            return False


def _without_ones(block: Block) -> Block:
    return tuple(map_blocks(stmt, _without_ones) for stmt in block if not is_one(stmt))


def _work(loop: For) -> int:
    """Return how much arithmetic there is in a loop, in operations."""
    exprs = (expr for stmt in side_by_side(loop.body) for expr in operands(stmt))
    calls = (part for expr in exprs for part in subexpressions(expr) if isinstance(part, Call))
    return sum(COST if part.prim in COSTLY else part.prim != "getitem" for part in calls)


def _transfers(loop: For, own: set[str]) -> int:
    """Return how many arrays have to be fetched for a strip, or stored after it, being in pieces."""
    found: dict[str, bool] = {}
    for element in elements(loop.body):
        if element.name not in own and any(loop.index.name in names_in(place) for place in element.index[:-1]):
            found[element.name] = found.get(element.name, False) or element.writes
    return sum(1 + writes for writes in found.values())


def _is_bound(expr: Expr) -> bool:
    return all(not isinstance(part, Call) or part.prim in _BOUNDS for part in subexpressions(expr))


class _Cutter:
    def __init__(self, func: Func, context: Context, uses: Dependence) -> None:
        self.func = func
        self.context = context
        self.uses = uses
        self.own = element_arrays(func, context.kinds)
        self.found = False

    def cut(self, loop: For, live: frozenset[str], depth: int) -> Sequence[Stmt] | None:
        if not _is_candidate(loop):
            return None
        plain = list(side_by_side(loop.body))
        binds = {name.name for stmt in nested(loop) for name in targets(stmt)} | {loop.index.name}
        inner = [stmt for stmt in plain if isinstance(stmt, For) and not is_one(stmt)]
        bounds = [loop.start, loop.stop, *(each.start for each in inner), *(each.stop for each in inner)]
        indices = {stmt.index.name for stmt in inner}
        early = exposed(loop.body, {loop.index.name}, self.func)[0]
        if (indices | {loop.index.name}) & (early | live) or not all(map(_is_bound, bounds)):
            return None
        # Bounds of inner loops are the same for all iterations: so are indices that nothing else binds.
        moving = {name.name for s in nested(loop) if not any(s is each for each in inner) for name in targets(s)}
        if (moving | {loop.index.name}) & ({name for expr in bounds for name in names_in(expr)} | indices):
            return None
        own = [s for s in nested(loop) if isinstance(s, Let) and not self.is_number(s.target.name)]
        if not all(any(made is s for s in plain) and self.is_own(made, binds) for made in own):
            return None
        tests = self.worth(loop, moving, {made.target.name for made in own})
        found = None if tests is None else shared(self.func, loop, depth, live, self.uses)
        if tests is None or not isinstance(found, Shared) or found.distance:
            return None
        body = powers(recur(loop.body, self.func, self.context.renewed), self.func, early | live, self.context.renewed)
        work = self.filled(replace(loop, body=body))
        names = {made.target.name for made in own}
        own = [s for s in nested(work) if isinstance(s, Let) and s.target.name in names]
        arranged = layout(work, own, found.totals, self.context)
        if arranged is None:
            return None
        self.found = True
        binds = {name.name for stmt in nested(work) for name in targets(stmt)} | {loop.index.name}
        private = binds - {*found.totals, *(made.target.name for made in own)} - arranged.same
        return Strip(self.context, self.func, work, loop, private, arranged, tests).stmts()

    def filled(self, loop: For) -> For:
        """Write arrays of zeros that each iteration makes for itself as arrays that it fills."""

        def change(stmt: Stmt) -> Iterator[Stmt]:
            stmt = map_blocks(stmt, block)
            if isinstance(stmt, Let) and is_zeros(stmt, self.context):
                stmt, fill = in_two_steps(stmt, self.context)
                yield stmt
                yield from fill
            else:
                yield stmt

        def block(stmts: Block) -> Block:
            return tuple(new for stmt in stmts for new in change(stmt))

        return replace(loop, body=block(loop.body))

    def worth(self, loop: For, moving: set[str], own: set[str]) -> list[Expr] | None:
        """Return what must hold so that a loop is faster in strips; None if it isn't.

        `moving` are the names bound in it, but for indices, `own` those of arrays that each iteration makes for itself.
        """
        if any(map(self.is_recurrence, side_by_side(loop.body))):
            return [] if _work(loop) >= WORK * _transfers(loop, own) else None
        # LLVM writes out loops of a few turns, so that the loop around is the one that it vectorises.
        fixed = {s.index.name for s in side_by_side(loop.body) if isinstance(s, For) and _is_written_out(s)}
        inside = list(elements(_without_ones(loop.body)))
        found = [(element, [name for name in element.loops if name not in fixed]) for element in inside]
        depth = max((len(loops) for _, loops in found), default=0)
        if not 2 <= depth <= DEEPEST:
            return None
        for element, loops in found:
            # What is fetched for a strip, for it isn't in one piece, is used more than once.
            used = {name for place in element.index for name in names_in(place)}
            apart = element.name not in own and any(loop.index.name in names_in(p) for p in element.index[:-1])
            again = moving.isdisjoint(used) and not used.issuperset(loops)
            if apart and len(loops) == depth and not again:
                return None
        return _are_short(loop.body, {}, depth)

    def is_number(self, name: str) -> bool:
        return isinstance(self.context.kinds.get(name), types.Float | types.Integer | types.Boolean)

    def is_own(self, made: Let, binds: set[str]) -> bool:
        """Whether a statement makes an array for one iteration, the same in all of them."""
        uses = self.own.get(made.target.name)
        if uses is None or uses.made is not made:
            return False
        plain = is_empty(made.value) or is_zeros(made, self.context)
        return plain and all(map(_is_bound, sizes_of(made))) and not binds & set(names_in(made.value))

    def is_recurrence(self, loop: Stmt) -> bool:
        """Whether an inner loop hands on a number that isn't just a sum, so that it can't be vectorised as it is."""
        if not isinstance(loop, For) or is_one(loop) or any(isinstance(stmt, For) for stmt in loop.body):
            return False
        early = exposed(loop.body, {loop.index.name}, self.func)[0]
        carried = early & {name.name for stmt in loop.body for name in targets(stmt)}
        return any(not all(_only_adds(stmt, name) for stmt in loop.body) for name in carried)


def _only_adds(stmt: Stmt, name: str) -> bool:
    return not mentions(stmt, name) or term(stmt, name) is not None


def _are_short(block: Block, most: Mapping[str, Expr], depth: int) -> list[Expr] | None:
    """Return the tests of whether innermost loops are short; None if that can't be told before the loops.

    `most` are what indices of loops around are never above.
    """
    tests: dict[Expr, None] = {}
    for loop in [stmt for stmt in block if isinstance(stmt, For) and not is_one(stmt)]:
        end = substitute(loop.stop if loop.step == Lit(1) else loop.start, most)
        inner = _are_short(loop.body, {**most, loop.index.name: end}, depth - (not _is_written_out(loop)))
        if inner is None:
            return None
        tests |= dict.fromkeys(inner)
        if depth == 1 and isinstance(end, Lit) and isinstance(end.value, int):
            if end.value > SHORT:
                return None
        elif depth == 1 and not _is_written_out(loop):
            tests[Call("le", (end, Lit(SHORT)))] = None
    return list(tests)
