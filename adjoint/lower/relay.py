"""What a loop adds to the element that its next turn takes is handed on as a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.ranges import counts_by_one, ends, may_be_asked_again
from adjoint.analysis.written import offset_from, shifted
from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store
from adjoint.ir.walk import map_blocks, names_in, with_body
from adjoint.lower.accesses import apart
from adjoint.lower.context import Context
from adjoint.lower.subset import number
from adjoint.rules.numba_types import Type, is_array, types
from adjoint.rules.typing import expr_type


def relay(func: Func, context: Context) -> Func:
    """Keep `t` of `x[j - 1] += t` for the next turn, where that reads the element and overwrites it.

    Nothing else in the loop has to do with these elements. What the last turn adds is added after the loop.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], y: float64[:]):
    ...     for j in range(dim(x, 0) - 1, 0, -1):
    ...         t: float64 = x[j]
    ...         x[j] = 0.0
    ...         y[j] = t
    ...         x[j - 1] += 0.5 * t
    ... '''))
    >>> print(text(relay(func, context)), end="")
    def f(x, y):
        if 1 < x.shape[0]:
            _1 = 0.0
            for j in range(x.shape[0] - 1, 0, -1):
                t = x[j] + _1
                x[j] = 0.0
                y[j] = t
                _1 = 0.5 * t
            x[0] += _1
    """
    body = _Relay(func, context).block(func.body, None)
    return func if body is func.body else with_body(func, body)


@dataclass(frozen=True, slots=True)
class _Turn:
    """The statements of a turn that take an element, overwrite it and add to that of the next turn.

    `beyond` is what the subscript of the element is beyond the index of the loop.
    """

    take: Let
    overwrite: Store
    add: Accum
    beyond: int


class _Relay:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.accesses = context.accesses(func)

    def block(self, block: Block, known: Expr | None) -> Block:
        """Change the loops in a block; `known` is a condition under which its first statement runs."""
        out: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, For) and _is_plain(stmt):
                out += self.loop(stmt, None if out else known)
            elif isinstance(stmt, If) and not stmt.merges:
                out.append(replace(stmt, then=self.block(stmt.then, stmt.cond), orelse=self.block(stmt.orelse, None)))
            else:
                out.append(map_blocks(stmt, lambda inner: self.block(inner, None)))
        same = len(out) == len(block) and all(a is b for a, b in zip(out, block, strict=True))
        return block if same else tuple(out)

    def loop(self, loop: For, known: Expr | None) -> Sequence[Stmt]:
        turn = next((found for stmt in loop.body if isinstance(stmt, Accum) and (found := self.turn(loop, stmt))), None)
        between = ends(loop)
        if turn is None or between is None:
            return [loop]
        target, (*lead, _) = turn.add.target, turn.add.index
        dtype: Type = self.context.kinds[target.name].dtype
        handed = self.context.temporary(dtype)
        new: dict[int, Stmt] = {
            id(turn.take): replace(turn.take, value=Call("add", (turn.take.value, handed))),
            id(turn.add): Let(handed, turn.add.value, turn.add.loc),
        }
        last = Accum(target, (*lead, shifted(loop.stop, turn.beyond)), handed, turn.add.loc)
        changed = replace(loop, body=tuple(new.get(id(stmt), stmt) for stmt in loop.body))
        work = (Let(handed, number(0.0, dtype)), changed, last)
        runs = Call("lt", between)
        return work if runs == known else [If(runs, work)]

    def turn(self, loop: For, add: Accum) -> _Turn | None:
        """Return the parts of a turn that a sum is one of, if these are all that use its elements."""
        facts, kind = self.accesses.of(loop), self.context.kinds.get(add.target.name)
        if not add.index or facts.effect or add.target.name in facts.binds or not self.fits(kind, add):
            return None
        *lead, last = add.index
        offset = offset_from(last, loop.index.name)
        names = {name for each in lead for name in names_in(each)}
        if offset is None or names & (facts.binds | {a.name for a in facts.accesses if a.writes}):
            return None
        beyond = offset - (1 if loop.step == Lit(1) else -1)
        place = (*lead, shifted(loop.index, beyond))
        if not all(map(self.context.is_natural, (*add.index, *place))):
            return None
        users = tuple(stmt for stmt in loop.body if self.uses(stmt, add, facts.binds))
        match users:
            case [Let() as take, Store(_, index) as store, Accum()] | [
                Let() as take,
                Accum(),
                Store(_, index) as store,
            ]:
                there = Call("getitem", (add.target, *place))
                alone = take.value == there and index == place and take.target.name != add.target.name
                return _Turn(take, store, add, beyond) if alone and self.is_only(take, store, add) else None
            case _:
                return None

    def fits(self, kind: Type, add: Accum) -> bool:
        """Whether a sum adds a real number of the type that the elements have."""
        if not is_array(kind) or kind.ndim != len(add.index) or not isinstance(kind.dtype, types.Float):
            return False
        try:
            return expr_type(add.value, self.context.kinds) == kind.dtype
        except AdjointError:
            return False

    def uses(self, stmt: Stmt, add: Accum, moving: set[str]) -> bool:
        """Whether a statement may have to do with elements of the row that is added to."""
        cls = self.accesses.class_of(add.target.name)
        for access in (a for a in self.accesses.of(stmt).accesses if a.cls == cls):
            if access.name != add.target.name or access.index is None:
                return True
            pairs = zip(access.index[:-1], add.index[:-1], strict=True)
            if not any(apart(a, b, moving, self.context.is_natural) for a, b in pairs):
                return True
        return False

    def is_only(self, take: Let, store: Store, add: Accum) -> bool:
        """Whether values that are stored and added don't read the array."""
        cls = self.accesses.class_of(add.target.name)
        counts = [sum(a.cls == cls for a in self.accesses.of(stmt).accesses) for stmt in (take, store, add)]
        return counts == [1, 1, 1] and store.array == add.target


def _is_plain(loop: For) -> bool:
    if not counts_by_one(loop):
        return False
    if not all(isinstance(stmt, Let | Store | Accum | Comment) for stmt in loop.body):
        return False
    return may_be_asked_again(loop)
