"""Adjoints of stencils without atomic additions: each thread fetches what others would have added to its element.

A thread of the adjoint adds to elements of its neighbours where the kernel has read them. If all these elements are at
a constant distance from the thread's own, then the thread that owns an element can do, for each distance, what the
thread at that distance does, and add what comes out. What is overwritten on the way is read by others, and so is
overwritten by a second kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from numba import types as nb

from adjoint.analysis.written import shifted
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
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.walk import items_of, map_blocks, map_expr, map_operands, names_in, operands, statements
from adjoint.rules.kernels import ATOMIC_ADD, is_allocation, is_barrier
from adjoint.rules.numba_types import is_array
from adjoint.transform.kernel_accesses import Launch, thread_indices
from adjoint.transform.kernel_conditions import TURNED, bounds_at, conjuncts, least

# Array, its axis, and the axis of the grid that has as many threads at least.
Fit = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The kernel that fetches, and the one that overwrites afterwards, if there is something to overwrite."""

    func: Func
    after: Func | None


@dataclass(frozen=True, slots=True)
class _Increment:
    """`target[thread + distance] += value`; `axes` are the axes of the grid by those of the array."""

    stmt: Effect
    target: str
    axes: tuple[int, ...]
    distance: tuple[int, ...]
    value: Expr


def gather(func: Func, launch: Launch, fits: frozenset[Fit]) -> Gathered | None:
    """Return an adjoint kernel without atomic additions to arrays, or None if it can't be had.

    Args:
        func: the tidied adjoint kernel, in the imperative dialect.
        launch: the shape of a launch.
        fits: what the grid is known to cover. No thread may be missing that owns an element.
    """
    stencil = _Stencil(func, launch, fits)
    return stencil.gathered() if stencil.increments and stencil.is_plain() else None


class _Stencil:
    def __init__(self, func: Func, launch: Launch, fits: frozenset[Fit]) -> None:
        self.func = func
        self.launch = launch
        self.fits = fits
        first = {s.target.name for s in func.body if isinstance(s, Let)}
        known = thread_indices(func, launch)
        self.index = {name: axis for name, axis in known.items() if axis < launch.rank and name in first}
        self.names = {axis: name for name, axis in self.index.items()}
        atomics = [s for s in statements(func.body) if isinstance(s, Effect) and s.value.prim == ATOMIC_ADD]
        self.stored = {s.array.name for s in statements(func.body) if isinstance(s, Store)}
        self.increments = self.owned(atomics)
        self.targets = list(dict.fromkeys(each.target for each in self.increments))
        self.lets = {s.target.name: s.value for s in statements(func.body) if isinstance(s, Let)}
        self.taken = {*func.types, *(p.name for p in func.params)}
        self.types = dict(func.types)

    def owned(self, atomics: Sequence[Effect]) -> list[_Increment]:
        """Return the additions to arrays of which each thread owns an element."""
        found = [(stmt.value.args[0], self.increment(stmt)) for stmt in atomics]
        lost = {target for target, each in found if each is None}
        axes: dict[str, set[tuple[int, ...]]] = {}
        for _, each in found:
            if each is not None:
                axes.setdefault(each.target, set()).add(each.axes)
        return [e for target, e in found if e is not None and target not in lost and len(axes[e.target]) == 1]

    def increment(self, stmt: Effect) -> _Increment | None:
        target, where, value = stmt.value.args
        index = items_of(where) or (where,)
        places = [self.place(i) for i in index]
        if not isinstance(target, Var) or any(place is None for place in places):
            return None
        axes = tuple(place[0] for place in places if place is not None)
        distance = [0] * self.launch.rank
        for place in places:
            if place is not None:
                distance[place[0]] = place[1]
        covered = all((target.name, k, axis) in self.fits for k, axis in enumerate(axes))
        if sorted(axes) != list(range(self.launch.rank)) or not covered:
            return None
        return _Increment(stmt, target.name, axes, tuple(distance), value)

    def place(self, expr: Expr) -> tuple[int, int] | None:
        """Return axis and distance of `thread index + distance`."""
        match expr:
            case Var(name) if name in self.index:
                return self.index[name], 0
            case Call("add", (Var(name), Lit(int() as number))) if name in self.index:
                return self.index[name], number
            case Call("sub", (Var(name), Lit(int() as number))) if name in self.index:
                return self.index[name], -number
            case _:
                return None

    # -- whether it may be done ------------------------------------------------------------------------------

    def is_plain(self) -> bool:
        """Whether threads do nothing that others see but add to arrays, and overwrite what they don't read again."""
        stored: set[str] = set()
        for stmt in statements(self.func.body):
            if isinstance(stmt, While) or (isinstance(stmt, Effect) and is_barrier(stmt.value)):
                return False
            if isinstance(stmt, Let) and (is_array(self.types.get(stmt.target.name)) and not self.is_sum_memory(stmt)):
                return False
            if self.read(stmt) & (stored | set(self.targets)) - self.sizes_only(stmt):
                return False
            if isinstance(stmt, Store):
                stored.add(stmt.array.name)
            if isinstance(stmt, Accum) and stmt.index and stmt.target.name in self.stored - stored:
                return False
            if isinstance(stmt, Accum) and stmt.index and stmt.target.name in self.targets:
                return False
        return not stored & set(self.targets) and not self.stores_in_loops() and self.stays_inside()

    def read(self, stmt: Stmt) -> set[str]:
        """Return the arrays that a statement mentions, but for the one that it adds to."""
        exprs: Sequence[Expr] = operands(stmt)
        if isinstance(stmt, Effect) and stmt.value.prim == ATOMIC_ADD:
            exprs = stmt.value.args[1:]
        if isinstance(stmt, Accum):
            exprs = (*stmt.index, stmt.value)
        return {name for expr in exprs for name in names_in(expr) if is_array(self.types.get(name))}

    def sizes_only(self, stmt: Stmt) -> set[str]:
        """Return the arrays of which a statement reads nothing but sizes."""
        everything = [name for expr in operands(stmt) for name in names_in(expr)]
        sizes = [n for expr in operands(stmt) for part in _parts(expr) if part.prim == "dim" for n in names_in(part)]
        return {name for name in everything if everything.count(name) == sizes.count(name)}

    def is_sum_memory(self, stmt: Let) -> bool:
        return isinstance(stmt.value, Call) and is_allocation(stmt.value.prim) and stmt.target.name.startswith("parts")

    def stores_in_loops(self) -> bool:
        loops = [s for s in statements(self.func.body) if isinstance(s, For)]
        return any(isinstance(s, Store) for loop in loops for s in statements(loop.body))

    def stays_inside(self) -> bool:
        """Whether no thread adds to an element before the first, which would be one from the end."""
        return all(
            distance >= 0 or self.least(each.stmt).get(self.names[axis], 0) + distance >= 0
            for each in self.increments
            for axis, distance in enumerate(each.distance)
        )

    def least(self, wanted: Stmt) -> Mapping[str, int]:
        """Return the least values that indices of a thread can have at a statement."""
        found = [*bounds_at(self.func.body, wanted, {}, self.lets), dict[str, int]()]
        return found[0]

    # -- the new kernels -------------------------------------------------------------------------------------

    def gathered(self) -> Gathered:
        lets = [s for s in self.func.body if isinstance(s, Let)]
        start = [s for s in lets if s.target.name in self.index or self.is_sum_memory(s)]
        rest = tuple(s for s in self.func.body if s not in start and not isinstance(s, Return))
        work = tuple(s for s in rest if not _is_block_sum(s))
        sums = {name: self.fresh(f"{name.removesuffix('_bar')}_sum") for name in self.targets}
        made: list[Stmt] = [*start, *(Let(var, Lit(0.0)) for var in sums.values())]
        own = tuple([0] * self.launch.rank)
        for distance in sorted({own, *(each.distance for each in self.increments)}, key=lambda d: (d != own, d)):
            made += self.copy(work, distance, sums, own=distance == own)
        made += [self.added(name, var) for name, var in sums.items()]
        made += [s for s in rest if _is_block_sum(s)]
        exit_ = Return(Lit(None))
        fetching = replace(self.func, body=(*made, exit_), types=self.types)
        if not any(isinstance(s, Store) for s in statements(work)):
            return Gathered(fetching, None)
        body = (*(s for s in start if not self.is_sum_memory(s)), *self.stores(work), exit_)
        name = self.func.name.removesuffix("_adjoint") + "_clear"
        return Gathered(fetching, replace(self.func, name=name, body=body))

    def fresh(self, name: str) -> Var:
        found, number = name, 0
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        self.types[found] = self.types.get(name, nb.float64)
        return Var(found)

    def added(self, name: str, total: Var) -> Stmt:
        """Return the statement by which a thread adds to its own element."""
        axes = next(each.axes for each in self.increments if each.target == name)
        index = tuple(Var(self.names[axis]) for axis in axes)
        tests = [Call("lt", (i, Call("dim", (Var(name), Lit(k)))), via="operator") for k, i in enumerate(index)]
        return If(_all(tests), (Accum(Var(name), index, total),), ())

    def stores(self, block: Block) -> Block:
        kept = (s for s in block if not isinstance(s, Comment) and not _is_atomic(s) and not self.is_sum(s))
        return tuple(map_blocks(stmt, self.stores) for stmt in kept)

    def is_sum(self, stmt: Stmt) -> bool:
        """Whether a statement adds to an array that the kernel doesn't overwrite, or to a number."""
        return isinstance(stmt, Accum) and not (stmt.index and stmt.target.name in self.stored)

    def copy(self, block: Block, distance: tuple[int, ...], sums: Mapping[str, Var], *, own: bool) -> list[Stmt]:
        """Return what the thread at a distance does for the elements of this one."""
        shift = {self.names[axis]: -by for axis, by in enumerate(distance)}
        names: dict[str, Expr] = {} if own else self.renamed(block)
        made = self.fetching(block, distance, sums, names, shift, own=own)
        tests = self.is_thread(distance, block)
        if not tests:
            return list(made)
        return [If(_all(tests), made, ())]

    def renamed(self, block: Block) -> dict[str, Expr]:
        bound = {s.target.name for s in statements(block) if isinstance(s, Let)}
        bound |= {s.index.name for s in statements(block) if isinstance(s, For)}
        bound |= {s.target.name for s in statements(block) if isinstance(s, Accum) and not s.index}
        return {name: self.fresh_like(name) for name in sorted(bound)}

    def fresh_like(self, name: str) -> Var:
        var = self.fresh(f"{name}_there")
        self.types[var.name] = self.types.get(name)
        return var

    def is_thread(self, distance: tuple[int, ...], block: Block) -> list[Expr]:
        """Return the conditions under which there is a thread at a distance, those left out that the work asks for."""
        tests: list[Expr] = []
        guards = [stmt.cond for stmt in block if isinstance(stmt, If)]
        bare = all(isinstance(s, If | Comment) or isinstance(s, Let) and not _reads(s.value) for s in block)
        alone = bare and len(guards) == 1 and not self.orelse(block)
        asked = list(conjuncts(guards[0], True, self.lets)) if alone else []
        for axis, by in enumerate(distance):
            name = self.names[axis]
            if by > 0 and least(asked).get(name, -1) < 0:
                tests.append(Call("ge", (Var(name), Lit(by)), via="operator"))
            if by < 0 and not any(self.is_below(part, holds, axis) for part, holds in asked):
                size = Call("cuda.gridsize", (Lit(self.launch.rank), Lit(axis)))
                tests.append(Call("lt", (Var(name), shifted(size, by)), via="operator"))
        return tests

    def orelse(self, block: Block) -> bool:
        return any(isinstance(stmt, If) and bool(stmt.orelse) for stmt in block)

    def is_below(self, part: Expr, holds: bool, axis: int) -> bool:
        """Whether a condition says that the index of a thread is below a size that the grid covers."""
        match part:
            case Call("lt", (Var(name), bound)) if holds:
                pass
            case Call("ge", (Var(name), bound)) if not holds:
                pass
            case _:
                return False
        match bound:
            case Call("dim", (Var(array), Lit(int() as k))):
                pass
            case Call("sub", (Call("dim", (Var(array), Lit(int() as k))), Lit(int() as less))) if less >= 0:
                pass
            case _:
                return False
        return name == self.names[axis] and (array, k, axis) in self.fits

    def fetching(
        self,
        block: Block,
        distance: tuple[int, ...],
        sums: Mapping[str, Var],
        names: Mapping[str, Expr],
        shift: Mapping[str, int],
        *,
        own: bool,
    ) -> Block:
        made: list[Stmt] = []
        for stmt in block:
            increment = next((each for each in self.increments if each.stmt is stmt), None)
            if increment is not None:
                if increment.distance == distance:
                    made.append(Accum(sums[increment.target], (), _moved(increment.value, names, shift)))
                continue
            if isinstance(stmt, Store) or (_is_array_sum(stmt) and not self.is_sum(stmt)):
                continue
            if not own and (isinstance(stmt, Comment) or _is_array_sum(stmt) or _is_atomic(stmt)):
                continue
            stmt = map_operands(stmt, lambda expr: _moved(expr, names, shift))
            stmt = _bound_as(stmt, names)
            made.append(
                map_blocks(stmt, lambda inner: self.fetching(inner, distance, sums, names, shift, own=own))
            )
        return tuple(made)


# -- expressions ---------------------------------------------------------------------------------------------


def _moved(expr: Expr, names: Mapping[str, Expr], shift: Mapping[str, int]) -> Expr:
    """Return an expression for the thread at a distance."""

    def change(part: Expr) -> Expr:
        match part:
            case Var(name) if name in shift:
                return shifted(part, shift[name])
            case Var(name):
                return names.get(name, part)
            case Call("add" | "sub" as prim, (inner, Lit(int() as number))):
                return shifted(inner, number if prim == "add" else -number) if _is_index(inner, shift) else part
            case Call(prim, (Call("add" | "sub" as sign, (inner, Lit(int() as number))), bound)) if (
                prim in TURNED and _is_index(inner, shift)
            ):
                return replace(part, args=(inner, shifted(bound, -number if sign == "add" else number)))
            case _:
                return part

    return map_expr(expr, change)


def _is_index(expr: Expr, shift: Mapping[str, int]) -> bool:
    match expr:
        case Var(name):
            return name in shift
        case Call("add" | "sub", (Var(name), Lit(int()))):
            return name in shift
        case _:
            return False


def _bound_as(stmt: Stmt, names: Mapping[str, Expr]) -> Stmt:
    def new(var: Var) -> Var:
        found = names.get(var.name)
        return found if isinstance(found, Var) else var

    match stmt:
        case Let(target):
            return replace(stmt, target=new(target))
        case For(index):
            return replace(stmt, index=new(index))
        case Accum(target, ()):
            return replace(stmt, target=new(target))
        case _:
            return stmt


def _all(tests: Sequence[Expr]) -> Expr:
    whole = tests[-1]
    for test in reversed(tests[:-1]):
        whole = Call("and", (test, whole), via="operator")
    return whole


def _reads(expr: Expr) -> bool:
    return any(part.prim == "getitem" for part in _parts(expr))


def _parts(expr: Expr) -> Iterator[Call]:
    if isinstance(expr, Call):
        yield expr
        for arg in expr.args:
            yield from _parts(arg)


def _is_atomic(stmt: Stmt) -> bool:
    return isinstance(stmt, Effect) and stmt.value.prim == ATOMIC_ADD


def _is_array_sum(stmt: Stmt) -> bool:
    return isinstance(stmt, Accum) and bool(stmt.index)


def _is_block_sum(stmt: Stmt) -> bool:
    return isinstance(stmt, Effect) and stmt.value.prim.startswith("helper.")
