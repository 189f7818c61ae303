"""What all iterations of a loop have in common is computed once, before it; what they add in the same way, after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from adjoint.analysis.effects import is_pure
from adjoint.analysis.iterations import term
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Var
from adjoint.ir.walk import bound, map_blocks, mentioned, mentioned_within, mentions_of, names_in, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.own_names import own_names
from adjoint.rules.numba_types import is_number

_MAY_FAIL = frozenset({"floordiv", "mod"})  # of whole numbers, where the loop isn't run
_PER_SUM = 2  # how often `s += e` mentions `s`


def outward(func: Func, context: Context) -> Func:
    """Leave nothing in a loop but the loop in it, where the rest can be done before and after.

    What an iteration computes of numbers that stay the same goes before. A sum that starts anew in each iteration, and
    of which multiples are added to others, goes on instead, and is added after the last iteration: the derivative of
    something that all iterations have in common comes together first.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:, :], s: float64, n: int64):
    ...     s_bar: float64 = 0.0
    ...     for t in range(n):
    ...         p: float64 = 2.0 * s
    ...         p_bar: float64 = 0.0
    ...         for i in range(dim(x, 0)):
    ...             x[i, t] = x[i, t] * p
    ...             p_bar += x[i, t]
    ...         s_bar += 2.0 * p_bar
    ...     return s_bar
    ... ''')
    >>> print(text(outward(before, Context.of(before))), end="")
    def f(x, s, n):
        s_bar = 0.0
        p = 2.0 * s
        p_bar = 0.0
        for t in range(n):
            for i in range(x.shape[0]):
                x[i, t] *= p
                p_bar += x[i, t]
        if 0 < n:
            s_bar += 2.0 * p_bar
        return s_bar
    """
    if not any(_inner(stmt) for stmt in statements(func.body)):
        return func
    func = own_names(func, context)
    func = with_body(func, with_sums(func.body, mentions_of(func)))
    mover = _Mover(context, mentions_of(func))
    return with_body(func, mover.block(func.body))


def _inner(stmt: Stmt) -> int | None:
    """Return where in a loop, with other statements around, its one inner loop is."""
    if not isinstance(stmt, For) or stmt.until is not None or stmt.parallel or stmt.step not in (Lit(1), Lit(-1)):
        return None
    rest = [each for each in stmt.body if not isinstance(each, Comment)]
    loops = [place for place, each in enumerate(stmt.body) if isinstance(each, For)]
    numbers = all(isinstance(each, For | Let) or isinstance(each, Accum) and not each.index for each in rest)
    return loops[0] if numbers and len(loops) == 1 and len(rest) > 1 else None


def with_sums(block: Block, uses: Mapping[str, int]) -> Block:
    """Write `t = s + e`, and further on `s = t`, as `s += e`."""
    out: list[Stmt] = []
    for stmt in block:
        stmt = map_blocks(stmt, lambda inner: with_sums(inner, uses))
        match stmt:
            case Let(Var(total), Var(name)) if uses[name] == _PER_SUM:
                sums = {k: replace(s, target=Var(total)) for k, s in enumerate(out) if _binds(s, name)}
                place = next((k for k, added in sums.items() if term(added, total) is not None), None)
                if place is None or any(total in mentioned_within(each) for each in out[place + 1 :]):
                    out.append(stmt)
                else:
                    out[place] = sums[place]
            case _:
                out.append(stmt)
    return tuple(out)


def _binds(stmt: Stmt, name: str) -> TypeGuard[Let]:
    return isinstance(stmt, Let) and stmt.target.name == name


@dataclass(slots=True)
class _Parts:
    """What goes before a loop, and after it, by where each name gets its value."""

    before: list[Stmt] = field(default_factory=list[Stmt])
    after: list[Stmt] = field(default_factory=list[Stmt])
    sums: set[str] = field(default_factory=set[str])


class _Mover:
    def __init__(self, context: Context, mentions: Mapping[str, int]) -> None:
        self.context = context
        self.mentions = mentions

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self.moved(map_blocks(stmt, self.block), stmt))

    def moved(self, stmt: Stmt, before: Stmt) -> Iterator[Stmt]:
        place = _inner(stmt)
        parts = None if place is None else _Loop(self, stmt, before).parts(place)
        if parts is None or place is None or not isinstance(stmt, For):
            yield stmt
            return
        yield from parts.before
        body = tuple(each for each in stmt.body if isinstance(each, Comment) or each is stmt.body[place])
        yield replace(stmt, body=body)
        if parts.after:
            runs = (stmt.start, stmt.stop) if stmt.step == Lit(1) else (stmt.stop, stmt.start)
            yield If(Call("lt", runs), tuple(parts.after), ())


class _Loop:
    """A loop, of which all but an inner loop is to be moved out."""

    def __init__(self, mover: _Mover, stmt: Stmt, before: Stmt) -> None:
        """Take stock of a loop, and of what it was before loops in it were changed."""
        self.loop = stmt
        self.mover = mover
        everything = list(statements((before,)))
        self.times = Counter(var.name for each in everything for var in bound(each))
        self.inside = Counter(name for each in everything for name in mentioned(each))
        self.moving = set(self.times)

    def parts(self, place: int) -> _Parts | None:
        """Return what goes before and after the loop; None if anything has to stay."""
        body = self.loop.body if isinstance(self.loop, For) else ()
        inner = body[place]
        parts = _Parts()
        for stmt in (*body[:place], *body[place + 1 :]):
            if isinstance(stmt, Comment):
                continue
            known = self.starts_sum(stmt, inner, parts) if stmt in body[:place] else self.adds(stmt, parts)
            if not known and not self.is_fixed(stmt, parts):
                return None
        return parts

    def is_own(self, name: str) -> bool:
        """Whether a name is a number that nothing outside of the loop uses."""
        kind = self.mover.context.kinds.get(name)
        return kind is not None and is_number(kind) and self.inside[name] == self.mover.mentions[name]

    def is_fixed(self, stmt: Stmt, parts: _Parts) -> bool:
        """Whether a statement computes the same in each iteration; then it goes before the loop."""
        match stmt:
            case Let(Var(name), value) if self.times[name] == 1 and self.is_own(name) and self.is_same(value):
                parts.before.append(stmt)
                self.moving.discard(name)
                return True
            case _:
                return False

    def is_same(self, expr: Expr) -> bool:
        kinds = self.mover.context.kinds
        calls = expr.prims if isinstance(expr, Call) else ()
        return (
            self.moving.isdisjoint(names_in(expr))
            and all((kind := kinds.get(name)) is not None and is_number(kind) for name in names_in(expr))
            and is_pure(expr)
            and not any(prim in _MAY_FAIL or prim.startswith(("ref:", "random.")) for prim in calls)
        )

    def starts_sum(self, stmt: Stmt, inner: Stmt, parts: _Parts) -> bool:
        """Whether a statement starts a sum of what an inner loop adds."""
        match stmt:
            case Let(Var(name), Lit(value)) if value == 0 and self.is_own(name):
                added = sum(term(each, name) is not None for each in statements((inner,)))
                read = sum(mentioned(each).count(name) for each in statements((inner,)))
                if self.times[name] != 1 + added or read != _PER_SUM * added or not added:
                    return False
                parts.before.append(stmt)
                parts.sums.add(name)
                return True
            case _:
                return False

    def adds(self, stmt: Stmt, parts: _Parts) -> bool:
        """Whether a statement after the inner loop adds a multiple of sums to a number that nothing else here uses."""
        if not isinstance(stmt, Let | Accum):
            return False
        name = stmt.target.name
        if (added := term(stmt, name)) is not None:
            alone = _PER_SUM * self.times[name] == self.inside[name] and name not in parts.sums
            if not alone or not self.is_multiple(added, parts):
                return False
        elif self.times[name] == 1 and self.is_own(name) and self.is_multiple(stmt.value, parts):
            parts.sums.add(name)
        else:
            return False
        parts.after.append(stmt)
        return True

    def is_multiple(self, expr: Expr, parts: _Parts) -> bool:
        match expr:
            case Var(name):
                return name in parts.sums
            case Call("mul", (a, b)):
                return any(self.is_multiple(x, parts) and self.is_same(y) for x, y in ((a, b), (b, a)))
            case Call("div", (a, b)):
                return self.is_multiple(a, parts) and self.is_same(b)
            case Call("neg", (a,)):
                return self.is_multiple(a, parts)
            case Call("add" | "sub", (a, b)):
                return self.is_multiple(a, parts) and self.is_multiple(b, parts)
            case _:
                return False
