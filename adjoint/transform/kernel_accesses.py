"""Which adjoint arrays of a kernel only one thread adds to at each element: `+=` there, atomic addition elsewhere.

The cotangent of an array is added to where the primal reads the array. If all reads are at an index that differs
between any two threads, in one and the same way, then no two threads meet; one that isn't makes all increments to that
array atomic. Where the primal writes, the cotangent is read and set to zero; if the primal has no races, then no other
thread reads that element in the primal before the next barrier, nor adds to its cotangent in the adjoint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.memory import Memory, memory, shows
from adjoint.ir import Accum, Call, Effect, Expr, For, Func, Let, Lit, Store, Var, While
from adjoint.ir.walk import operands, statements, subexpressions
from adjoint.rules.kernels import AXES, GRID, GRIDSIZE, LOCAL, SHARED, is_allocation, is_barrier

Index = tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Linear:
    """`factor * base + offset`; no base for a constant."""

    base: str | None
    factor: int
    offset: int


@dataclass(frozen=True, slots=True)
class Launch:
    """The shape of a block, and along how many axes the grid has more than one thread."""

    block: tuple[int, int, int]
    rank: int


def exclusive(func: Func, launch: Launch) -> frozenset[str]:
    """Return the names of the arrays whose cotangents take `+=`; `func` is a prepared kernel."""
    facts = memory(func)
    threads = _Threads(func, launch)
    accesses: dict[str, list[Index | None]] = {}
    for name, index in _accesses(func, facts, stores=False):
        accesses.setdefault(name, []).append(index)
    kinds = {s.target.name: s.value.prim for s in func.body if isinstance(s, Let) and isinstance(s.value, Call)}
    alone: set[str] = set()
    for name, found in accesses.items():
        kind = kinds.get(name, "")
        if kind == LOCAL or threads.apart(found, shared=kind == SHARED):
            alone.add(name)
    roots = {name: facts.root(name) for name in func.types}
    return frozenset(name for name, root in roots.items() if root in alone)


def _accesses(func: Func, facts: Memory, *, stores: bool) -> Iterator[tuple[str, Index | None]]:
    """Yield the arrays that are read or written, each with the index, or None where a view hides it."""
    for stmt in statements(func.body):
        if isinstance(stmt, Let) and isinstance(stmt.value, Call) and is_allocation(stmt.value.prim):
            continue
        if isinstance(stmt, Store | Accum) and stores:
            array = stmt.array if isinstance(stmt, Store) else stmt.target
            yield facts.root(array.name), None if array.name in facts.base else stmt.index
        if isinstance(stmt, Let) and shows(stmt, func):
            continue
        for expr in operands(stmt):
            for part in subexpressions(expr):
                match part:
                    case Call("getitem", (Var(name), *index)):
                        yield facts.root(name), None if name in facts.base else tuple(index)
                    case _:
                        pass


def independent(func: Func, loop: For, facts: Memory) -> bool:
    """Whether the iterations of a loop of a kernel may come in any order, sums and single elements aside.

    They carry nothing along, and what they write is at an index that differs between any two of them.
    """
    body = replace(func, body=loop.body)
    jumps = any(isinstance(s, While) or (isinstance(s, For) and s.until is not None) for s in statements((loop,)))
    if loop.carried or jumps or any(isinstance(s, Effect) and is_barrier(s.value) for s in statements(loop.body)):
        return False
    lines = Lines({s.target.name: s.value for s in statements(func.body) if isinstance(s, Let)}, {loop.index.name})
    written = {facts.root(s.array.name) for s in statements(loop.body) if isinstance(s, Store)}
    written |= {facts.root(s.target.name) for s in statements(loop.body) if isinstance(s, Accum)}
    accesses: dict[str, list[Index | None]] = {}
    for name, index in _accesses(body, facts, stores=True):
        if name in written:
            accesses.setdefault(name, []).append(index)
    return all(_differ(found, lines) for found in accesses.values())


def _differ(accesses: Sequence[Index | None], lines: Lines) -> bool:
    indices = [index for index in accesses if index is not None]
    if len(indices) < len(accesses) or len({len(index) for index in indices}) != 1:
        return False
    return any(lines.common(column) is not None for column in zip(*indices, strict=True))


class Lines:
    """Reads indices as linear functions of one of some names."""

    def __init__(self, lets: Mapping[str, Expr], bases: Collection[str]) -> None:
        self.lets = lets
        self.bases = bases

    def common(self, column: Sequence[Expr]) -> str | None:
        """Return the name of which all expressions are functions that take no value twice, nor one another's."""
        lines = [line for expr in column if (line := self.of(expr)) is not None]
        if len(lines) < len(column) or len({(line.base, line.factor) for line in lines}) != 1:
            return None
        offsets = [line.offset for line in lines]
        if min(offsets) < 0:  # negative indices count from the end, where another thread may be
            return None
        return lines[0].base if max(offsets) - min(offsets) < lines[0].factor else None

    def of(self, expr: Expr) -> Linear | None:
        match expr:
            case Lit(int() as number):
                return Linear(None, 0, number)
            case Var(name) if name in self.bases:
                return Linear(name, 1, 0)
            case Var(name) if name in self.lets:
                return self.of(self.lets[name])
            case Call("add" | "sub" | "mul" as prim, (a, b)):
                return _combined(prim, self.of(a), self.of(b))
            case _:
                return None


def thread_indices(func: Func, launch: Launch) -> dict[str, int]:
    """Return the axes of the grid by the names that stand for the index of the thread along them."""
    return dict(_Threads(func, launch).axes)


class _Threads:
    """Knows which values differ between the threads of a grid or of a block."""

    def __init__(self, func: Func, launch: Launch) -> None:
        self.lets = {s.target.name: s.value for s in statements(func.body) if isinstance(s, Let)}
        self.launch = launch
        self.axes: dict[str, int] = {}
        self.own_axes: dict[str, int] = {}
        for name, value in self.lets.items():
            self._index(name, value)
        for stmt in statements(func.body):
            if isinstance(stmt, For):
                self._strided(stmt)

    def _index(self, name: str, value: Expr) -> None:
        for axis, letter in enumerate(AXES):
            if self._is_grid(value, axis):
                self.axes[name] = axis
            if value == Call(f"cuda.threadIdx.{letter}"):
                self.own_axes[name] = axis

    def _is_grid(self, value: Expr, axis: int) -> bool:
        """Whether a value is the index of the thread in the grid: `blockIdx.x * blockDim.x + threadIdx.x` is too."""
        thread, block = Call(f"cuda.threadIdx.{AXES[axis]}"), Call(f"cuda.blockIdx.{AXES[axis]}")
        match value:
            case Call(prim, (_, Lit(k))) if prim == GRID:
                return k == axis
            case Call("add", (a, b)):
                pairs = ((self._resolved(a), b), (self._resolved(b), a))
                return any(one == thread and self._is_times_block(other, block, axis) for one, other in pairs)
            case _:
                return False

    def _is_times_block(self, expr: Expr, block: Expr, axis: int) -> bool:
        size = Lit(self.launch.block[axis])
        match self._resolved(expr):
            case Call("mul", (a, b)):
                return (self._resolved(a), b) == (block, size) or (a, self._resolved(b)) == (size, block)
            case other:
                return other == block and size == Lit(1)

    def _resolved(self, expr: Expr) -> Expr:
        while isinstance(expr, Var) and expr.name in self.lets:
            expr = self.lets[expr.name]
        return expr

    def _strided(self, loop: For) -> None:
        """`for i in range(cuda.grid(1), n, cuda.gridsize(1))`: no two threads see the same `i`."""
        for axis in range(3):
            starts = isinstance(loop.start, Var) and self._is_grid(self._resolved(loop.start), axis)
            if starts and self._is_grid_size(loop.step, axis):
                self.axes[loop.index.name] = axis

    def _is_grid_size(self, expr: Expr, axis: int) -> bool:
        match self._resolved(expr):
            case Call(prim, (_, Lit(k))) if prim == GRIDSIZE:
                return k == axis
            case Call("mul", (a, b)):
                blocks, size = Call(f"cuda.gridDim.{AXES[axis]}"), Lit(self.launch.block[axis])
                return (self._resolved(a), b) == (blocks, size) or (a, self._resolved(b)) == (size, blocks)
            case _:
                return False

    def apart(self, accesses: Sequence[Index | None], *, shared: bool) -> bool:
        """Whether all accesses are at one index that differs between any two threads: of the grid, or of a block."""
        indices = [index for index in accesses if index is not None]
        if len(indices) < len(accesses) or len({len(index) for index in indices}) != 1:
            return False
        needed = (
            {k for k, count in enumerate(self.launch.block) if count > 1} if shared else set(range(self.launch.rank))
        )
        known: Mapping[str, int] = {**self.axes, **self.own_axes} if shared else self.axes
        found = {axis for column in zip(*indices, strict=True) if (axis := self._axis(column, known)) is not None}
        return needed <= found

    def _axis(self, column: Sequence[Expr], known: Mapping[str, int]) -> int | None:
        """Return the axis along which threads have different indices in this place, whichever accesses they make."""
        base = Lines(self.lets, known).common(column)
        return None if base is None else known[base]


def _combined(prim: str, a: Linear | None, b: Linear | None) -> Linear | None:
    if a is None or b is None or (a.base is not None and b.base is not None):
        return None
    if prim == "mul":
        line, number = (a, b) if b.base is None else (b, a)
        return Linear(line.base, line.factor * number.offset, line.offset * number.offset)
    sign = 1 if prim == "add" else -1
    base = a.base if a.base is not None else b.base
    return Linear(base, a.factor + sign * b.factor, a.offset + sign * b.offset)
