"""Where threads keep what the backward sweep needs: in a local array, or in a column of a global one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from adjoint.analysis.memory import is_memory
from adjoint.errors import Loc, UnsupportedError
from adjoint.ir import Call, Expr, For, Let, Lit, Param, Stmt, Store, Var, While
from adjoint.ir.walk import items_of, map_expr, names_in
from adjoint.rules.kernels import GRID, LOCAL, is_index
from adjoint.rules.numba_types import array, int64
from adjoint.transform.program import Program
from adjoint.transform.residuals import Frame, Residuals, Tape

# Elements of a local array; more would not stay near the registers.
_LARGEST_LOCAL = 256


@dataclass(frozen=True, slots=True)
class GlobalTape:
    """A parameter of the adjoint kernel: an array of shape (*sizes, one column for each thread).

    The sizes are expressions over the parameters of the primal.
    """

    var: Var
    sizes: tuple[Expr, ...]
    type: object


class KernelResiduals(Residuals):
    """`rank` is the number of axes of the grid: the column of a thread has as many indices.

    Contents of `volatile` memory are not brought back by the backward sweep: what was read of it is recorded.
    """

    def __init__(self, program: Program, rank: int, volatile: frozenset[str]) -> None:
        super().__init__(program)
        self.rank = rank
        self.volatile = volatile
        self.global_tapes: list[GlobalTape] = []
        # Tapes that kernels can't have: an error if dead code elimination leaves one.
        self.refused: dict[str, UnsupportedError] = {}
        self.thread: tuple[Var, ...] = ()
        # What says which column is the thread's.
        self.first: list[Stmt] = []

    def cheap(self, stmt: Let, call: Call) -> bool:
        return is_index(call.prim) or super().cheap(stmt, call)

    def unchanged(self, stmt: Let, call: Call, frame: Frame) -> bool:
        match call:
            case Call("getitem", (Var(name), *_)) if self.program.memory.cls(name) in self.volatile:
                return False
            case _:
                return super().unchanged(stmt, call, frame)

    def take_stored(self, stmt: Store, frame: Frame) -> None:
        """Take nothing from memory: atomic additions of other threads aren't undone before this is reached."""

    def _new_tape(self, name: str, loops: tuple[For | While, ...]) -> Tape:
        tape = super()._new_tape(name, loops)
        match tape.allocation.value:
            case Call("empty", (shape,), dtype) if tape.stack is None:
                sizes = items_of(shape)
            case _:
                self.refused[tape.var.name] = _unknown_size(self.program, name, loops[-1].loc)
                return tape
        known = [size.value for size in sizes if isinstance(size, Lit) and isinstance(size.value, int)]
        if len(known) == len(sizes) and prod(known) <= _LARGEST_LOCAL:
            named = dtype or (("dtype", Lit("float64")),)
            return Tape(tape.var, tape.index, Let(tape.var, Call(LOCAL, (shape,), named)))
        return self._global(name, tape, sizes, loops[0].loc)

    def _global(self, name: str, tape: Tape, sizes: Sequence[Expr], loc: Loc | None) -> Tape:
        closed = [self._closed(size) for size in sizes]
        if any(size is None for size in closed):
            self.refused[tape.var.name] = _unknown_size(self.program, name, loc)
            return tape
        kind = self.program.types.get(name)
        self.program.types[tape.var.name] = array(kind, len(sizes) + self.rank, "C")
        self.global_tapes.append(GlobalTape(tape.var, tuple(size for size in closed if size is not None), kind))
        column = self._column()
        return Tape(tape.var, (*tape.index, *column), Let(tape.var, tape.var))

    def _column(self) -> tuple[Var, ...]:
        if not self.thread:
            self.thread = tuple(self._grid_index(axis) for axis in range(self.rank))
        return self.thread

    def _grid_index(self, axis: int) -> Var:
        """Return the index of the thread in the grid, under the primal's name if that has one."""
        for stmt in self.program.func.body:
            match stmt:
                case Let(target, Call(prim, (_, Lit(k)))) if prim == GRID and k == axis:
                    return target
                case _:
                    pass
        var = self.program.fresh("thread" if self.rank == 1 else f"thread_{'xyz'[axis]}", int64)
        self.first.append(Let(var, Call(GRID, (Lit(self.rank), Lit(axis)))))
        return var

    def _closed(self, expr: Expr) -> Expr | None:
        """Return an expression over the parameters alone; None if there is none."""

        def definition(part: Expr) -> Expr:
            if not isinstance(part, Var) or part.name in params:
                return part
            stmt = self.program.structure.of(part.name).stmt
            if not isinstance(stmt, Let) or not _is_plain(stmt.value):
                return part
            return map_expr(stmt.value, definition)

        params = {p.name for p in self.program.func.params}
        closed = map_expr(expr, definition)
        return closed if all(name in params for name in names_in(closed)) else None


def _is_plain(value: Expr) -> bool:
    """Whether the host can evaluate an expression: one of sizes and whole numbers, without elements."""
    return not isinstance(value, Call) or value.prim in _PLAIN


_PLAIN = frozenset({"dim", "size", "add", "sub", "mul", "floordiv", "mod", "maximum", "minimum", "neg"})


def tape_parameters(tapes: Sequence[GlobalTape]) -> tuple[Param, ...]:
    return tuple(Param(tape.var.name) for tape in tapes)


def _unknown_size(program: Program, name: str, loc: Loc | None) -> UnsupportedError:
    what = "an array" if is_memory(program.types.get(name)) else f"`{program.word(name, 'a value')}`"
    return UnsupportedError(
        f"{what} has to be recorded in every iteration of this loop, and nothing says before the launch how many "
        "there will be",
        loc,
        help="let a parameter of the kernel or a constant bound the loop: `for k in range(n_steps)`",
    )
