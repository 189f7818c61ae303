"""`grad(f, target="cuda")` of a function of numbers: a device function, which kernels call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numba.core import types as nb

from adjoint.api import compiler
from adjoint.backends.request import NumbaType, Options, Request
from adjoint.codegen.kernel_module import kernel_text
from adjoint.errors import UnsupportedError
from adjoint.ir import Block, Call, Effect, Expr, Func, Let, Lit, Stmt
from adjoint.ir.walk import items_of, map_blocks, operands, statements, subexpressions
from adjoint.rules.kernels import LOCAL

_BLOCK = (1, 1, 1)
# Elements of a local array.
_MOST = 256


def device_text(fun: Any, argnums: Sequence[int], named_one: bool, types: Sequence[NumbaType], package: str) -> str:
    """Return the text of a module with the gradient of a function of numbers as a device function.

    Args:
        fun: the Python function.
        argnums: the parameters to differentiate with respect to.
        named_one: whether the gradient is a number, not a tuple.
        types: Numba's types of the parameters. If they are single precision, so is all that is computed.
        package: where `cuda` comes from.

    Raises:
        AdjointError: the function can't be differentiated, or does in some line what device functions can't.
    """
    single = nb.float32 in types and nb.float64 not in types
    wide = tuple(nb.float64 if kind == nb.float32 else kind for kind in types)
    request = Request(fun, "grad", tuple(argnums), named_one, options=Options(target="python"))
    func = compiler.lower_primal(fun, wide)
    made = compiler.tidy(compiler.differentiated(func, request))
    made = replace(made, body=_local(made.body))
    _check(made)
    return kernel_text([made], block=_BLOCK, single=single, package=package, device=True)


def _local(block: Block) -> Block:
    """Make arrays of constant size, where values are recorded, local ones."""
    return tuple(map_blocks(_in_thread(stmt), _local) for stmt in block)


def _in_thread(stmt: Stmt) -> Stmt:
    match stmt:
        case Let(_, Call("empty", (shape,), dtype)) if all(_is_size(size) for size in items_of(shape) or (shape,)):
            return replace(stmt, value=Call(LOCAL, (shape,), dtype or (("dtype", Lit("float64")),)))
        case _:
            return stmt


def _is_size(expr: Expr) -> bool:
    return isinstance(expr, Lit) and isinstance(expr.value, int) and 0 < expr.value <= _MOST


def _check(func: Func) -> None:
    """Raise where an array would be needed, or another function: threads have no memory to make one in."""
    for stmt in statements(func.body):
        loc = getattr(stmt, "loc", None) or func.loc
        if isinstance(stmt, Let) and not _is_local(stmt) and _is_recorded(stmt, func):
            raise UnsupportedError(
                "a value that has to be recorded in a device function",
                loc,
                help="bound the loop by a constant, or differentiate the kernel that calls the function",
            )
        for expr in operands(stmt):
            for part in subexpressions(expr):
                if isinstance(part, Call) and part.prim.startswith(("ref:", "helper.")):
                    raise UnsupportedError("a call that isn't inlined in a device function", loc)
        if isinstance(stmt, Effect) and stmt.value.prim.startswith("print"):
            raise UnsupportedError("printing in a device function", loc)


def _is_local(stmt: Let) -> bool:
    return isinstance(stmt.value, Call) and stmt.value.prim == LOCAL


def _is_recorded(stmt: Let, func: Func) -> bool:
    kind = func.types.get(stmt.target.name)
    return isinstance(kind, nb.Array | nb.List) or isinstance(stmt.value, Call) and stmt.value.prim in ("list", "empty")
