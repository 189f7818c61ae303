"""A kernel made ready for reverse mode: what holds for every thread comes first, and what it writes is its result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from numba import types as nb

from adjoint.analysis.effects import is_random
from adjoint.analysis.memory import memory, shows
from adjoint.errors import UnsupportedError
from adjoint.ir import Block, Call, Effect, Expr, For, Func, If, Let, Lit, Return, Stmt, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands, operands, statements
from adjoint.rules.kernels import SHARED, is_allocation, is_barrier, is_index
from adjoint.rules.numba_types import Type, array, element_type, is_array
from adjoint.transform.kernel_loops import counted
from adjoint.transform.kernel_share import share


def prepare(func: Func, *, single: bool) -> Func:
    """Return the SSA program of a kernel in the form that `kernel_reverse` takes.

    - With `single`, every number is single precision. It is treated as double here, and `codegen` gives it its type
      back, so that no constant and no index makes a double of it.
    - Loops that constants decide are counted.
    - Indices of the thread and shared and local arrays stand at the start.
    - The operands of a barrier are the arrays that other threads may have written when it returns.
    - The program returns the arrays that it writes, so that analyses know what it is for.

    Raises:
        UnsupportedError: the kernel does something with whole arrays, or returns something.
    """
    func = share(_positive(_hoisted(counted(widened(func) if single else func))))
    _check(func)
    written = written_parameters(func)
    shared = [s.target.name for s in func.body if isinstance(s, Let) and _is_call(s.value, SHARED)]
    body = _with_operands(func.body, tuple(map(Var, [*shared, *written])))
    exit_ = func.body[-1]
    assert isinstance(exit_, Return)
    results = replace(exit_, value=Call("tuple", tuple(map(Var, written))))
    return replace(func, body=(*body[:-1], results))


def written_parameters(func: Func) -> list[str]:
    """Return the names of the arrays that a kernel writes into."""
    facts = memory(func)
    return [p.name for p in func.params if is_array(func.types.get(p.name)) and facts.is_written(p.name)]


def _is_call(value: Expr, prim: str) -> bool:
    return isinstance(value, Call) and value.prim == prim


_ON_THE_CPU = "without target='cuda' it runs on the CPU, with parallel=True on all cores"
_CALLED = "if it is no kernel but a function of arrays, call its gradient with arrays, without a launch"


def _check(func: Func) -> None:
    exit_ = func.body[-1]
    if isinstance(exit_, Return) and exit_.value != Lit(None):
        help_ = f"write the result into an argument; {_CALLED}"
        raise UnsupportedError("a kernel that returns something", func.loc, help=help_)
    for stmt in statements(func.body):
        if isinstance(stmt, For) and stmt.parallel:
            help_ = f"`for i in range(cuda.grid(1), n, cuda.gridsize(1))` deals iterations out; {_CALLED}"
            what = "`prange` in a kernel, of which every thread runs the whole loop"
            raise UnsupportedError(what, stmt.loc, help=help_)
        if any(map(is_random, operands(stmt))):
            raise UnsupportedError(
                "a random draw in a kernel", getattr(stmt, "loc", None), help="draw before the launch; pass an array"
            )
        if not isinstance(stmt, Let) or not is_array(func.types.get(stmt.target.name)):
            continue
        match stmt.value:
            case Var():
                pass
            case Call(prim) if is_allocation(prim) or prim.startswith("const:"):
                pass
            case _ if shows(stmt, func):
                pass
            case _:
                raise UnsupportedError(
                    "arithmetic with whole arrays in a kernel",
                    stmt.loc,
                    help=f"write a loop over the elements; {_ON_THE_CPU}",
                )


def is_at_start(stmt: Stmt) -> bool:
    """Whether a statement is one of those that stand at the start of a prepared kernel."""
    match stmt:
        case Let(_, Call(prim)):
            return is_index(prim) or is_allocation(prim)
        case _:
            return False


# -- single precision ----------------------------------------------------------------------------------------


def widened(func: Func) -> Func:
    types = {name: _wide_type(kind) for name, kind in func.types.items()}
    return replace(func, body=_map_exprs(func.body), types=types)


def _wide_type(kind: object) -> object:
    if kind == nb.float32:
        return nb.float64
    if isinstance(kind, nb.Array) and element_type(kind) == nb.float32:
        return array(nb.float64, cast(Type, kind).ndim, cast(Type, kind).layout)
    return cast(object, kind)


def _map_exprs(block: Block) -> Block:
    return tuple(map_blocks(map_operands(stmt, lambda expr: map_expr(expr, _wide_expr)), _map_exprs) for stmt in block)


def _wide_expr(expr: Expr) -> Expr:
    match expr:
        case Call("cast.float32"):
            return replace(expr, prim="cast.float64")
        case Call(kwargs=(("dtype", Lit("float32")),)):
            return replace(expr, kwargs=(("dtype", Lit("float64")),))
        case _:
            return expr


# -- what comes first ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hoisted:
    first: list[Stmt]
    known: dict[Call, Var]


def _hoisted(func: Func) -> Func:
    """Move what says which thread runs, and arrays of constant size, to the start of the kernel."""
    hoisted = _Hoisted([], {})
    rest = _without(func.body, hoisted)
    return replace(func, body=(*hoisted.first, *rest))


def _without(block: Block, hoisted: _Hoisted) -> Block:
    return tuple(new for stmt in block for new in _left(stmt, hoisted))


def _left(stmt: Stmt, hoisted: _Hoisted) -> Iterable[Stmt]:
    match stmt:
        case Let(target, Call(prim) as call) if is_allocation(prim):
            hoisted.first.append(stmt)
        case Let(target, Call(prim) as call) if is_index(prim) and call not in hoisted.known:
            hoisted.known[call] = target
            hoisted.first.append(stmt)
        case Let(target, Call(prim) as call) if is_index(prim):
            yield replace(stmt, value=hoisted.known[call])
        case _:
            yield map_blocks(stmt, lambda inner: _without(inner, hoisted))


# -- guards --------------------------------------------------------------------------------------------------

_OPPOSITE = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


def _positive(func: Func) -> Func:
    """Turn `if i >= n: return` into `if i < n:` with the rest in it."""
    types = dict(func.types)
    lets = {s.target.name: s.value for s in statements(func.body) if isinstance(s, Let)}

    def block(old: Block) -> Block:
        return tuple(new for stmt in old for new in turned(map_blocks(stmt, block)))

    def turned(stmt: Stmt) -> list[Stmt]:
        match stmt:
            case If(Var(name) as cond, (), orelse, merges) if orelse and name in lets:
                opposite = _opposite(lets[name], func) or Call("not", (cond,), via="operator")
                new = f"{name}_not"
                while new in types:
                    new += "_"
                types[new] = nb.boolean
                swapped = tuple(replace(m, then=m.orelse, orelse=m.then) for m in merges)
                return [Let(Var(new), opposite, stmt.loc), If(Var(new), orelse, (), swapped, stmt.loc)]
            case _:
                return [stmt]

    return replace(func, body=block(func.body), types=types)


def _opposite(cond: Expr, func: Func) -> Expr | None:
    """Return the opposite of a comparison of whole numbers; of others NaN makes `not a < b` differ from `a >= b`."""
    match cond:
        case Call(prim, (a, b)) if prim in _OPPOSITE and _is_whole(a, func) and _is_whole(b, func):
            return Call(_OPPOSITE[prim], (a, b), via="operator")
        case _:
            return None


def _is_whole(expr: Expr, func: Func) -> bool:
    match expr:
        case Var(name):
            return isinstance(func.types.get(name), nb.Integer)
        case Lit(value):
            return isinstance(value, int)
        case Call():
            return False


def _with_operands(block: Block, arrays: tuple[Var, ...]) -> Block:
    return tuple(
        replace(stmt, value=replace(stmt.value, args=arrays))
        if isinstance(stmt, Effect) and is_barrier(stmt.value)
        else map_blocks(stmt, lambda inner: _with_operands(inner, arrays))
        for stmt in block
    )
