"""Short branches of innermost loops are taken in all iterations, and what they give is chosen: the loops vectorise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from adjoint.analysis.iterations import exposed, read_after, term
from adjoint.analysis.linear import Linear
from adjoint.analysis.written import offset_from
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import (
    bound,
    map_blocks,
    map_operands,
    mentioned,
    names_in,
    operands,
    statements,
    subexpressions,
    substitute,
    with_body,
)
from adjoint.lower.context import Context
from adjoint.lower.iteration import settled, targets, written
from adjoint.lower.layout import elements
from adjoint.lower.sides import Sides
from adjoint.lower.subset import number
from adjoint.lower.uses import mentions
from adjoint.lower.views import Shape
from adjoint.rules.numba_types import Type, is_array, is_number, types

GAIN = 3  # how much faster a loop is with vectors, and branches that aren't foreseen
_COSTS = {"div": 4, "sqrt": 4, "pow": 2, "sign": 2, "getitem": 0}  # what operations count for that aren't worth 1
_CHEAP = frozenset("add sub mul div neg pos abs sign sqrt pow getitem maximum minimum select and or not".split())
_COMPARISONS = frozenset("lt le gt ge eq ne".split())
_CHOOSING = frozenset("select and or".split())

Element = tuple[str, tuple[Expr, ...]]


def if_convert(func: Func, context: Context) -> Func:
    """Do what a short branch does in all iterations of an innermost loop, and keep it where its condition holds.

    LLVM doesn't vectorise loops that store under a condition. The branch has arithmetic and elements in it that there
    are in any case, and no more of them than the rest of the loop. Where a condition compares the index with a number
    that is the same in the loops around, the loop had better be cut in two.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], i: int64, n: int64):
    ...     for i in range(n):
    ...         for j in range(n):
    ...             t: float64 = y[j] * y[j]
    ...             x[j] += t
    ...             if i < j:
    ...                 x[j] += y[j]
    ... ''')
    >>> print(text(if_convert(func, Context.of(func))), end="")
    def f(x, y, i, n):
        for i in range(n):
            for j in range(n):
                t = y[j] * y[j]
                x[j] += t
                x[j] += y[j] if i < j else 0.0
    """
    loops = (stmt for stmt in statements(func.body) if isinstance(stmt, For) and _is_plain(stmt))
    if not any(isinstance(stmt, If) for loop in loops for stmt in loop.body):
        return func
    converter = _Converter(func, context)
    body = converter.block(func.body, frozenset(), frozenset())
    return with_body(func, body) if converter.found else func


class _Converter:
    def __init__(self, func: Func, context: Context) -> None:
        self.func = func
        self.context = context
        self.kinds = context.kinds
        self.accesses = context.accesses(func)
        self.mentions = Counter(_mentions(func.body))
        self.bindings = Counter(var.name for stmt in statements(func.body) for var in bound(stmt))
        self.found = False

    def block(self, block: Block, around: frozenset[str], live: frozenset[str]) -> Block:
        """Change loops in a block; `around` are the indices of the loops around it, `live` what is read after it."""
        out: list[Stmt] = []
        for stmt, after in zip(block, read_after(block, live, self.func), strict=True):
            changed = self.loop(stmt, around, after) if isinstance(stmt, For) and _is_plain(stmt) else None
            if changed is None:
                inside = around | {stmt.index.name} if isinstance(stmt, For) else around
                if isinstance(stmt, For | While):
                    after |= self.read(stmt.body)
                changed = map_blocks(stmt, lambda inner, i=inside, a=after: self.block(inner, i, a))
            else:
                self.found = True
            out.append(changed)
        return tuple(out)

    def read(self, block: Block) -> frozenset[str]:
        """Return the names whose values at the start of a block may be used in it."""
        return frozenset(exposed(block, (), self.func)[0])

    # -- which loops ---------------------------------------------------------------------------------------------

    def loop(self, loop: For, around: frozenset[str], live: frozenset[str]) -> For | None:
        branches = [stmt for stmt in loop.body if isinstance(stmt, If)]
        rest = [stmt for stmt in loop.body if not isinstance(stmt, If)]
        if not branches or any(_is_cut(stmt.cond, loop, around) for stmt in branches):
            return None
        most, least = (sum(_cost(stmt, most=both) for stmt in loop.body) for both in (True, False))
        if most > GAIN * least:
            return None
        own = {target.name for stmt in rest for target in targets(stmt) if self.bindings[target.name] == 1}
        moved = {target.name for stmt in statements(loop.body) for target in targets(stmt)} - own
        there = {element for stmt in rest for element in self.certain(stmt)}
        there = {each for each in there if moved.isdisjoint(name for place in each[1] for name in names_in(place))}
        straight = self.straight(loop.body, there, live | self.read(loop.body))
        if straight is None:
            return None
        before, now = Counter(_mentions(loop.body)), Counter(_mentions(straight))
        counts = {name: self.mentions[name] - before[name] + times for name, times in now.items()}
        changed = replace(loop, body=settled(straight, counts))
        return changed if self.is_parallel(changed) else None

    def is_parallel(self, loop: For) -> bool:
        """Whether a loop hands on nothing but sums, and stores side by side, or always in one place."""
        early = exposed(loop.body, {loop.index.name}, self.func)[0]
        moving = {target.name for stmt in statements(loop.body) for target in targets(stmt)} | {loop.index.name}
        for stmt in statements(loop.body):
            if isinstance(stmt, Let) and stmt.target.name in early and term(stmt, stmt.target.name) is None:
                return False
            for place in stmt.index if isinstance(stmt, Store | Accum) else ():
                if not moving.isdisjoint(names_in(place)) and offset_from(place, loop.index.name) is None:
                    return False
        return True

    # -- branches ------------------------------------------------------------------------------------------------

    def straight(self, block: Block, there: set[Element], live: frozenset[str]) -> Block | None:
        """Return a block without branches; None if that can't be done.

        `there` are the elements that are always used, `live` the names that are read after the block.
        """
        out: list[Stmt] = []
        for stmt, after in zip(block, read_after(block, live, self.func), strict=True):
            done = self.branch(stmt, there, after) if isinstance(stmt, If) else (stmt,)
            if done is None:
                return None
            out += done
        return tuple(out)

    def branch(self, stmt: If, there: set[Element], live: frozenset[str]) -> list[Stmt] | None:
        sides = (settled(side, self.mentions) for side in (stmt.then, stmt.orelse))
        then, orelse = (self.straight(side, there, live) for side in sides)
        if stmt.merges or then is None or orelse is None:
            return None
        if not all(self.may_stand(each, there) for each in (*then, *orelse)):
            return None
        out: list[Stmt] = []
        cond = stmt.cond
        if not _is_comparison(cond) or {t.name for s in (*then, *orelse) for t in targets(s)} & set(names_in(cond)):
            cond = self.context.temporary(types.boolean)
            out.append(Let(cond, stmt.cond, stmt.loc))
        sides = Sides(list(then), list(orelse), self.accesses, live)
        out += sides.first()
        last = sides.last()
        taken = self.chosen(sides.then, cond, live, holds=True)
        other = self.chosen(sides.orelse, cond, live, holds=False)
        if taken is None or other is None:
            return None
        out += [*taken[0], *other[0]]
        for one, two in last:
            value, instead = substitute(one.value, taken[1]), substitute(two.value, other[1])
            out.append(replace(one, value=_select(cond, value, instead, True)))
        # A name that has no value yet in the iteration is found by `is_parallel`: it would be handed on.
        for name in {**taken[1], **other[1]}:
            value = self.merged(cond, taken[1].get(name, Var(name)), other[1].get(name, Var(name)))
            out.append(Let(Var(name), value, stmt.loc))
        return out

    def chosen(
        self, block: Sequence[Stmt], cond: Expr, live: frozenset[str], *, holds: bool
    ) -> tuple[list[Stmt], dict[str, Expr]] | None:
        """Return what is done of one side in any case, and the values that names read later have on this side."""
        values: dict[str, Expr] = {}
        out: list[Stmt] = []
        for k, stmt in enumerate(block):
            stmt = map_operands(stmt, lambda expr: substitute(expr, values))
            match stmt:
                case Let(target, value) if (more := term(stmt, target.name)) is not None and target.name not in values:
                    nothing = number(0.0, self.kind(more))
                    assert isinstance(value, Call)
                    out.append(replace(stmt, value=replace(value, args=(target, _select(cond, more, nothing, holds)))))
                case Let(target, value) if target.name in live:
                    if not self.waits(stmt, block[k + 1 :]):
                        value = self.context.renewed(target.name)
                        out.append(replace(stmt, target=value))
                    values[target.name] = value
                case Accum(target) if target.name in values:
                    return None
                case Accum(_, _, value):
                    out.append(replace(stmt, value=_select(cond, value, number(0.0, self.kind(value)), holds)))
                case Store(array, index, value):
                    out.append(replace(stmt, value=_select(cond, value, Call("getitem", (array, *index)), holds)))
                case _:
                    out.append(stmt)
        return out, values

    def merged(self, cond: Expr, taken: Expr, other: Expr) -> Expr:
        """Return the value of a name that both branches set: a sum if one adds to what the other keeps."""
        match taken, other:
            case Call("add" | "sub", (first, more)), kept if first == kept:
                return replace(taken, args=(first, _select(cond, more, number(0.0, self.kind(more)), True)))
            case kept, Call("add" | "sub", (first, more)) if first == kept:
                return replace(other, args=(first, _select(cond, more, number(0.0, self.kind(more)), False)))
            case _:
                return _select(cond, taken, other, True)

    def waits(self, stmt: Let, rest: Sequence[Stmt]) -> bool:
        """Whether a value may as well be computed after other statements, none of which uses it."""
        names = {self.context.class_of(name) for name in names_in(stmt.value)}
        changed = {self.context.class_of(name) for each in rest for name in written(each)}
        return names.isdisjoint(changed) and not any(mentions(each, stmt.target.name) for each in rest)

    # -- what may be done in any iteration -----------------------------------------------------------------------

    def may_stand(self, stmt: Stmt, there: set[Element]) -> bool:
        """Whether a statement of a branch may be done where its condition doesn't hold, and isn't much work."""
        match stmt:
            case Comment():
                return True
            case Let(target, value):
                kept = is_number(self.kinds.get(target.name)) and self.kind(value) == self.kinds[target.name]
            case Accum(target, index, value) | Store(target, index, value):
                kind: Type = self.kinds.get(target.name)
                dtype = kind.dtype if index and is_array(kind) else kind
                kept = is_number(dtype) and self.kind(value) == dtype
            case _:
                return False
        parts = [part for expr in operands(stmt) for part in subexpressions(expr)]
        cheap = all(self.is_cheap(part) for part in parts if isinstance(part, Call))
        return kept and cheap and all(each in there or self.exists(each, there) for each in _elements(stmt))

    def kind(self, expr: Expr) -> Type:
        return self.context.facts.type_of(expr)

    def is_cheap(self, call: Call) -> bool:
        match call:
            case Call("getitem", (Var(name), *index)):
                return self.is_element(name, tuple(index))
            case Call("pow", (_, exponent)):
                return isinstance(exponent, Lit)
            case Call("div"):
                return isinstance(self.kind(call), types.Float)
            case Call(prim):
                return prim != "getitem" and (prim in _CHEAP or prim in _COMPARISONS)

    def is_element(self, name: str, index: tuple[Expr, ...]) -> bool:
        kind: Type = self.kinds.get(name)
        if not is_array(kind) or kind.ndim != len(index) or not is_number(kind.dtype):
            return False
        return all(isinstance(self.kind(place), types.Integer) for place in index)

    def certain(self, stmt: Stmt) -> Iterator[Element]:
        """Yield the elements that a statement uses in any case."""
        if not any(isinstance(e, Call) and not _CHOOSING.isdisjoint(e.prims) for e in operands(stmt)):
            yield from (each for each in _elements(stmt) if self.is_element(*each))

    def exists(self, element: Element, there: set[Element]) -> bool:
        """Whether an array certainly has an element: one of the same shape has, or the indices are in its range."""
        name, index = element
        shape = self.shape(name)
        if shape is None or not self.is_element(name, index) or len(shape) != len(index):
            return False
        if any(place == index and self.shape(other) == shape for other, place in there):
            return True
        return all(self.is_within(place, size) for place, size in zip(index, shape, strict=True))

    def shape(self, name: str) -> Shape | None:
        if self.bindings[name] > 1:
            return None
        return self.context.made.get(name) or self.context.facts.shapes.get(name)

    def is_within(self, place: Expr, size: Linear) -> bool:
        """Whether an index of a loop, or what is beyond it by a number, is in the range of an axis."""
        symbols = self.context.facts.symbols
        base = next(iter(names_in(place)), "")
        span, offset = self.context.spans.get(base), offset_from(place, base)
        if span is None or offset is None or self.bindings[base] > 1:
            return False
        end, clipped = span.stop.plus(offset), symbols.unclipped(size)
        return symbols.never_negative(span.start.plus(offset)) and (
            symbols.never_negative(size - end) or symbols.never_negative(clipped - end)
        )


def _is_plain(loop: For) -> bool:
    if loop.until is not None or loop.parallel or loop.carried or not isinstance(loop.step, Lit):
        return False
    return all(isinstance(stmt, Let | Store | Accum | If | Comment) for stmt in statements(loop.body))


def _mentions(block: Block) -> Iterator[str]:
    return (name for stmt in statements(block) for name in mentioned(stmt))


def _is_cut(cond: Expr, loop: For, around: frozenset[str]) -> bool:
    """Whether a loop is better cut where a condition changes: there are few such places, the same all over."""
    match cond:
        case Call(prim, (left, right)) if prim in _COMPARISONS and loop.index in (left, right):
            other = right if left == loop.index else left
            return prim in ("eq", "ne") or around.isdisjoint(names_in(other))
        case _:
            return False


def _is_comparison(cond: Expr) -> bool:
    """Whether a condition may as well be asked several times."""
    match cond:
        case Call(prim, (left, right)):
            return prim in _COMPARISONS and isinstance(left, Var | Lit) and isinstance(right, Var | Lit)
        case _:
            return isinstance(cond, Var)


def _elements(stmt: Stmt) -> Iterator[Element]:
    return ((each.name, each.index) for each in elements((stmt,)))


def _cost(stmt: Stmt, *, most: bool) -> int:
    """Return the operations of a statement, with both sides of a branch, or else the shorter one."""
    parts = [part for expr in operands(stmt) for part in subexpressions(expr) if isinstance(part, Call)]
    own = isinstance(stmt, Accum) + sum(_COSTS.get(part.prim, 1) for part in parts)
    if not isinstance(stmt, If):
        return own
    sides = [sum(_cost(each, most=most) for each in side) for side in (stmt.then, stmt.orelse)]
    return own + (sum(sides) if most else min(sides))


def _select(cond: Expr, value: Expr, other: Expr, holds: bool) -> Expr:
    return Call("select", (cond, value, other) if holds else (cond, other, value))
