"""A loop that hands an element on to its next turn does all that doesn't wait for it in a loop of its own, before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from adjoint.analysis.ranges import counts_by_one, ends, may_be_asked_again, runs
from adjoint.analysis.written import offset_from, shifted
from adjoint.errors import AdjointError
from adjoint.ir import Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import (
    map_blocks,
    map_expr,
    mentioned,
    mentions_of,
    names_in,
    subexpressions,
    substitute,
    with_body,
)
from adjoint.lower.accesses import Access, apart
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, array, is_array, of_dtype, types
from adjoint.rules.typing import expr_type

FEWEST = 3  # elements that a turn must read for its rest to be worth a loop


def scan(func: Func, context: Context) -> Func:
    """Part `x[j] = rest + factor * x[j - 1]` into a loop over `rest`, which vectorises, and one over the sum.

    Numbers are the same to rounding, not to the bit: the element is added last, and scaled by itself.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:, :], i: int64, n: int64):
    ...     for j in range(1, n):
    ...         s: float64 = x[i, j - 1] + x[i, j] + x[i + 1, j]
    ...         x[i, j] = s / 3.0
    ... '''))
    >>> context.natural["i"] = True
    >>> print(text(scan(func, context)), end="")
    def f(x, i, n):
        x_known = np.empty(max(n, 0))
        if 1 < n:
            for j in range(1, n):
                x_known[j] = (x[i, j] + x[i + 1, j]) / 3.0
            _1 = x[i, 0]
            for j in range(1, n):
                _1 = _1 / 3.0 + x_known[j]
                x[i, j] = _1
    """
    return with_body(func, _Parter(func, context).block(func.body))


@dataclass(frozen=True, slots=True)
class _Sum:
    """`rest + factor(x)` for the element `x` that is handed on; None for nothing."""

    rest: Expr | None
    handed: Expr | None


class _Parter:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.accesses = context.accesses(func)
        self.counts = mentions_of(func)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            parted = self.parted(stmt) if isinstance(stmt, For) else None
            out += [map_blocks(stmt, self.block)] if parted is None else parted
        return tuple(out)

    def parted(self, loop: For) -> list[Stmt] | None:
        body = [stmt for stmt in loop.body if not isinstance(stmt, Comment)]
        if not _is_plain(loop) or not body or not isinstance(body[-1], Store):
            return None
        if not all(isinstance(stmt, Let) for stmt in body[:-1]) or not self.is_row(loop, body[-1]):
            return None
        store, step = body[-1], 1 if loop.step == Lit(1) else -1
        before = Call("getitem", (store.array, *store.index[:-1], shifted(store.index[-1], -step)))
        lets = [stmt for stmt in body[:-1] if isinstance(stmt, Let)]
        kept, value = self.inlined(loop, lets, store.value, before)
        if kept is None or not self.may_part(loop, store, before, step):
            return None
        found = _parts(value, before)
        if found is None or found.rest is None or found.handed is None or before in subexpressions(found.rest):
            return None
        if {let.target.name for let in kept} & set(names_in(found.handed)):
            return None
        return self.loops(loop, store, kept, found, before, step)

    def is_row(self, loop: For, store: Store) -> bool:
        """Whether a statement writes a real number into a row, at the index of the loop."""
        kind: Type = self.context.kinds.get(store.array.name)
        if not is_array(kind) or kind.ndim != len(store.index) or not isinstance(kind.dtype, types.Float):
            return False
        return store.index[-1] == loop.index and self.type_of(store.value) == kind.dtype

    def type_of(self, expr: Expr) -> Type:
        try:
            return expr_type(expr, self.context.kinds)
        except AdjointError:
            return None

    def inlined(self, loop: For, lets: list[Let], value: Expr, before: Expr) -> tuple[list[Let] | None, Expr]:
        """Return the statements that don't wait for the element before, and the value without names for the others."""
        inside = Counter(name for stmt in loop.body for name in mentioned(stmt))
        values: dict[str, Expr] = {}
        kept: list[Let] = []
        seen: set[str] = set()
        for let in lets:
            name, new = let.target.name, substitute(let.value, values)
            if name in seen or name in names_in(let.value):
                return None, value  # bound twice
            seen.add(name)
            if before not in subexpressions(new):
                kept.append(let)
            elif inside[name] == self.counts[name] == 2:
                values[name] = new
            else:
                return None, value
        return kept, substitute(value, values)

    def may_part(self, loop: For, store: Store, before: Call, step: int) -> bool:
        """Whether all other elements that the loop reads are the same before it as when it comes to them."""
        facts = self.accesses.of(loop)
        natural = self.context.is_natural
        lead = store.index[:-1]
        moving = facts.binds | {loop.index.name}
        if facts.effect or store.array.name in facts.binds or not (natural(loop.index) and natural(before.args[-1])):
            return False
        if any(isinstance(part, Call) and part.prim not in ("add", "sub") for e in lead for part in subexpressions(e)):
            return False
        if moving & {name for e in lead for name in names_in(e)}:
            return False
        reads = [a for a in facts.accesses if a.cls == self.accesses.class_of(store.array.name) and not a.writes]
        return len(facts.accesses) > FEWEST and all(self.is_old(read, store, before, moving, step) for read in reads)

    def is_old(self, read: Access, store: Store, before: Call, moving: set[str], step: int) -> bool:
        if read.name != store.array.name or read.index is None or len(read.index) != len(store.index):
            return False
        if (store.array, *read.index) == before.args:
            return True
        natural = self.context.is_natural
        if any(apart(a, b, moving, natural) for a, b in zip(read.index[:-1], store.index[:-1], strict=True)):
            return True
        further = offset_from(read.index[-1], store.index[-1].name) if isinstance(store.index[-1], Var) else None
        return (
            read.index[:-1] == store.index[:-1]
            and further is not None
            and further * step >= 0
            and (natural(read.index[-1]))
        )

    def loops(self, loop: For, store: Store, kept: list[Let], found: _Sum, before: Call, step: int) -> list[Stmt]:
        dtype: Type = self.context.kinds[store.array.name].dtype
        hint = self.context.hint(store.array.name)
        base = "_" if hint is None else f"{hint}_known"
        known = self.context.fresh(base, array(dtype, 1), None if hint is None else base)
        handed = self.context.temporary(dtype)
        options = of_dtype(dtype)
        assert found.rest is not None
        assert found.handed is not None
        first = (*kept, Store(known, (loop.index,), found.rest, store.loc))
        start = substitute(before, {loop.index.name: loop.start})
        assert isinstance(start, Call)
        start = replace(start, args=(*start.args[:-1], shifted(loop.start, -step)))
        waiting = map_expr(found.handed, lambda part: handed if part == before else part)
        new = Call("add", (waiting, Call("getitem", (known, loop.index))))
        second = (Let(handed, new, store.loc), Store(store.array, store.index, handed, store.loc))
        work: Block = (
            replace(loop, body=first),
            Let(handed, start),
            replace(loop, body=(*(s for s in loop.body if isinstance(s, Comment)), *second)),
        )
        between, condition = ends(loop), runs(loop)
        assert between is not None
        assert condition is not None
        made = Let(known, Call("empty", (Call("maximum", (between[1], Lit(0)), via="builtin"),), options))
        return [made, If(condition, work)]


def _parts(expr: Expr, before: Expr) -> _Sum | None:
    """Return an expression as a sum of what waits for an element and what doesn't, if it is one."""
    if expr == before:
        return _Sum(None, expr)
    if before not in subexpressions(expr):
        return _Sum(expr, None)
    match expr:
        case Call("add", (a, b)):
            first, second = _parts(a, before), _parts(b, before)
            if first is None or second is None or first.handed is not None and second.handed is not None:
                return None
            rests = [part.rest for part in (first, second) if part.rest is not None]
            rest = Call("add", (rests[0], rests[1])) if len(rests) == 2 else rests[0] if rests else None
            return _Sum(rest, first.handed if first.handed is not None else second.handed)
        case Call("sub", (a, b)) if before not in subexpressions(b):
            first = _parts(a, before)
            if first is None:
                return None
            return _Sum(Call("neg", (b,)) if first.rest is None else Call("sub", (first.rest, b)), first.handed)
        case Call("mul", (Lit() as factor, a)) if _is_finite(factor):
            return _scaled(_parts(a, before), "mul", factor)
        case Call("mul" | "div" as prim, (a, Lit() as factor)) if _is_finite(factor):
            return _scaled(_parts(a, before), prim, factor)
        case Call("mul", args) if before in args and list(subexpressions(expr)).count(before) == 1:
            return _Sum(None, expr)
        case _:
            return None


def _scaled(parts: _Sum | None, prim: str, factor: Lit) -> _Sum | None:
    if parts is None:
        return None
    rest, handed = (None if part is None else Call(prim, (part, factor)) for part in (parts.rest, parts.handed))
    return _Sum(rest, handed)


def _is_finite(factor: Lit) -> bool:
    """Whether sums may be scaled one by one: nothing becomes infinite or not a number by that alone."""
    value = factor.value
    return isinstance(value, int | float) and not isinstance(value, bool) and 1e-9 < abs(value) < 1e9


def _is_plain(loop: For) -> bool:
    """Whether a loop has one range, which may be asked for twice, and isn't known to be short."""
    if not counts_by_one(loop):
        return False
    if isinstance(loop.start, Lit) and isinstance(loop.stop, Lit):
        return False
    return may_be_asked_again(loop)
