"""What adds only zeros unless a condition holds goes into the branch that asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.effects import is_pure
from adjoint.analysis.iterations import term
from adjoint.analysis.liveness import Site
from adjoint.ir import Accum, Block, Call, Comment, Effect, Expr, For, Func, If, Let, Return, Stmt, Store, Var
from adjoint.ir.walk import bound, mentioned_within, names_in, operands, statements, statements_of, with_body
from adjoint.transform.dce import eliminate
from adjoint.transform.skip import ALWAYS, NEVER, Skipper, Zeros, has_zero

_COTANGENT = re.compile(r"_bar(_\d+)*$")


def sink(func: Func) -> Func:
    """Return an imperative program that leaves out sums of what is zero, where branches say so.

    The adjoint of `if near: e += f(r)` gives `r` the cotangent zero on the other side. What follows from it, the
    adjoint of the statements that computed `r`, has nothing to add there, and stands in the branch.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(e: float64, r: float64, x: float64[:], x_bar: float64[:], n: int64):
    ...     for i in range(n):
    ...         if r < x[i]:
    ...             r_bar: float64 = e * r
    ...         else:
    ...             r_bar = 0.0
    ...         d: float64 = 2.0 * r_bar
    ...         x_bar[i] += d * x[i]
    ...     return x_bar
    ... ''')
    >>> print(text(sink(func)), end="")
    def f(e, r, x, x_bar, n):
        for i in range(n):
            if r < x[i]:
                r_bar = e * r
                d = 2.0 * r_bar
                x_bar[i] += d * x[i]
        return x_bar

    A product with zero may be no number. That it is left out is what the branch says: nothing depends on that value.
    So this is done with zeros that are cotangents, not with those of the user.
    """
    lets = (stmt for stmt in statements_of(func) if isinstance(stmt, Let))
    if not any(_is_cotangent(stmt.target.name) and has_zero(stmt.value) for stmt in lets):
        return func
    sinker = _Sinker(func)
    body = sinker.block(sinker.sites, {})
    # What has gone into a branch may go into one in it.
    return sink(eliminate(with_body(func, body))) if sinker.found else func


@dataclass(frozen=True, slots=True)
class _Later:
    """A statement after a branch; `test` is the condition without which it adds zeros."""

    stmt: Stmt
    test: Expr


class _Sinker(Skipper):
    def __init__(self, func: Func) -> None:
        super().__init__(func)
        self.found = False
        self.cotangent = False  # whether the statement in hand makes a cotangent

    def unless(self, value: Expr, zeros: Zeros) -> Expr:
        """Return the condition without which a value is zero because a cotangent is."""
        return ALWAYS if has_zero(value) and not self.cotangent else super().unless(value, zeros)

    def stmt(self, site: Site, zeros: Zeros) -> Stmt:
        self.cotangent = isinstance(site.stmt, Let) and _is_cotangent(site.stmt.target.name)
        return super().stmt(site, zeros)

    def test(self, loop: For, site: Site, zeros: Zeros) -> Expr | None:
        """Loops get no condition of their own."""
        return None

    def idle_unless(self, site: Site, zeros: Zeros) -> Expr:
        """Return the condition without which a statement adds zeros."""
        self.cotangent = False
        match site.stmt:
            case Accum(_, _, value) if is_pure(value):
                return self.unless(value, zeros)
            case Let(Var(name)) as let if (value := term(let, name)) is not None and is_pure(value):
                return self.unless(value, zeros)
            case For() as loop:
                return super().test(loop, site, zeros) or ALWAYS
            case _:
                return ALWAYS

    def block(self, sites: tuple[Site, ...], zeros: Zeros) -> Block:
        out: list[_Later] = []
        for site in sites:
            test = self.idle_unless(site, zeros)
            changed = self.stmt(site, zeros)
            if test == NEVER:
                self.found = True
            else:
                out.append(_Later(changed, test))
        for k in range(len(out) - 1, -1, -1):
            out = self.sunk(out, k, sites[-1])
        return tuple(each.stmt for each in out)

    def sunk(self, block: list[_Later], at: int, last: Site) -> list[_Later]:
        """Put what adds zeros unless a branch is taken into that branch; `last` is where the block ends."""
        branch = block[at].stmt
        if not isinstance(branch, If) or branch.merges:
            return block
        rest = block[at + 1 :]
        sides = {branch.cond: True, Call("not", (branch.cond,)): False}
        for cond, side in sides.items():
            moved = self.movable(rest, cond, last)
            if not moved:
                continue
            self.found = True
            comments, gone = _comments(rest, moved)
            inside = tuple(each.stmt for k, each in enumerate(rest) if k in moved | comments)
            rest = [each for k, each in enumerate(rest) if k not in moved | gone]
            if side:
                branch = replace(branch, then=(*branch.then, *inside))
            else:
                branch = replace(branch, orelse=(*branch.orelse, *inside))
        return [*block[:at], _Later(branch, block[at].test), *rest]

    def movable(self, rest: Sequence[_Later], cond: Expr, last: Site) -> set[int]:
        """Return the places of the statements that may stand in a branch: sums, and what is computed for them."""
        sums = {k for k, each in enumerate(rest) if cond in _parts(each.test)}
        stay = set[int]()
        while sums:
            moved = sums | self.needed(rest, sums, stay, last)
            staying = [k for k in range(len(rest)) if k not in moved]
            wrong = {k for k in moved if any(u < k and self.conflict(rest[u].stmt, rest[k].stmt) for u in staying)}
            if not wrong:
                return moved
            # A statement that has to stay keeps what it is computed for.
            stay |= wrong
            sums -= wrong
        return set()

    def needed(self, rest: Sequence[_Later], sums: set[int], stay: set[int], last: Site) -> set[int]:
        """Return the places of the bindings that nothing but the sums, and one another, read."""
        found: set[int] = set()
        for k in range(max(sums), -1, -1):
            stmt = rest[k].stmt
            if k in stay or not isinstance(stmt, Let) or not is_pure(stmt.value):
                continue
            name = stmt.target.name
            if self.facts.is_live_after(last, name):
                continue
            users = [j for j, each in enumerate(rest) if j != k and name in mentioned_within(each.stmt)]
            if users and all(j > k and (j in sums or j in found) for j in users):
                found.add(k)
        return found

    def conflict(self, first: Stmt, second: Stmt) -> bool:
        """Whether a statement may not be done before another one that stands before it."""
        after = list(statements((second,)))
        read = self.classes_of(name for stmt in after for name in _reads(stmt))
        added = self.classes_of(name for stmt in after if isinstance(stmt, Accum) for name in _changes(stmt))
        changed = self.classes_of(name for stmt in after if not isinstance(stmt, Accum) for name in _changes(stmt))
        for stmt in statements((first,)):
            before, sums = self.classes_of(_changes(stmt)), isinstance(stmt, Accum)
            if isinstance(stmt, Effect | Return) or before & read or (changed | added) & self.classes_of(_reads(stmt)):
                return True
            if before & changed or not sums and before & added:
                return True
        return False

    def classes_of(self, names: Iterable[str]) -> set[str]:
        return set(map(self.class_of, names))


def _parts(test: Expr) -> tuple[Expr, ...]:
    """Return conditions all of which hold where one does: itself, and the first of two that it joins."""
    match test:
        case Call("and", (first, _)):
            return test, *_parts(first)
        case _:
            return (test,)


def _is_cotangent(name: str) -> bool:
    return _COTANGENT.search(name) is not None


def _changes(stmt: Stmt) -> Iterator[str]:
    """Yield the names that a statement changes; the index of a loop is its own."""
    yield from (var.name for var in bound(stmt) if not isinstance(stmt, For))
    match stmt:
        case Accum(Var(name)) | Store(Var(name)):
            yield name
        case _:
            pass


def _reads(stmt: Stmt) -> tuple[str, ...]:
    """Return the names that a statement reads, but for what it adds to."""
    exprs = (*stmt.index, stmt.value) if isinstance(stmt, Accum) else operands(stmt)
    return tuple(name for expr in exprs for name in names_in(expr))


def _comments(rest: Sequence[_Later], moved: set[int]) -> tuple[set[int], set[int]]:
    """Return the places of the comments on statements that go, and of those that have no other statements."""
    found, gone = set[int](), set[int]()
    goes = stays = False
    for k in range(len(rest) - 1, -1, -1):
        if isinstance(rest[k].stmt, Comment):
            found |= {k} if goes else set()
            gone |= {k} if goes and not stays else set()
            goes = stays = False
        elif not isinstance(rest[k].stmt, Return):
            goes, stays = goes or k in moved, stays or k not in moved
    return found, gone
