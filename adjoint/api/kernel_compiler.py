"""From a CUDA kernel, the types of its arguments and the shape of a launch to the text of its adjoint kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from numba import types as nb

from adjoint.analysis.activity import is_differentiable
from adjoint.backends.request import NumbaType
from adjoint.codegen.kernel_module import kernel_text
from adjoint.codegen.names import rename
from adjoint.errors import UnsupportedError
from adjoint.frontend.lowering import lower
from adjoint.ir import Accum, Call, Effect, Expr, Func, Lit, Store, Var
from adjoint.ir.walk import names_in, operands, statements, subexpressions
from adjoint.lower.tapes import drop_unread
from adjoint.rules.kernels import ATOMIC_ADD
from adjoint.rules.numba_types import element_type
from adjoint.transform.coalesce import coalesce
from adjoint.transform.copies import drop_copies
from adjoint.transform.copyprop import propagate
from adjoint.transform.dce import eliminate
from adjoint.transform.kernel_accesses import Launch, exclusive
from adjoint.transform.kernel_branches import merge_branches
from adjoint.transform.kernel_finish import atomic, fewer_barriers, stored, without_forgets, without_unused
from adjoint.transform.kernel_gather import Fit, gather
from adjoint.transform.kernel_phases import plain_additions, without_idle_barriers
from adjoint.transform.kernel_prepare import prepare, written_parameters
from adjoint.transform.kernel_reverse import KernelAdjoint, reverse_kernel
from adjoint.transform.kernel_sums import merge_sums
from adjoint.transform.kernel_tapes import GlobalTape
from adjoint.transform.renest import renest
from adjoint.transform.simplify import simplify
from adjoint.transform.whole import ARITHMETIC

# Names that the text of an adjoint kernel uses.
_RESERVED = ("cuda", "float32", "float64", "int32", "int64", "boolean", "add_block_sum", "add_in_order")

TIDY: tuple[Callable[[Func], Func], ...] = (
    eliminate,
    propagate,
    simplify,
    merge_branches,
    lambda func: coalesce(eliminate(func)),
    lambda func: drop_copies(renest(func)),
    lambda func: merge_branches(eliminate(simplify(propagate(func)))),
    lambda func: eliminate(fewer_barriers(without_forgets(func))),
    without_unused,
    lambda func: rename(func, _RESERVED),
)


@dataclass(frozen=True, slots=True)
class KernelRequest:
    """What an adjoint kernel is made for. `wrt` is None where all numbers that the kernel reads are meant."""

    fun: Any
    wrt: tuple[str, ...] | None
    package: str
    types: tuple[tuple[str, NumbaType], ...]
    block: tuple[int, int, int]
    rank: int
    fits: frozenset[Fit] = frozenset()
    deterministic: bool = False


@dataclass(frozen=True, slots=True)
class KernelCode:
    """An adjoint kernel as text, and what whoever launches it has to know.

    `params` are its parameters; `bars` maps parameters of the primal to those with their cotangents. `after` are the
    name and the parameters of a second kernel, to be launched in the same way afterwards. If it is `deterministic`, the
    cotangents of `scalars` have an element for each block, and are added up by `add_in_order`.
    """

    text: str
    entry: str
    params: tuple[str, ...]
    bars: Mapping[str, str]
    wrt: tuple[str, ...]
    written: tuple[str, ...]
    scalars: tuple[str, ...]
    tapes: tuple[GlobalTape, ...]
    single: bool
    after: tuple[str, tuple[str, ...]] | None = None
    deterministic: bool = False


def generate_kernel(request: KernelRequest) -> KernelCode:
    """Return the adjoint of a kernel.

    Raises:
        AdjointError: the kernel can't be differentiated; the error points at the user's line.
    """
    types = dict(request.types)
    single = is_single(types)
    func = prepare(lower(request.fun, types, threads=request.block), single=single)
    written = written_parameters(func)
    wrt = tuple(read_parameters(func)) if request.wrt is None else request.wrt
    adjoint = reverse_kernel(func, wrt, name=f"{func.name}_adjoint", block=request.block, rank=request.rank)
    alone = exclusive(func, Launch(request.block, request.rank))
    made = atomic(merge_sums(adjoint.func), {bar for name, bar in adjoint.shadows.items() if name in alone})
    made = tidy(_without_dead_writes(made, adjoint, func))
    made = plain_additions(without_idle_barriers(made), request.block)
    bars = {(adjoint.bars[name], k, axis) for name, k, axis in request.fits if name in adjoint.bars}
    found = gather(made, Launch(request.block, request.rank), request.fits | bars)
    kernels = [made] if found is None else [tidy(each) for each in (found.after, found.func) if each is not None]
    if request.deterministic:
        _refuse_atomics(kernels)
    text = kernel_text(
        kernels, block=request.block, single=single, package=request.package, deterministic=request.deterministic
    )
    entry, after = (_launched(each) for each in (kernels[-1], kernels[0]))
    return KernelCode(
        text, *entry, adjoint.bars, wrt, tuple(written), adjoint.scalars, adjoint.tapes, single,
        after if len(kernels) > 1 else None, request.deterministic,
    )


def _launched(func: Func) -> tuple[str, tuple[str, ...]]:
    return func.name, tuple(p.name for p in func.params)


def tidy(func: Func) -> Func:
    for change in TIDY:
        func = change(func)
    return func


def _without_dead_writes(made: Func, adjoint: KernelAdjoint, primal: Func) -> Func:
    """Drop what the primal writes and the adjoint doesn't read; what is left is restored in the end."""
    bars = list(adjoint.bars.values())
    found = eliminate(drop_unread(eliminate(made, observable=bars)), observable=bars)
    kept = stored(found, [p.name for p in primal.params])
    if kept:
        found = eliminate(drop_unread(eliminate(made, observable=[*bars, *kept])), observable=[*bars, *kept])
    _refuse(found, adjoint)
    return found


def _refuse(func: Func, adjoint: KernelAdjoint) -> None:
    """Raise where a value has to be recorded that threads have no place for."""
    for stmt in statements(func.body):
        for name in (name for expr in operands(stmt) for name in names_in(expr)):
            if name in adjoint.refused:
                raise adjoint.refused[name]


def _refuse_atomics(kernels: Sequence[Func]) -> None:
    """Raise where threads add to elements in an order that is another in each run."""
    for func in kernels:
        for stmt in statements(func.body):
            match stmt:
                case Effect(Call(prim, (Var(name), *_))) if prim == ATOMIC_ADD:
                    raise UnsupportedError(
                        f"`deterministic=True`, as several threads add to `{name}`",
                        stmt.loc or func.loc,
                        help="read elements of the thread's own, or at constant distances from it",
                    )
                case _:
                    pass


def is_single(types: Mapping[str, NumbaType]) -> bool:
    """Whether the numbers of a kernel are single precision: those of its arrays are; without arrays, the scalars."""
    dtypes = {element_type(kind) for kind in types.values() if isinstance(kind, nb.Array)}
    arrays = {str(kind) for kind in dtypes} & {"float32", "float64"}
    scalars = {str(kind) for kind in types.values()} & {"float32", "float64"}
    return (arrays or scalars) == {"float32"}


def read_parameters(func: Func) -> list[str]:
    """Return the parameters with derivatives of which the kernel reads what it is given."""
    read: set[str] = set()
    for stmt in statements(func.body[:-1]):
        parts: Sequence[Expr] = operands(stmt)
        if isinstance(stmt, Store | Accum):
            parts = (*stmt.index, stmt.value)
        for part in (inner for expr in parts for inner in subexpressions(expr)):
            match part:
                case Call("getitem", (Var(name), *_)):
                    read.add(name)
                case Var(name) if not isinstance(func.types.get(name), nb.Array):
                    read.add(name)
                case _:
                    pass
    return [p.name for p in func.params if p.name in read and is_differentiable(func.types.get(p.name))]


def size_of(expr: Expr, args: Mapping[str, Any]) -> int:
    """Return the value of an expression over the sizes and whole numbers that a kernel is given."""
    match expr:
        case Lit(int() as number):
            return number
        case Var(name):
            return int(args[name])
        case Call("dim", (Var(name), Lit(int() as axis))):
            return int(args[name].shape[axis])
        case Call("size", (Var(name),)):
            return prod(args[name].shape)
        case Call(prim, operands_) if prim in ARITHMETIC:
            return ARITHMETIC[prim](*(size_of(operand, args) for operand in operands_))
        case _:
            raise AssertionError(f"not a size: {expr}")
