"""Powers that a loop makes one of the other: sums of their multiples by Horner's rule, and multiples in their place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from adjoint.analysis.iterations import exposed
from adjoint.analysis.ranges import counts_by_one
from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, Let, Lit, Stmt, Var
from adjoint.ir.walk import mentioned, names_in, statements, substitute
from adjoint.lower.factors import factors_of
from adjoint.lower.iteration import targets
from adjoint.rules.numba_types import types

MOST = 12  # statements of a loop that is looked at


def powers(block: Block, func: Func, kept: Collection[str], fresh: Callable[[str], Var]) -> Block:
    """Change loops of a block that make `p = p * t` in each turn, `t` being the same in all of them.

    `s += a[j] * p` is `s = s * t + a[j]` in the opposite order, from the last turn to the first. Where `p` is only ever
    multiplied by a number `c` that stays, the loop makes `c * p` instead. `block` is one of `func`; what has a name in
    `kept` is read elsewhere, and `fresh` makes a name like another one.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(a: float64[:], y: float64[:], t: float64, c: float64):
    ...     s: float64 = 0.0
    ...     p: float64 = 1.0
    ...     for j in range(dim(a, 0)):
    ...         s += a[j] * p
    ...         p = p * t
    ...     q: float64 = 1.0
    ...     for k in range(dim(a, 0)):
    ...         y[k] += c * q
    ...         q = q * t
    ...     return s
    ... ''')
    >>> body = powers(func.body, func, (), lambda name: Var(name + "_again"))
    >>> print(text(replace(func, body=body)), end="")
    def f(a, y, t, c):
        s = 0.0
        for j in range(a.shape[0] - 1, -1, -1):
            s = s * t + a[j]
        q = c
        for k in range(a.shape[0]):
            y[k] += q
            q *= t
        return s
    """
    place = 0
    while place < len(block):
        loop = block[place]
        if isinstance(loop, For) and counts_by_one(loop) and len(loop.body) <= MOST:
            for found in _found(block, place, loop, func, kept):
                changed = found.by_horner(fresh) or found.multiplied()
                if changed is not None:
                    place += len(changed) - len(block)
                    block = changed
                    break
        place += 1
    return block


def _found(block: Block, place: int, loop: For, func: Func, kept: Collection[str]) -> Iterator[_Powers]:
    """Yield the numbers that a loop multiplies by the same in each turn, and that nothing else needs."""
    if not all(isinstance(stmt, Let | Accum | Comment) for stmt in loop.body):
        return
    binds = {target.name for stmt in loop.body for target in targets(stmt)} | {loop.index.name}
    carried = exposed(loop.body, {loop.index.name}, func)[0] & binds
    ends = _ends(loop)
    own = binds - exposed(block[place + 1 :], (), func)[0] - set(kept)
    for name in sorted(carried):
        ratio = _other_factor(ends[name], name)
        start = _start(block[:place], name)
        real = isinstance(func.types.get(name), types.Float)
        if ratio is None or start is None or name not in own or not real:
            continue
        if binds.isdisjoint(names_in(ratio)):
            yield _Powers(block, place, loop, name, start, ratio, binds, carried, own, ends, func.types)


@dataclass(frozen=True, slots=True)
class _Powers:
    """A number that is multiplied by `ratio` in each turn; the statement at `start` gives it its first value.

    The loop binds `binds`, of which it hands on `carried`, and nothing else uses those in `own`. `ends` has what names
    are after a turn, in terms of what they are before it.
    """

    block: Block
    place: int
    loop: For
    name: str
    start: int
    ratio: Expr
    binds: set[str]
    carried: set[str]
    own: set[str]
    ends: dict[str, Expr]
    types: Mapping[str, object]

    def by_horner(self, fresh: Callable[[str], Var]) -> Block | None:
        """Return the block with the sum of multiples of the powers made from the last turn to the first."""
        others = self.carried - {self.name}
        if len(others) != 1 or any(isinstance(stmt, Accum) and stmt.index for stmt in self.loop.body):
            return None
        (total,) = others
        term = _added(self.ends[total], total)
        if term is None or self.binds - {self.name, total, self.loop.index.name} - self.own:
            return None
        factor = _other_factor(term, self.name)
        if factor is None or self.carried & set(names_in(factor)):
            return None
        first = self.block[self.start]
        assert isinstance(first, Let)
        if not isinstance(first.value, Lit) or self.types.get(total) != self.types.get(self.name):
            return None
        before = _start(self.block[: self.place], total)
        zero = before is not None and self.block[before] == Let(Var(total), Lit(0.0))
        plain = zero and first.value == Lit(1.0)
        found = Var(total) if plain else fresh(total)
        turn = Let(found, Call("add", (Call("mul", (found, self.ratio)), factor)), self.loop.loc)
        stmts: dict[int, Block] = {self.place: (_turned(self.loop, (turn,)),)}
        if plain:
            stmts[self.start] = ()
        else:
            more = Call("mul", (Var(self.name), found))
            stmts[self.place] = (Let(found, Lit(0.0)), *stmts[self.place], Accum(Var(total), (), more, self.loop.loc))
        return self.changed(stmts)

    def multiplied(self) -> Block | None:
        """Return the block with multiples of the powers in their place, if one multiple is all they are needed for."""
        same: list[Expr] = []
        now, later = {self.name}, set[str]()  # names of the power of this turn, and of the next one
        out: list[Stmt] = []
        for stmt in self.loop.body:
            out.append(stmt)
            match stmt:
                case Let(target, Var(source)) if source in now and target.name in self.own - self.carried:
                    now.add(target.name)
                case Let(target, value) if self.is_next(target.name, value, now, later):
                    now.discard(target.name)
                    later.add(target.name)
                case _ if not later.isdisjoint(mentioned(stmt)):
                    return None
                case Let(_, value) | Accum(_, _, value) if not now.isdisjoint(mentioned(stmt)):
                    found = self.multiple(stmt, value, now)
                    if found is None:
                        return None
                    same.append(found[0])
                    out[-1] = replace(stmt, value=found[1])
                case _:
                    pass
        if not same or same[0] == Lit(1.0) or any(each != same[0] for each in same):
            return None
        if self.binds & set(names_in(same[0])):
            return None
        first = self.block[self.start]
        assert isinstance(first, Let)
        fresh = first.value == Lit(1.0)
        value = same[0] if fresh else Call("mul", (same[0], Var(self.name)))
        new = Let(Var(self.name), value, first.loc), replace(self.loop, body=tuple(out))
        return self.changed({self.place: new, **({self.start: ()} if fresh else {})})

    def is_next(self, name: str, value: Expr, now: set[str], later: set[str]) -> bool:
        """Whether a statement that gives a name a value makes the power of the next turn of that of this one."""
        if name not in self.own - (self.carried - {self.name}) or self.ends[name] != self.ends[self.name]:
            return False
        if isinstance(value, Var):
            return value.name in later and name == self.name
        return not now.isdisjoint(names_in(value)) and later.isdisjoint({name, *names_in(value)})

    def multiple(self, stmt: Let | Accum, value: Expr, now: set[str]) -> tuple[Expr, Expr] | None:
        """Return by what a statement multiplies the power, and that; None if it needs the power otherwise."""
        if isinstance(stmt, Accum) and any(not now.isdisjoint(names_in(each)) for each in stmt.index):
            return None
        used = now & set(names_in(value))
        if len(used) != 1 or stmt.target.name in now:
            return None
        (name,) = used
        factor = _other_factor(value, name)
        return None if factor is None else (factor, Var(name))

    def changed(self, stmts: dict[int, Block]) -> Block:
        return tuple(new for k, stmt in enumerate(self.block) for new in stmts.get(k, (stmt,)))


def _ends(loop: For) -> dict[str, Expr]:
    """Return what the names that a turn binds are after it, in terms of what they were before it."""
    found: dict[str, Expr] = {}
    for stmt in loop.body:
        match stmt:
            case Let(Var(name), value):
                found[name] = substitute(value, found)
            case Accum(Var(name), (), value):
                found[name] = Call("add", (found.get(name, Var(name)), substitute(value, found)))
            case _:
                pass
    return found


def _other_factor(expr: Expr, name: str) -> Expr | None:
    """Return by what a number is multiplied in a product; None if it isn't a factor of it, and nothing else in it."""
    negative, factors = factors_of(expr)
    others = [each for each in factors if each != Var(name)]
    if len(others) != len(factors) - 1 or any(name in names_in(each) for each in others):
        return None
    found: Expr = Lit(1.0) if not others else others[0]
    for each in others[1:]:
        found = Call("mul", (found, each))
    return Call("neg", (found,)) if negative else found


def _added(expr: Expr, total: str) -> Expr | None:
    match expr:
        case Call("add", (a, b)) if Var(total) in (a, b):
            other = b if a == Var(total) else a
            return None if total in names_in(other) else other
        case Call("sub", (Var(first), other)) if first == total and total not in names_in(other):
            return Call("neg", (other,))
        case _:
            return None


def _start(before: Block, name: str) -> int | None:
    """Return the place of the statement that binds a name, if it is the last one that has to do with the name."""
    for place in range(len(before) - 1, -1, -1):
        if any(name in mentioned(stmt) for stmt in statements((before[place],))):
            stmt = before[place]
            return place if isinstance(stmt, Let) and stmt.target.name == name else None
    return None


def _turned(loop: For, body: Block) -> For:
    """Return a loop with its turns in the opposite order."""
    by = -1 if loop.step == Lit(1) else 1
    start, stop = shifted(loop.stop, by), shifted(loop.start, by)
    return replace(loop, start=start, stop=stop, step=Lit(by), body=body)
