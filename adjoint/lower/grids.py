"""Loops become kernels: a program for the CPU is taken apart into a host function and kernels that it launches.

A loop whose iterations share nothing is a kernel with a thread for each; so are up to three loops, each directly in the
one before. Numbers that all iterations add to are added up in blocks of threads, each of which keeps its part in an
array, and the host adds up the parts: always in one order. Arrays that iterations add to anywhere are added to
atomically. Other loops run on the host, and launch the kernels in them in every turn; one that would launch none, and
uses arrays, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from adjoint.analysis.dependence import Dependence
from adjoint.analysis.iterations import Apart, exposed, read_after
from adjoint.analysis.threads import Threads, threads
from adjoint.analysis.written import shifted
from adjoint.errors import Loc, UnsupportedError
from adjoint.ir import (
    Accum,
    Block,
    Call,
    Comment,
    Effect,
    Expr,
    For,
    Func,
    If,
    Let,
    Lit,
    Param,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.walk import map_blocks, mentioned_within, names_in, statements, unshared
from adjoint.lower.grid_fits import Fits
from adjoint.lower.grid_totals import fetch_late
from adjoint.rules.kernels import ATOMIC_ADD, GRID, GRIDSIZE, SHARED
from adjoint.rules.numba_types import array, types
from adjoint.rules.typing import name_types

_MOST_AXES = 3
_ALLOCATIONS = frozenset("empty zeros ones full copy".split())
_HELP = (
    "make its iterations independent of each other, or put what they have in common into a loop around them; without"
    " target='cuda' it runs on the CPU"
)


@dataclass(slots=True)
class Limits:
    """The shapes of launches.

    `threads` are those of a block by the number of axes of a kernel, the first axis being the one along which threads
    are neighbours; `blocks` are the most blocks of a launch.
    """

    threads: Mapping[int, tuple[int, ...]]
    blocks: int


LIMITS = Limits({1: (128,), 2: (32, 4), 3: (32, 2, 2)}, 4096)


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a loop: a kernel of that name, or, if there is none, why it runs on the host."""

    loc: Loc | None
    kernel: str
    axes: int = 0
    totals: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Grids:
    """A host function and the kernels that it launches, in the order of the text."""

    host: Func
    kernels: tuple[Func, ...]
    notes: tuple[Note, ...]


def grids(func: Func, *, deterministic: bool = False) -> Grids:
    """Take a lowered program apart; its types are to be known.

    Args:
        func: a program in the imperative dialect.
        deterministic: whether atomic additions are refused, whose order is another in each run.

    Raises:
        UnsupportedError: a loop, or a call, can be neither a kernel nor run on the host.
    """
    func = replace(func, body=unshared(func.body), types=name_types(func))
    maker = _Maker(func, Dependence(func), Fits(func), dict(cast("dict[str, Any]", func.types)), deterministic)
    body = maker.block(func.body, frozenset(), 0)
    return Grids(replace(func, body=body, types=maker.types), tuple(maker.kernels), tuple(maker.notes))


@dataclass(eq=False)
class _Nest:
    """Loops, each directly in the one before, with what stands before each, and what the innermost does."""

    loops: list[For]
    before: list[Block]
    found: Threads

    @property
    def body(self) -> Block:
        return self.loops[-1].body


@dataclass(eq=False)
class _Maker:
    func: Func
    uses: Dependence
    fits: Fits
    types: dict[str, Any]
    deterministic: bool
    kernels: list[Func] = field(default_factory=list[Func])
    notes: list[Note] = field(default_factory=list[Note])
    taken: set[str] = field(default_factory=set[str])
    # The memory for the sums of blocks, by the number that they are parts of.
    memory: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.names = frozenset((*self.types, self.func.name, *(p.name for p in self.func.params)))
        self.taken |= self.names | {"fill_kernel"}

    def fresh(self, name: str, kind: object = None) -> str:
        found, number = name, 1
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        if kind is not None:
            self.types[found] = kind
        return found

    def local(self, name: str, kind: object) -> str:
        """Return a name for use in a kernel: other kernels may use it too."""
        while name in self.names:
            name += "_"
        self.types[name] = kind
        return name

    # -- the host --------------------------------------------------------------------------------------------

    def block(self, block: Block, live: frozenset[str], depth: int) -> Block:
        """Return what the host does for a block; `live` are the names that are read after it."""
        made: list[Stmt] = []
        for k, (stmt, after) in enumerate(zip(block, read_after(block, live, self.func), strict=True)):
            match stmt:
                case For():
                    made += self.loop(stmt, after, depth, _made(block[:k]))
                case While(body=body):
                    self.fits.check_host(stmt)
                    made += self.in_order(stmt, after | exposed(body, (), self.func)[0], depth, "")
                case If():
                    self.fits.check_host(stmt)
                    made.append(map_blocks(stmt, lambda inner, a=after: self.block(inner, a, depth)))
                case Store(value=value) | Accum(value=value) if self.fits.is_element(stmt):
                    self.fits.check_value(value, stmt.loc)
                    made.append(self.kernel((stmt,), (), Threads(), _written((stmt,)), stmt.loc))
                case _:
                    self.fits.check_host(stmt)
                    made.append(stmt)
        return tuple(made)

    def loop(self, loop: For, live: frozenset[str], depth: int, arrays: Mapping[str, frozenset[str]]) -> list[Stmt]:
        found = threads(self.func, loop, depth, live, self.uses, arrays)
        reason = found.why if isinstance(found, Apart) else self.fits.reason(loop.body)
        if isinstance(found, Apart) or reason:
            return self.in_order(loop, live | exposed(loop.body, (), self.func)[0], depth, reason)
        if found.added and self.deterministic:
            raise UnsupportedError(
                f"`deterministic=True`, as several threads add to `{found.added[0]}`",
                loop.loc or self.func.loc,
                help="read elements of the iteration's own, or at constant distances from it",
            )
        nest = self.nest(loop, found, live, depth, arrays)
        return [*self.parts(found), *self.launched(nest), *self.gathered(found)]

    def in_order(self, loop: For | While, live: frozenset[str], depth: int, why: str) -> list[Stmt]:
        """Return a loop that runs on the host."""
        self.fits.check_host(loop)
        before = len(self.notes)
        body = self.block(loop.body, live, depth + 1)
        if not any(note.axes for note in self.notes[before:]) and self.fits.uses_arrays(loop.body):
            what = f": {why}" if why else ""
            raise UnsupportedError(f"a loop that can't be a kernel{what}", loop.loc or self.func.loc, help=_HELP)
        self.notes.insert(before, Note(loop.loc, "", why=why))
        made = replace(loop, body=body, parallel=False) if isinstance(loop, For) else replace(loop, body=body)
        first, body, last = fetch_late(made, self.memory)
        return [*first, replace(made, body=body), *last]

    # -- kernels ---------------------------------------------------------------------------------------------

    def nest(
        self, loop: For, found: Threads, live: frozenset[str], depth: int, arrays: Mapping[str, frozenset[str]]
    ) -> _Nest:
        """Return a loop of independent iterations with those inside it that may share its threads."""
        nest = _Nest([loop], [], found)
        inside = live
        while len(nest.loops) < _MOST_AXES:
            *before, inner = nest.body or (Comment(""),)
            bound = {v for each in nest.loops for v in (each.index.name, *_bound(each.body, inner))}
            if not isinstance(inner, For) or not all(isinstance(s, Let | Comment) for s in before):
                break
            if not dict(found.totals).keys().isdisjoint(s.target.name for s in before if isinstance(s, Let)):
                break  # every thread of the inner loop would add to it
            if bound & {name for expr in (inner.start, inner.stop) for name in names_in(expr)}:
                break  # the host doesn't know how many threads it takes
            inside |= exposed(nest.body, (), self.func)[0]
            more = threads(self.func, inner, depth + len(nest.loops), inside, self.uses, arrays)
            if isinstance(more, Apart) or not (
                set(more.totals) <= set(found.totals) and set(more.added) <= set(found.added)
            ):
                break
            nest.before.append(tuple(before))
            nest.loops.append(inner)
        return nest

    def launched(self, nest: _Nest) -> list[Stmt]:
        loops = [_upwards(loop) for loop in nest.loops]
        count = len(loops)
        starts = [Call(GRID, (Lit(count), Lit(axis))) for axis in reversed(range(count))]
        steps = [Call(GRIDSIZE, (Lit(count), Lit(axis))) for axis in reversed(range(count))]
        first: list[Stmt] = []
        if count > 1:
            for k, loop in enumerate(loops):
                for word, values in (("first", starts), ("step", steps)):
                    name = Var(self.local(f"{loop.index.name}_{word}", types.int64))
                    first.append(Let(name, values[k]))
                    cast("list[Expr]", values)[k] = name
        body = loops[-1].body
        for k in reversed(range(count)):
            start: Expr = starts[k] if loops[k].start == Lit(0) else Call("add", (loops[k].start, starts[k]))
            body = (replace(loops[k], start=start, step=steps[k], body=body, parallel=False),)
            body = (*nest.before[k - 1], *body) if k else body
        sizes = tuple(_trips(loop) for loop in loops)
        return [self.kernel((*first, *body), sizes, nest.found, _written(nest.body), nest.loops[0].loc)]

    def kernel(
        self, body: Block, sizes: Sequence[Expr], found: Threads, writes: Sequence[str], loc: Loc | None
    ) -> Stmt:
        """Make a kernel of statements, and return its launch; without sizes it is a kernel of one thread."""
        totals = [name for name, _ in found.totals]
        name = self.fresh("_".join([*dict.fromkeys([*writes, *totals])][:3]) + "_kernel")
        body = self.atomic(body, found)
        local, end = self.sums(found, len(sizes))
        used = exposed(body, totals, self.func)[0]
        params = [*sorted(used & {*self.types}, key=list(self.types).index), *(self.memory[t] for t in totals)]
        if not sizes:
            body = (If(Call("eq", (Call(GRID, (Lit(1), Lit(0))), Lit(0))), body),)
        kernel = replace(
            self.func,
            name=name,
            params=tuple(map(Param, params)),
            body=(*local, *body, *end),
            types=self.types,
            loc=loc,
        )
        self.kernels.append(kernel)
        self.notes.append(Note(loc, name, len(sizes), tuple(totals), found.added))
        args = tuple(map(Var, params))
        shape = Call("helper.grid", tuple(sizes)) if sizes else Call("tuple", (Lit(1), Lit(1)))
        return Effect(Call(f"launch.{name}", (shape, *args)), loc)

    def atomic(self, block: Block, found: Threads) -> Block:
        """Return statements in which additions to arrays that all threads add to are atomic."""

        def one(stmt: Stmt) -> Stmt:
            if isinstance(stmt, Accum) and stmt.index and self.root(stmt) in found.added:
                index = stmt.index[0] if len(stmt.index) == 1 else Call("tuple", stmt.index)
                return Effect(Call(ATOMIC_ADD, (stmt.target, index, stmt.value)), stmt.loc)
            return map_blocks(stmt, lambda inner: tuple(map(one, inner)))

        return tuple(map(one, block))

    def root(self, stmt: Accum) -> str | None:
        access = self.uses.uses.writes.get(id(stmt))
        return None if access is None else access.root

    # -- numbers that threads add to -------------------------------------------------------------------------

    def sums(self, found: Threads, axes: int) -> tuple[Block, Block]:
        """Return what a kernel starts and ends with: numbers of the thread's own, put together in shared memory."""
        start: list[Stmt] = []
        end: list[Stmt] = []
        shared: dict[str, Var] = {}
        count = 1
        for size in LIMITS.threads.get(axes, (1,)):
            count *= size
        for name, way in found.totals:
            kind = self.types[name]
            dtype = "int64" if isinstance(kind, types.Integer) else "float64"
            if dtype not in shared:
                shared[dtype] = Var(
                    self.local("shared" if dtype == "float64" else "shared_counts", array(kind, 1, "C"))
                )
                start.append(Let(shared[dtype], Call(SHARED, (Lit(count),), (("dtype", Lit(dtype)),))))
            start.append(Let(Var(name), _neutral(way, kind)))
            parts = Var(self.memory[name])
            end.append(Effect(Call(f"helper.put_{way}", (parts, Var(name), shared[dtype]))))
        return tuple(start), tuple(end)

    def parts(self, found: Threads) -> Iterator[Stmt]:
        """Yield the arrays with an element for what each block finds."""
        for name, way in found.totals:
            kind = self.types[name]
            if name not in self.memory:
                self.memory[name] = self.fresh(f"{name}_parts", array(kind, 1, "C"))
            dtype = ("dtype", Lit(str(kind)))
            yield Let(Var(self.memory[name]), Call("full", (Lit(LIMITS.blocks), _neutral(way, kind)), (dtype,)))

    def gathered(self, found: Threads) -> Iterator[Stmt]:
        """Yield what adds to a number what the blocks have found."""
        for name, way in found.totals:
            part = Call(f"helper.{way}_of_parts", (Var(self.memory[name]),))
            if way == "sum":
                yield Accum(Var(name), (), part)
            else:
                yield Let(Var(name), Call(way, (Var(name), part), via="np"))


def _made(block: Block) -> dict[str, frozenset[str]]:
    """Return the arrays that statements make, with the names that are bound after that."""
    found: dict[str, frozenset[str]] = {}
    later: frozenset[str] = frozenset()
    for stmt in reversed(block):
        match stmt:
            case Let(Var(name), Call(prim)) if prim in _ALLOCATIONS and name not in later:
                found[name] = later
            case _:
                pass
        later |= mentioned_within(stmt) if not isinstance(stmt, Let) else {stmt.target.name}
    return found


def _neutral(way: str, kind: object) -> Expr:
    whole = isinstance(kind, types.Integer)
    if way == "sum":
        return Lit(0) if whole else Lit(0.0)
    if whole:
        return Lit(-(2**63)) if way == "maximum" else Lit(2**63 - 1)
    return Lit(float("-inf")) if way == "maximum" else Lit(float("inf"))


def _upwards(loop: For) -> For:
    if loop.step == Lit(1):
        return loop
    return replace(loop, start=shifted(loop.stop, 1), stop=shifted(loop.start, 1), step=Lit(1))


def _trips(loop: For) -> Expr:
    if isinstance(loop.start, Lit):
        return shifted(loop.stop, -cast("int", loop.start.value))
    return Call("sub", (loop.stop, loop.start), via="operator")


def _written(block: Block) -> list[str]:
    found = [
        stmt.array.name if isinstance(stmt, Store) else stmt.target.name
        for stmt in statements(block)
        if isinstance(stmt, Store) or isinstance(stmt, Accum) and stmt.index
    ]
    return list(dict.fromkeys(found))


def _bound(block: Block, last: Stmt) -> Iterator[str]:
    return (s.target.name for s in block if isinstance(s, Let) and s is not last)
