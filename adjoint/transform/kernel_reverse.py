"""Reverse mode of a CUDA kernel: the adjoint kernel does in each thread what the thread did, and then its adjoint.

`Reverse` does the work; this adds what is different where many threads run the same program on shared memory:

- Cotangents of arrays are parameters of the adjoint kernel, those of shared and local arrays are arrays of that kind.
- A barrier has a barrier at the mirrored place as its adjoint. If the primal has no races, its conflicting accesses
  (a write, and a read or write of the same element by another thread) have a barrier between them, and so have their
  adjoints and what restores the contents. Two reads become two increments, which `kernel_accesses` makes atomic.
- `cuda.atomic.add(y, i, v)` has the adjoint `v_bar += y_bar[i]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from math import prod

from adjoint.errors import UnsupportedError
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Param, Return, Stmt, Store, Var
from adjoint.ir.walk import map_expr, statements
from adjoint.rules.kernels import BARRIER, FORGET, SHARED, is_allocation, is_barrier, sizes
from adjoint.rules.numba_types import array, int64, is_array
from adjoint.transform import stores
from adjoint.transform.forward_sweep import ForwardSweep
from adjoint.transform.kernel_accesses import independent
from adjoint.transform.kernel_prepare import is_at_start
from adjoint.transform.kernel_replay import replays
from adjoint.transform.kernel_tapes import GlobalTape, KernelResiduals, tape_parameters
from adjoint.transform.program import Program
from adjoint.transform.reverse import Reverse, Wanted

# Adds the sum of a number over the threads of a block to the one element of an array.
BLOCK_SUM = "helper.add_block_sum"


@dataclass(frozen=True)
class KernelAdjoint:
    """The imperative program of an adjoint kernel.

    `bars` maps parameters of the primal to those with their cotangents; `shadows` does the same for all arrays.
    `refused` are names with the error to raise if the program needs them.
    """

    func: Func
    bars: dict[str, str]
    shadows: dict[str, str]
    scalars: tuple[str, ...]
    tapes: tuple[GlobalTape, ...]
    refused: Mapping[str, UnsupportedError]


def reverse_kernel(
    func: Func, wrt: Sequence[str], *, name: str, block: tuple[int, int, int], rank: int
) -> KernelAdjoint:
    """Return the adjoint of a prepared kernel.

    Args:
        func: the SSA program, from `kernel_prepare`.
        wrt: the parameters to differentiate with respect to.
        name: the name of the adjoint kernel.
        block: the numbers of threads of a block along x, y and z.
        rank: the number of axes along which there is more than one thread in the grid.
    """
    return KernelReverse(Program.of(func), wrt, block, rank).kernel(name)


class KernelReverse(Reverse):
    def __init__(self, program: Program, wrt: Sequence[str], block: tuple[int, int, int], rank: int) -> None:
        super().__init__(program, Wanted("", tuple(wrt)), {})
        self.threads = block
        facts = program.memory
        volatile = {facts.cls(s.target.name) for s in statements(program.func.body) if isinstance(s, Accum)}
        self.kernel_residuals = KernelResiduals(program, rank, frozenset(volatile))
        self.residuals = self.kernel_residuals
        self.bars.ensure = self.residuals.ensure_all
        self.replays = replays(program)
        self.replayed = {id(s) for replay in self.replays.values() for s in replay.stores}
        self.params: dict[str, str] = {}
        self.scalars: list[str] = []
        for param in program.func.params:
            if param.name in self.active:
                self.parameter(param.name)

    def parameter(self, name: str) -> None:
        """Give a parameter of the primal one for its cotangent: an array, of one element for a scalar."""
        program, type_ = self.program, self.program.types[name]
        bar = program.fresh(f"{name}_bar", type_ if is_array(type_) else array(type_, 1, "C"))
        self.params[name] = bar.name
        if is_array(type_):
            self.bars.vars[name] = bar
            self.bars.state[name] = True
        else:
            self.scalars.append(name)
            self.bars.vars[name] = program.fresh(f"{name}_sum", type_)

    def kernel(self, name: str) -> KernelAdjoint:
        func, program = self.program.func, self.program
        program.taken.add(name)
        exit_ = func.body[-1]
        frame = self.open(program.structure.root, program.memory.after[id(exit_)])
        zeroed = self.shadows()
        self.sweep(func.body[:-1])
        parts = self.block_sums([p for p in self.scalars if self.bars.has(p)])
        backward = self.close(frame)
        sweep = ForwardSweep(self.residuals, self.trips, self.old, self.bars.shaped)
        start = sum(1 for _ in takewhile(is_at_start, func.body))
        first = sweep.block(func.body[:start])
        forward = sweep.block(func.body[start:-1])
        tapes = tuple(self.kernel_residuals.global_tapes)
        params = (*func.params, *map(Param, self.params.values()), *tape_parameters(tapes))
        body = (*first, *parts, *self.kernel_residuals.first, *zeroed, *forward, *backward, Return(Lit(None)))
        made = program.finished(name, params, body, func.refs)
        shadows = {n: bar.name for n, bar in self.bars.vars.items() if is_array(program.types.get(n))}
        refused = self.kernel_residuals.refused
        return KernelAdjoint(made, self.params, shadows, tuple(self.scalars), tapes, refused)

    def block_sums(self, names: Sequence[str]) -> list[Stmt]:
        """Add up the cotangents of scalars, and return statements for the start: memory for the sums of a block.

        It isn't the helper's own, for which one of the compilers of kernels has no place.
        """
        if not names:
            return []
        real = self.program.types[names[0]]
        parts = self.program.fresh("parts", array(real, 1, "C"))
        for name in names:
            self.emit(Effect(Call(BLOCK_SUM, (Var(self.params[name]), self.bars.bar(name), parts))))
        return [Let(parts, Call(SHARED, (Lit(prod(self.threads)),), (("dtype", Lit("float64")),)))]

    # -- cotangents of shared and local arrays ---------------------------------------------------------------

    def shadows(self) -> list[Stmt]:
        """Make them exist, and return the statements that set them to zero at the start of the kernel."""
        made: list[Stmt] = []
        shared = False
        for stmt in self.program.func.body:
            match stmt:
                case Let(target, Call(prim) as call) if is_allocation(prim) and target.name in self.active:
                    bar = self.bars.bar(target.name)
                    self.bars.state[target.name] = True
                    made += [Let(bar, call), *self.zeros(bar, call)]
                    shared |= prim == SHARED
                case _:
                    pass
        return [*made, Effect(Call(BARRIER, self.watched()))] if shared else made

    def zeros(self, bar: Var, call: Call) -> list[Stmt]:
        """Return statements that set all elements to zero: of a shared array each thread sets some."""
        fresh, shape = self.program.fresh, sizes(call)
        if call.prim == SHARED:
            if (owners := self.owners(shape)) is not None:
                return [*owners[0], Store(bar, owners[1], Lit(0.0))]
            first, start, step = self.linear()
        else:
            first, start, step = [], Lit(0), 1
        indices = [fresh("k", int64) for _ in shape]
        body: Stmt = Store(bar, tuple(indices), Lit(0.0))
        for k in reversed(range(1, len(shape))):
            body = For(indices[k], Lit(0), Lit(shape[k]), Lit(1), (body,))
        return [*first, For(indices[0], start, Lit(shape[0]), Lit(step), (body,))]

    def owners(self, shape: tuple[int, ...]) -> tuple[list[Stmt], tuple[Var, ...]] | None:
        """Return the indices of the element that a thread owns, if there are as many threads as elements."""
        axes = [k for k, count in enumerate(self.threads) if count > 1]
        for order in (axes, axes[::-1]):
            if tuple(self.threads[k] for k in order) == shape:
                found = [self.thread_index(k) for k in order]
                return [stmt for stmts, _ in found for stmt in stmts], tuple(var for _, var in found)
        return None

    def thread_index(self, axis: int) -> tuple[list[Stmt], Var]:
        """Return the index of the thread along an axis, under the primal's name if that has one."""
        call = Call(f"cuda.threadIdx.{'xyz'[axis]}")
        for stmt in self.program.func.body:
            if isinstance(stmt, Let) and stmt.value == call:
                return [], stmt.target
        var = self.program.fresh("t" if axis == 0 else f"t_{'xyz'[axis]}", int64)
        return [Let(var, call)], var

    def linear(self) -> tuple[list[Stmt], Expr, int]:
        """Return the number of the thread in its block, and how many there are."""
        x, y, z = self.threads
        first, var = self.thread_index(0)
        number: Expr = var
        for axis, below in ((1, x), (2, x * y)):
            if self.threads[axis] > 1:
                more, index = self.thread_index(axis)
                first += more
                number = Call("add", (number, Call("mul", (index, Lit(below)))))
        if number == var:
            return first, var, x
        total = self.program.fresh("number", int64)
        return [*first, Let(total, number)], total, x * y * z

    def watched(self) -> tuple[Expr, ...]:
        """Return the arrays that other threads write: those the primal watches at barriers, and their cotangents."""
        facts = self.program.memory
        arrays = [
            n
            for s in self.program.func.body
            if isinstance(s, Let) and isinstance(s.value, Call) and s.value.prim == SHARED
            for n in (s.target.name,)
        ]
        arrays += [p.name for p in self.program.func.params if facts.is_written(p.name)]
        bars = [self.bars.bar(n) for n in arrays if n in self.active]
        return (*map(Var, arrays), *bars)

    # -- statements ------------------------------------------------------------------------------------------

    def statement(self, stmt: Stmt) -> None:
        match stmt:
            case Effect(value) if is_barrier(value):
                self.emit(Effect(Call(BARRIER, self.watched())))
            case Let(_, Call(prim)) if is_allocation(prim):
                pass  # what is in a new array is nobody's
            case Store() if id(stmt) in self.replayed:
                self.residuals.ensure_all(stmt.array, *stmt.index)
                self.stack[-1].versions = self.program.memory.before[id(stmt)]
                stores.write(self, stmt)
            case Accum(array_, index, value):
                self.atomic_add(stmt, array_.name, index, value)
            case For() if stmt.step not in (Lit(1), Lit(-1)):
                self.strided(stmt)
            case _:
                super().statement(stmt)

    def sweep(self, body: Block) -> None:
        if (replay := self.replays.get(id(body))) is not None:
            self.emit(Effect(Call(FORGET, tuple(map(Var, replay.arrays)))))
            for stmt in replay.statements:
                self.again(stmt)
            if replay.barrier:
                self.emit(Effect(Call(BARRIER, self.watched())))
        super().sweep(body)

    def strided(self, stmt: For) -> None:
        """Adjoint of a loop with any step, such as one over the elements that are a thread's: upwards if it may be."""
        out = self.stack[-1].out
        start = len(out)
        super().statement(stmt)
        upwards = independent(self.program.func, stmt, self.program.memory)
        for k, made in enumerate(out[start:], start):
            if isinstance(made, For) and made.index == stmt.index:
                out[k] = replace(made, start=stmt.start, stop=stmt.stop, step=stmt.step) if upwards else counted(made)

    def again(self, stmt: Stmt) -> None:
        """Write into shared memory what the primal wrote there in this iteration."""
        match stmt:
            case Store(_, index, value) if id(stmt) in self.replayed:
                self.residuals.ensure_all(*index, value)
                self.emit(stmt)
            case If(cond, then, orelse):
                self.residuals.ensure_all(cond)
                branches = [self.again_in(stmt, slot, block) for slot, block in enumerate((then, orelse))]
                if any(branches):
                    self.emit(If(cond, branches[0], branches[1], loc=stmt.loc))
            case _:
                pass

    def again_in(self, owner: If, slot: int, block: Block) -> Block:
        frame = self.open(self.program.structure.place(owner, slot), self.stack[-1].versions)
        for stmt in block:
            self.again(stmt)
        return self.close(frame)

    def atomic_add(self, stmt: Accum, name: str, index: tuple[Expr, ...], value: Expr) -> None:
        """Adjoint of `cuda.atomic.add(array, index, value)`."""
        if name not in self.active or not isinstance(value, Var) or value.name not in self.active:
            return
        self.comment(stmt)
        self.residuals.ensure_all(*index)
        self.bars.ensure_buffer(name)
        place = Call("getitem", (self.bars.bar(name), *index))
        self.bars.contribute(value.name, self.bars.cast(place, value.name), owned=True)


def counted(loop: For) -> For:
    """Spell out the length of a range with a constant step, which has no other form in a kernel."""

    def spelt(expr: Expr) -> Expr:
        match expr:
            case Call("len", (Call("range", (start, stop, Lit(int(step)))),)):
                distance = Call("sub", (stop, start) if step > 0 else (start, stop), via="operator")
                rounded = Call("add", (distance, Lit(abs(step) - 1)), via="operator")
                return Call("floordiv", (rounded, Lit(abs(step))), via="operator")
            case Call("len", (Call("range"),)):
                raise UnsupportedError(
                    "a loop in a kernel with a step that isn't constant, whose iterations depend on each other",
                    loop.loc,
                    help="make the step a constant",
                )
            case _:
                return expr

    return replace(loop, start=map_expr(loop.start, spelt), stop=map_expr(loop.stop, spelt))
