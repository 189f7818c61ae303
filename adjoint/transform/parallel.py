"""Loops whose iterations run at the same time, the adjoints of the user's `prange` among them, made free of races.

What iterations share is found out first (`analysis.iterations`):

- Elements that only iterations near each other use: iterations are dealt out in blocks, and every second block runs at
  the same time; the blocks between them are longer than iterations reach.
- Numbers that all add to: each block has a sum of its own, added up afterwards.
- Arrays that all add to, anywhere: each block has an array of its own, added up afterwards.
- Segments of an array, which another array marks out: if the marks rise, no two iterations share an element, and if
  they don't, there is a single block.

A loop for which none of this will do runs in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from numba import types as nb

from adjoint.analysis.dependence import Dependence
from adjoint.analysis.iterations import Apart, Shared, map_loops, shared, term
from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import (
    map_blocks,
    mentioned_within,
    names_in,
    statements,
    substitute,
    unshared,
    with_body,
)
from adjoint.rules.numba_types import array, element_type, int64


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a parallel loop: `how` it runs, and `why` in order if it does."""

    loop: For
    how: str
    why: str = ""


def in_order(func: Func) -> Func:
    """Return an imperative program in which adjoints of parallel loops run in order, as they were written."""
    return with_body(func, _in_order(func.body))


def _in_order(block: Block) -> Block:
    return tuple(map_blocks(_falling(stmt), _in_order) for stmt in block)


def _falling(stmt: Stmt) -> Stmt:
    return replace(stmt, parallel=False) if isinstance(stmt, For) and stmt.step != Lit(1) else stmt


def parallelise(func: Func, notes: list[Note] | None = None) -> Func:
    """Return an imperative program whose parallel loops have no races; `notes` gets what became of each.

    A loop that is parallel with a step of -1 is the adjoint of one that the user wrote; it runs upwards.
    """
    if not any(isinstance(stmt, For) and stmt.parallel for stmt in statements(func.body)):
        return func
    func = with_body(func, unshared(func.body))
    maker = _Maker(func, Dependence(func), dict(func.types), [] if notes is None else notes)
    body = _appended_late(map_loops(func, maker.change))
    return replace(func, body=body, types=maker.types)


def _appended_late(block: Block) -> Block:
    """Append new arrays to lists after the statements that fill them.

    Numba (0.68) leaves out what a parallel loop writes into an array of which nothing more is read, and doesn't count
    that a list holds it.
    """
    out = [map_blocks(stmt, _appended_late) for stmt in block]
    for position in reversed(range(len(out))):
        match out[position]:
            case Effect(Call("append", (Var(rows), Var(row)))):
                end = position
                for later in range(position + 1, len(out)):
                    names = mentioned_within(out[later])
                    if rows in names or any(_binds(inner, row) for inner in statements((out[later],))):
                        break
                    end = later if row in names else end
                out.insert(end, out.pop(position))
            case _:
                pass
    return tuple(out)


def _binds(stmt: Stmt, name: str) -> bool:
    return isinstance(stmt, Let) and stmt.target.name == name


@dataclass(eq=False)
class _Maker:
    func: Func
    uses: Dependence
    types: dict[str, object]
    notes: list[Note]
    taken: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.taken |= set(self.types) | {p.name for p in self.func.params}

    def fresh(self, name: str, type_: object) -> Var:
        found, number = name, 0
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        self.types[found] = type_
        return Var(found)

    def change(self, loop: For, live: frozenset[str], depth: int) -> Sequence[Stmt] | None:
        return self.loop(loop, live, depth) if loop.parallel else None

    def loop(self, loop: For, live: frozenset[str], depth: int) -> Sequence[Stmt]:
        if loop.step not in (Lit(1), Lit(-1)) or loop.until is not None:
            found: Shared | Apart = Apart("its step isn't 1" if loop.until is None else "it may be left early", True)
        else:
            found = shared(self.func, loop, depth, live, self.uses)
        loop = replace(loop, body=_in_order(loop.body))
        if loop.step == Lit(1) and not (isinstance(found, Apart) and found.carried):
            self.notes.append(Note(loop, "parallel, as written"))
            return [loop]  # the user says that iterations may run at the same time
        if isinstance(found, Apart):
            self.notes.append(Note(loop, "in order", found.why))
            return [replace(loop, parallel=False)]
        upwards = replace(loop, start=shifted(loop.stop, 1), stop=shifted(loop.start, 1), step=Lit(1))
        self.notes.append(Note(loop, _how(found, loop.index.name)))
        if found == Shared(0, (), ()):
            return [upwards]
        return _Blocks(self, upwards, found).statements()


def _how(found: Shared, index: str) -> str:
    ways: list[str] = []
    if found.distance:
        ways.append(f"every second block of iterations at a time: those up to {found.distance} apart share elements")
    if found.sums:
        ways.append(f"an array of its own for each block of iterations to add to, for {', '.join(found.sums)}")
    if found.totals:
        ways.append(f"a sum of its own for each block of iterations, for {', '.join(found.totals)}")
    if found.segments:
        marks = dict.fromkeys(name for each in found.segments for name in names_in(each.low) if name != index)
        ways.append(f"a single block unless {' and '.join(marks)} rises from iteration to iteration")
    return "parallel; " + "; ".join(ways) if ways else "parallel: no two iterations share an element"


class _Blocks:
    """A loop dealt out in blocks of iterations."""

    def __init__(self, maker: _Maker, loop: For, found: Shared) -> None:
        self.maker = maker
        self.loop = loop
        self.found = found
        self.types = maker.types
        # How many blocks run at the same time, and how many there are: constants, so that sums are the same anywhere.
        self.count = 8 if found.sums else 32
        self.most = 2 * self.count if found.distance else self.count
        self.parts: Expr = maker.fresh("parts", int64) if found.segments else Lit(self.most)
        self.number = maker.fresh("part", int64)
        self.sums = {name: maker.fresh(f"{name}_parts", self._parts_type(name)) for name in found.sums}
        self.totals = {name: maker.fresh(f"{name}_parts", array(nb.float64, 1, "C")) for name in found.totals}
        self.own = {name: maker.fresh(f"{name}_part", self.types[name]) for name in found.totals}

    def _parts_type(self, name: str) -> object:
        kind = self.types[name]
        assert isinstance(kind, nb.Array)
        return array(element_type(kind), kind.ndim + 1, "C")

    def statements(self) -> list[Stmt]:
        loop = self.loop
        size = self.maker.fresh("size", int64)
        count = _minus(loop.stop, loop.start)
        rounded: Expr = Call("neg", (Call("floordiv", (Call("neg", (count,)), self.parts)),))
        if self.found.distance:
            rounded = Call("maximum", (rounded, Lit(self.found.distance)), via="builtin")
        sized = [*self.blocks(), Let(size, rounded, loop.loc)]
        return [*sized, *self.zeros(), *self.rounds(size), *self.added()]

    def blocks(self) -> list[Stmt]:
        """Return what finds out how many blocks there are: one if iterations may share what they mustn't."""
        if not isinstance(self.parts, Var):
            return []
        tests = [
            test
            for segment in self.found.segments
            for test in (Call("lt", (segment.low, Lit(0))), Call("lt", (segment.high, segment.low)))
        ]
        falls = reduce(lambda a, b: Call("or", (a, b)), tests)
        alone = If(falls, (Let(self.parts, Lit(1)),), ())
        check = replace(self.loop, body=(alone,), parallel=False)
        return [Let(self.parts, Lit(self.most)), check]

    def zeros(self) -> list[Stmt]:
        made: list[Stmt] = []
        for name, var in self.sums.items():
            kind = self.types[name]
            assert isinstance(kind, nb.Array)
            sizes = (Call("dim", (Var(name), Lit(k))) for k in range(kind.ndim))
            dtype = str(element_type(kind))
            kwargs = () if dtype == "float64" else (("dtype", Lit(dtype)),)
            made.append(Let(var, Call("zeros", (Call("tuple", (self.parts, *sizes)),), kwargs)))
        return [*made, *(Let(var, Call("zeros", (self.parts,))) for var in self.totals.values())]

    def rounds(self, size: Var) -> list[Stmt]:
        """Return the parallel loop over blocks, or two of them one after the other."""
        loop, number = self.loop, self.number
        first = self.maker.fresh("first", int64)
        start: Expr = Call("mul", (number, size))
        start = start if loop.start == Lit(0) else Call("add", (loop.start, start))
        last = Call("minimum", (Call("add", (first, size)), loop.stop), via="builtin")
        inner = For(loop.index, first, last, Lit(1), self.body(loop.body), loc=loop.loc)
        own = [Let(var, Lit(0.0)) for var in self.own.values()]
        kept = [Store(self.totals[name], (number,), var) for name, var in self.own.items()]
        work: Block = (Let(first, start), *own, inner, *kept)
        if not self.found.distance:
            return [For(number, Lit(0), self.parts, Lit(1), work, parallel=True, loc=loop.loc)]
        pair, turn = self.maker.fresh("pair", int64), self.maker.fresh("turn", int64)
        place = Let(number, Call("add", (Call("mul", (Lit(2), pair)), turn)))
        every_second = For(pair, Lit(0), Lit(self.count), Lit(1), (place, *work), parallel=True, loc=loop.loc)
        return [For(turn, Lit(0), Lit(2), Lit(1), (every_second,), loc=loop.loc)]

    def body(self, block: Block) -> Block:
        return tuple(self.stmt(stmt) for stmt in block)

    def stmt(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Accum(Var(name), index, value) if index and name in self.sums:
                return replace(stmt, target=self.sums[name], index=(self.number, *index), value=value)
            case Accum(Var(name), ()) if name in self.own:
                return replace(stmt, target=self.own[name])
            case Let(Var(name), value) if name in self.own and term(stmt, name) is not None:
                return replace(stmt, target=self.own[name], value=substitute(value, {name: self.own[name]}))
            case _:
                return map_blocks(stmt, self.body)

    def added(self) -> list[Stmt]:
        """Add up, one part after the other: Numba's own parallel sums depend on the number of threads."""
        made: list[Stmt] = []
        for name, var in self.sums.items():
            row = self.maker.fresh("row", int64)
            term_ = Accum(Var(name), (row,), Call("getitem", (var, self.number, row)))
            own = For(self.number, Lit(0), self.parts, Lit(1), (term_,))
            made.append(For(row, Lit(0), Call("dim", (Var(name), Lit(0))), Lit(1), (own,), parallel=True))
        totals = tuple(Accum(Var(n), (), Call("getitem", (var, self.number))) for n, var in self.totals.items())
        return [*made, For(self.number, Lit(0), self.parts, Lit(1), totals)] if totals else made


def _minus(stop: Expr, start: Expr) -> Expr:
    match start:
        case Lit(int() as number):
            return shifted(stop, -number)
        case _:
            return Call("sub", (stop, start), via="operator")
