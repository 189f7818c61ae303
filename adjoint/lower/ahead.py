"""Functions that take long are computed ahead of a recurrence, or after it, in loops of their own, which vectorise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.effects import is_pure
from adjoint.analysis.ranges import counts_by_one, ends, may_be_asked_again
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import bound, map_blocks, mentioned, names_in, operands, statements, subexpressions, with_body
from adjoint.lower.accesses import Access, Summary, apart, clash, in_lockstep
from adjoint.lower.context import Context
from adjoint.lower.interchange import only_added
from adjoint.lower.strips import COSTLY
from adjoint.rules.numba_types import array, is_number, of_dtype

MOST = 4  # numbers that go from one loop to another


def ahead(func: Func, context: Context) -> Func:
    """Take innermost loops apart where some of their statements hand something on, and others compute functions.

    A loop that hands something on to its next turn isn't vectorised, and nothing in it is. What its statements need of
    each other is a graph; what is in a circle stays together. The functions, and what they are made of, become loops
    before or after such circles. Numbers that these need of each other are kept in arrays.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], z: float64[:], n: int64):
    ...     p: float64 = 1.0
    ...     for t in range(n):
    ...         e: float64 = exp(z[t])
    ...         p = p * e + 1.0
    ...         x[t] = log(p)
    ...     return p
    ... ''')
    >>> context = Context.of(func)
    >>> context.natural["t"] = True
    >>> print(text(ahead(func, context)), end="")
    def f(x, z, n):
        p = 1.0
        e_ahead = np.empty(max(n, 0))
        p_ahead = np.empty(max(n, 0))
        for t in range(n):
            e = math.exp(z[t])
            e_ahead[t] = e
        for t in range(n):
            e = e_ahead[t]
            p = p * e + 1.0
            p_ahead[t] = p
        for t in range(n):
            p = p_ahead[t]
            x[t] = math.log(p)
        return p
    """
    if not any(map(_is_costly, statements(func.body))):
        return func
    return with_body(func, _Parter(func, context).block(func.body))


def _is_costly(stmt: Stmt) -> bool:
    return any(_is_function(part) for expr in operands(stmt) for part in subexpressions(expr))


def _is_function(expr: Expr) -> bool:
    match expr:
        case Call("pow", (_, Lit(int()))):
            return False
        case Call(prim):
            return prim in COSTLY
        case _:
            return False


def _is_plain(stmt: Stmt) -> bool:
    return isinstance(stmt, Let | Store | Accum | Comment)


@dataclass(frozen=True, slots=True)
class _Needs:
    """Which statements, by their places, can't be done after which: those need what these give, or write over it.

    `circles` are, of each statement, those that need it and that it needs, of which some `wait` for the turn before.
    """

    before: Sequence[frozenset[int]]
    circles: Sequence[frozenset[int]]
    waiting: frozenset[int]


class _Parter:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.accesses = context.accesses(func)

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self.parted(map_blocks(stmt, self.block)))

    def parted(self, loop: Stmt) -> Sequence[Stmt]:
        """Return the loops that a loop becomes; a loop that stays is the only one."""
        if not isinstance(loop, For) or not self.is_candidate(loop):
            return (loop,)
        body = [stmt for stmt in loop.body if not isinstance(stmt, Comment)]
        needs = self.needs(loop, body)
        if needs is None or not needs.waiting:
            return (loop,)
        phases = _phases(body, needs)
        again = self.repeatable(loop, body)
        crossing = {name: at for name, at in _crossing(body, phases).items() if name not in again}
        if len(set(phases)) == 1 or len(crossing) > MOST:
            return (loop,)
        return self.loops(loop, body, phases, crossing, again)

    def repeatable(self, loop: For, body: Sequence[Stmt]) -> dict[str, Let]:
        """Return the statements that cost next to nothing and may be done in several loops, by what they bind."""
        done = self.accesses.of(loop)
        written = {access.cls for access in done.accesses if access.writes}
        times = Counter(stmt.target.name for stmt in body if isinstance(stmt, Let | Accum))
        found: dict[str, Let] = {}
        for stmt in body:
            if not isinstance(stmt, Let) or times[stmt.target.name] != 1 or _is_costly(stmt):
                continue
            names = set(names_in(stmt.value)) - {loop.index.name}
            own = {name for name in names if name in done.binds}
            if own <= found.keys() and written.isdisjoint(map(self.accesses.class_of, names)) and is_pure(stmt.value):
                found[stmt.target.name] = stmt
        return found

    def is_candidate(self, loop: For) -> bool:
        numbers = (self.context.kinds.get(stmt.target.name) for stmt in loop.body if isinstance(stmt, Let))
        short = isinstance(loop.start, Lit) and isinstance(loop.stop, Lit)
        return (
            counts_by_one(loop)
            and not short
            and all(map(_is_plain, loop.body))
            and any(map(_is_costly, loop.body))
            and all(kind is not None and is_number(kind) for kind in numbers)
            and may_be_asked_again(loop)
            and self.context.is_natural(loop.index)
            and not self.accesses.of(loop).effect
        )

    # -- what needs what -------------------------------------------------------------------------------------------

    def needs(self, loop: For, body: Sequence[Stmt]) -> _Needs | None:
        edges: set[tuple[int, int]] = set()
        late: set[int] = set()
        for first, second, waits in _by_name(body):
            edges.add((first, second))
            late |= {second} if waits else set()
        alone = self.accesses.alone(loop)
        done = [self.accesses.of(stmt) for stmt in body]
        moving = {loop.index.name}.union(*(each.binds for each in done))
        for i, first in enumerate(done):
            for k, second in enumerate(done[i:], i):
                for x, y in _clashes(first, second, alone):
                    if x.index is None or y.index is None:
                        return None
                    met = self.meeting(x, y, (i, k), loop.index, moving)
                    edges |= met
                    late |= {i, k} if (k, i) in met else set()
        return _closed(edges, late, len(body))

    def meeting(
        self, x: Access, y: Access, places: tuple[int, int], index: Var, moving: set[str]
    ) -> set[tuple[int, int]]:
        """Return the order of two statements that use one array: none, the one they have, or both."""
        i, k = places
        assert x.index is not None
        assert y.index is not None
        pairs = list(zip(x.index, y.index, strict=True)) if x.name == y.name else []
        natural = self.context.is_natural
        if any(in_lockstep(a, b, (index, index), moving, natural) for a, b in pairs):
            return {(i, k)} if i != k else set()
        if any(apart(a, b, moving, natural) for a, b in pairs):
            return set()
        return {(i, k), (k, i)}

    # -- the loops -------------------------------------------------------------------------------------------------

    def loops(
        self, loop: For, body: Sequence[Stmt], phases: Sequence[int], crossing: dict[str, int], again: Mapping[str, Let]
    ) -> Sequence[Stmt]:
        between = ends(loop)
        assert between is not None
        out: list[Stmt] = []
        kept: dict[str, Var] = {}
        for name in crossing:
            kind = self.context.kinds[name]
            hint = f"{self.context.hint(name) or 'value'}_ahead"
            kept[name] = self.context.fresh(f"{name}_ahead", array(kind, 1), hint)
            size = between[1]
            if not self.context.is_natural(size):
                size = Call("maximum", (size, Lit(0)), via="builtin")
            out.append(Let(kept[name], Call("empty", (size,), of_dtype(kind), via="np")))
        for phase in sorted(set(phases)):
            own = [stmt for stmt, at in zip(body, phases, strict=True) if at == phase]
            read = {name for stmt in own for name in _read(stmt)}
            taken = [name for name, at in crossing.items() if at != phase and name in read]
            stmts: list[Stmt] = [Let(Var(name), Call("getitem", (kept[name], loop.index))) for name in taken]
            stmts = [*_repeated(again, own, read), *stmts]
            for stmt in own:
                stmts.append(stmt)
                if isinstance(stmt, Let | Accum) and stmt.target.name in kept:
                    stmts.append(Store(kept[stmt.target.name], (loop.index,), stmt.target))
            out.append(replace(loop, body=tuple(stmts)))
        comments = tuple(stmt for stmt in loop.body if isinstance(stmt, Comment))
        return (*comments, *out)


def _repeated(again: Mapping[str, Let], own: Sequence[Stmt], read: set[str]) -> list[Stmt]:
    """Return what a loop does once more, of what another one does, for it reads that."""
    wanted = set(read)
    for name in reversed(list(again)):
        if name in wanted:
            wanted.update(names_in(again[name].value))
    return [stmt for name, stmt in again.items() if name in wanted and not any(stmt is each for each in own)]


def _by_name(body: Sequence[Stmt]) -> Iterator[tuple[int, int, bool]]:
    """Yield pairs of statements of which the second needs a number that the first binds, and if in the next turn only.

    Where several bind one number, what reads it in between stays with them.
    """
    sums = only_added(tuple(body))
    binds: dict[str, list[int]] = {}
    for place, stmt in enumerate(body):
        for var in bound(stmt):
            binds.setdefault(var.name, []).append(place)
    for name, (first, *others) in binds.items():
        if name in sums:
            continue
        users = [place for place, stmt in enumerate(body) if name in mentioned(stmt)]
        early = any(name in _read(body[place]) for place in users if place <= first)
        for place in users:
            for other in (first, *others):
                if place <= max((first, *others)) and (others or early):
                    yield other, place, early
                    yield place, other, early
                elif place != other:
                    yield other, place, False


def _read(stmt: Stmt) -> set[str]:
    return {name for expr in operands(stmt) for name in names_in(expr)}


def _clashes(first: Summary, second: Summary, alone: Collection[str]) -> Iterator[tuple[Access, Access]]:
    for x in first.accesses:
        for y in second.accesses:
            told_apart = x.name != y.name and (x.name in alone or y.name in alone)
            if clash(x, y) and not told_apart:
                yield x, y


def _closed(edges: set[tuple[int, int]], late: set[int], size: int) -> _Needs:
    after: list[set[int]] = [{b for a, b in edges if a == place} for place in range(size)]
    reach: list[set[int]] = []
    for place in range(size):
        seen: set[int] = set()
        todo = list(after[place])
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += after[at]
        reach.append(seen)
    before = [frozenset(a for a, b in edges if b == place) for place in range(size)]
    circles = [frozenset(k for k in reach[place] if place in reach[k]) | {place} for place in range(size)]
    waiting = frozenset(place for place in range(size) if not late.isdisjoint(circles[place]))
    return _Needs(before, circles, waiting)


def _phases(body: Sequence[Stmt], needs: _Needs) -> list[int]:
    """Return for each statement the number of the loop it belongs to: functions in even ones, circles in odd ones."""
    size = range(len(body))
    hot = _hot(body, needs)
    phases = [0] * len(body)
    while True:
        before = list(phases)
        for place in size:
            least = max(phases[k] for k in (*needs.before[place], *needs.circles[place]))
            odd = place in needs.waiting
            phases[place] = least + (least % 2 != odd) if odd or place in hot else least
        if before == phases:
            break
    for place in reversed(size):
        later = [phases[k] for k in size if place in needs.before[k]]
        if later and place not in hot and place not in needs.waiting and len(needs.circles[place]) == 1:
            phases[place] = min(later)
    return phases


def _hot(body: Sequence[Stmt], needs: _Needs) -> set[int]:
    """Return the statements that compute functions, and what these are made of, as far as it doesn't wait."""
    hot = {place for place, stmt in enumerate(body) if _is_costly(stmt) and place not in needs.waiting}
    todo = list(hot)
    while todo:
        place = todo.pop()
        made = {k for k in needs.before[place] if isinstance(body[k], Let)}
        more = {k for k in (*made, *needs.circles[place]) if k not in needs.waiting} - hot
        hot |= more
        todo += more
    return hot


def _crossing(body: Sequence[Stmt], phases: Sequence[int]) -> dict[str, int]:
    """Return the numbers that are read in another loop than they are bound in, and the number of that."""
    made = {stmt.target.name: at for stmt, at in zip(body, phases, strict=True) if isinstance(stmt, Let)}
    found = {name for stmt, at in zip(body, phases, strict=True) for name in _read(stmt) if made.get(name, at) != at}
    return {name: at for name, at in made.items() if name in found}
