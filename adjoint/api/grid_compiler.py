"""From a function of whole arrays to the text of its gradient on a GPU: kernels, and what launches them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

from numba import types as nb

from adjoint.api import compiler
from adjoint.api.kernel_compiler import is_single
from adjoint.backends.request import NumbaType, Request
from adjoint.codegen.grid_module import grid_text
from adjoint.codegen.names import rename
from adjoint.errors import AdjointError, Loc, UnsupportedError
from adjoint.ir import Call, For, Func, If, Return, Stmt, Var
from adjoint.ir.walk import map_blocks
from adjoint.lower import lower
from adjoint.lower.grid_gather import gather_nests
from adjoint.lower.grid_products import product_loops
from adjoint.lower.grid_split import join_additions, split_nests
from adjoint.lower.grid_totals import direct_totals
from adjoint.lower.grids import LIMITS, Grids, Note, grids
from adjoint.rules.typing import expr_type
from adjoint.transform.kernel_prepare import widened

# What serves processors only: vectors, strips that run side by side, loops cut where a branch changes, or in pairs.
_FOR_PROCESSORS = (
    *("strips", "scan", "conditions", "gather", "spread", "relay", "multiply"),
    *("unroll", "if_convert", "split", "columns", "jam", "unsigned"),
)
_RESERVED = (
    "cuda",
    "grid",
    "full",
    "fill",
    "fill_kernel",
    "copied",
    "larger",
    "smaller",
    "put_sum",
    "put_maximum",
    "put_minimum",
    "sum_of_parts",
    "maximum_of_parts",
    "minimum_of_parts",
    "float32",
    "float64",
    "int32",
    "int64",
    "boolean",
)


@dataclass(frozen=True, slots=True)
class GridCode:
    """A gradient on a GPU as text.

    `value` is the type of what the function returns; `apart` are pairs of arrays that mustn't share memory.
    """

    text: str
    entry: str
    notes: tuple[Note, ...]
    value: NumbaType
    apart: tuple[tuple[str, str], ...]


def result_type(func: Func) -> Any:
    """Return the type of what a program returns."""
    exit_ = func.body[-1]
    assert isinstance(exit_, Return)
    return expr_type(exit_.value, func.types, func.refs)


def why_elements(fun: Any, types: tuple[NumbaType, ...]) -> str | None:
    """Return why a function isn't one of whole arrays that returns a number; None if it is."""
    try:
        value = result_type(compiler.lower_primal(fun, types))
    except AdjointError as error:
        return str(error.msg)
    return None if isinstance(value, nb.Number) else f"of these arguments it returns {value}"


def generate_grids(request: Request, types: tuple[NumbaType, ...], package: str) -> GridCode:
    """Return the gradient of a function, for arguments of these types, as text.

    Raises:
        AdjointError: the function can't be differentiated, or does what kernels can't; the error points at the line.
    """
    func = compiler.lower_primal(request.fun, types)
    value = result_type(func)
    single = is_single(dict(zip(inspect.signature(request.fun).parameters, types, strict=True)))
    transformed = compiler.differentiated(widened(func) if single else func, request)
    transformed, apart = _without_guards(transformed)
    try:
        made = _grids(_in_order(transformed), request.options.deterministic)
    except UnsupportedError:
        # What the user says of `prange` may be what is missing.
        made = _grids(transformed, request.options.deterministic)
    text = grid_text(made.host, made.kernels, limits=LIMITS, single=single, package=package)
    return GridCode(text, made.host.name, made.notes, value, apart)


def _grids(transformed: Func, deterministic: bool) -> Grids:
    lowered = compiler.tidy(lower(transformed, _FOR_PROCESSORS))
    split = gather_nests(join_additions(split_nests(direct_totals(product_loops(lowered)))))
    return grids(rename(split, _RESERVED), deterministic=deterministic)


def _without_guards(func: Func) -> tuple[Func, tuple[tuple[str, str], ...]]:
    """Return a program without the tests that arrays don't share memory, and what they test: the caller does it."""
    apart: list[tuple[str, str]] = []
    kept: list[Stmt] = []
    for stmt in func.body:
        match stmt:
            case If(Call("helper.share_memory", (Var(first), Var(second)))):
                apart.append((first, second))
            case _:
                kept.append(stmt)
    return replace(func, body=tuple(kept)), tuple(apart)


def _in_order(func: Func) -> Func:
    """Return a program in which no loop is said to be parallel: more of them can be joined."""

    def one(stmt: Stmt) -> Stmt:
        stmt = replace(stmt, parallel=False) if isinstance(stmt, For) else stmt
        return map_blocks(stmt, lambda block: tuple(map(one, block)))

    return replace(func, body=tuple(map(one, func.body)))


def report(code: GridCode) -> str:
    """Return for people what became of the loops."""
    return "".join(f"{line}\n" for note in code.notes for line in _lines(note))


def _lines(note: Note) -> list[str]:
    place = "a statement" if note.loc is None else f"{_role(note.loc)}line {note.loc.line}: {note.loc.text.rstrip(':')}"
    if not note.kernel:
        return [f"{place}: a loop on the host{f', as {note.why}' if note.why else ''}"]
    shape = "one thread" if note.axes == 0 else f"a thread for each iteration of {_count(note.axes)}"
    lines = [f"{place}: {note.kernel}, {shape}"]
    if note.totals:
        lines.append(f"    added up in each block of threads: {', '.join(note.totals)}")
    if note.added:
        lines.append(f"    atomic additions, as several threads add to one element: {', '.join(note.added)}")
    return lines


def _count(axes: int) -> str:
    return "a loop" if axes == 1 else f"{axes} loops"


def _role(loc: Loc) -> str:
    return f"{loc.role} of " if loc.role else ""
