"""Arrays that both sides of a branch give a name to are made before it, and filled by both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.memory import written_name
from adjoint.ir import Block, Call, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import bound, map_blocks, mentioned, mentions_of, names_in, nested, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.filling import is_zeros, zero_of
from adjoint.lower.guards import is_guard
from adjoint.lower.iteration import is_empty
from adjoint.lower.uses import is_new_memory, mentions
from adjoint.lower.views import Shape
from adjoint.rules.numba_types import Type, array, is_array
from adjoint.transform.renaming import rename_block


def either(func: Func, context: Context) -> Func:
    """Make arrays before a branch on whose sides they are made, or shown, so that the sides are loops over elements.

    What one side only shows is copied there. Neither it nor what is made of it may be written afterwards.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[::1], n: int64):
    ...     y: float64[::1] = 2.0 * x
    ...     if n > 0:
    ...         z: float64[::1] = y * y
    ...         w: float64[::1] = z
    ...     else:
    ...         w = y
    ...     s: float64 = sum(w)
    ...     return s
    ... '''))
    >>> print(text(either(func, context)), end="")
    def f(x, n):
        y = np.empty(x.shape[0])
        for i in range(x.shape[0]):
            y[i] = 2.0 * x[i]
        w = np.empty(x.shape[0])
        if n > 0:
            for i_1 in range(x.shape[0]):
                w[i_1] = y[i_1] * y[i_1]
        else:
            for i_3 in range(x.shape[0]):
                w[i_3] = y[i_3]
        s = 0.0
        for i_2 in range(x.shape[0]):
            s += w[i_2]
        return s
    """
    if not any(isinstance(stmt, If) and stmt.orelse for stmt in statements(func.body)):
        return func
    func = _under_one_name(func, context)
    return with_body(func, _Maker(func, context).block(func.body))


def _under_one_name(func: Func, context: Context) -> Func:
    """Give arrays one name where they get another one: in one place, or on both sides of a branch."""
    while True:
        everything = list(statements(func.body))
        times = Counter(var.name for stmt in everything for var in bound(stmt))
        names: dict[str, str] = {}
        for stmt in everything:
            match stmt:
                case Let(Var(name), Var(source)) if times[name] == times[source] == 1:
                    names[name] = source
                case If(_, then, orelse):
                    shown = [{s.target.name: s.value for s in side if isinstance(s, Let)} for side in (then, orelse)]
                    sources = {n: v.name for n, v in shown[0].items() if isinstance(v, Var) and shown[1].get(n) == v}
                    names |= {n: source for n, source in sources.items() if times[n] == 1 + times[source] == 2}
                case _:
                    pass
        found = next(((name, source) for name, source in names.items() if is_array(context.kinds.get(source))), None)
        if found is None:
            return func
        func = with_body(func, _without_copies(rename_block(func.body, dict((found,)))))


def _without_copies(block: Block) -> Block:
    kept = (stmt for stmt in block if not (isinstance(stmt, Let) and stmt.value == stmt.target))
    return tuple(map_blocks(stmt, _without_copies) for stmt in kept)


class _Maker:
    def __init__(self, func: Func, context: Context) -> None:
        self.func = func
        self.context = context
        self.uses = mentions_of(func)
        everything = list(statements(func.body))
        self.bound = Counter(var.name for stmt in everything for var in bound(stmt))
        self.writes: dict[str, list[Stmt]] = {}
        for stmt in everything:
            if (written := written_name(stmt)) is not None:
                self.writes.setdefault(written, []).append(stmt)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for place, stmt in enumerate(block):
            stmt = map_blocks(stmt, self.block)
            if isinstance(stmt, If) and not is_guard(stmt):
                earlier = {id(inner) for inner in statements(block[:place])}
                for name in _common(stmt):
                    made, stmt = self.changed(stmt, name, out, earlier)
                    out += made
            out.append(stmt)
        return tuple(out)

    def changed(self, stmt: If, name: str, before: Sequence[Stmt], earlier: Collection[int]) -> tuple[Block, If]:
        """Return what makes an array before a branch, and the branch that fills it; nothing, and the branch."""
        if self.bound[name] != 2:
            return (), stmt
        first, second = (self.arm(side, name, before, earlier) for side in (stmt.then, stmt.orelse))
        if first is None or second is None or first.shape != second.shape:
            return (), stmt
        inside = {var.name for inner in nested(stmt) for var in bound(inner)}
        for arm in (first, second):
            if inside.isdisjoint(names_in(arm.made.value)):
                kind: Type = self.context.kinds[name]
                self.context.kinds[name] = array(kind.dtype, kind.ndim)
                return (arm.made,), replace(stmt, then=first.block, orelse=second.block)
        return (), stmt

    def arm(self, side: Block, name: str, before: Sequence[Stmt], earlier: Collection[int]) -> _Arm | None:
        """Return a side that fills an array which is there; None if it can't.

        Statements `before` make what it shows, and only `earlier` ones, by their identity, write that.
        """
        at = next(place for place, stmt in enumerate(side) if isinstance(stmt, Let) and stmt.target.name == name)
        stmt = side[at]
        kind: Type = self.context.kinds.get(name)
        assert isinstance(stmt, Let)
        if not is_array(kind) or any(mentions(each, name) for each in side[:at]):
            return None
        shape = self.context.made.get(name)
        if is_zeros(stmt, self.context) and shape is not None:
            zeros = self.stored(name, shape, zero_of(stmt, self.context))
            return self.filled(stmt, name, (*side[:at], *zeros, *side[at + 1 :]))
        if is_empty(stmt.value):
            return self.filled(stmt, name, (*side[:at], *side[at + 1 :]))
        if not isinstance(stmt.value, Var) or name in self.writes:
            return None
        source = stmt.value.name
        own = _made(source, side[:at])
        here = sum(mentioned(each).count(source) for outer in side for each in (outer, *nested(outer)))
        if own and here == self.uses[source] and not is_zeros(own[0], self.context):
            rest = tuple(each for each in side if each is not stmt and each is not own[0])
            return self.filled(own[0], name, rename_block(rest, {source: name}))
        made = _made(source, before)
        if len(made) != 1 or any(id(each) not in earlier for each in self.writes.get(source, ())):
            return None
        shape = self.context.made.get(source)
        if shape is None:
            return None
        return self.filled(made[0], name, (*side[:at], *self.stored(name, shape, Var(source)), *side[at + 1 :]))

    def stored(self, name: str, shape: Shape, value: Var | Lit) -> Block:
        """Return loops that store a number, or the elements of another array, in an array."""
        indices = self.context.indices(shape)
        element = value if isinstance(value, Lit) else Call("getitem", (value, *indices))
        return self.context.nest(indices, shape, (Store(Var(name), indices, element),))

    def filled(self, made: Let, name: str, block: Block) -> _Arm | None:
        shape = self.context.made.get(made.target.name)
        if shape is None or not isinstance(made.value, Call):
            return None
        self.context.made.setdefault(name, shape)
        return _Arm(Let(Var(name), replace(made.value, prim="empty"), made.loc), shape, block)


@dataclass(frozen=True, slots=True)
class _Arm:
    """A side of a branch, the statement that makes the array which it fills, and the shape of that."""

    made: Let
    shape: Shape
    block: Block


def _made(name: str, stmts: Sequence[Stmt]) -> list[Let]:
    """Return the statements that bind a name to new memory."""
    return [s for s in stmts if isinstance(s, Let) and s.target.name == name and is_new_memory(s.value)]


def _common(stmt: If) -> list[str]:
    """Return the names that both sides bind once."""
    sides = [Counter(each.target.name for each in side if isinstance(each, Let)) for side in (stmt.then, stmt.orelse)]
    return [name for name, times in sides[0].items() if times == sides[1][name] == 1]
