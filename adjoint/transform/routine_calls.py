"""Calls of routines in a program that is differentiated: a call of the derivative, which is a routine too.

The backward sweep calls the pullback with the arguments of the primal call and the cotangent of its result. That
runs the primal again for what it needs of it: nothing is recorded from one call to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from numba import types as nb

from adjoint.analysis.activity import active, is_differentiable, varied_names
from adjoint.analysis.memory import memory
from adjoint.ir import Call, Expr, Func, Let, Lit, Stmt, Var
from adjoint.ir.routine import Kind, Routine
from adjoint.ir.walk import operands, statements, subexpressions
from adjoint.rules.numba_types import array, element_type, item_types, own_layout, tuple_of
from adjoint.transform.program import Program

if TYPE_CHECKING:
    from adjoint.transform.reverse import Reverse


def routine_of(call: Expr, refs: Mapping[str, object]) -> Routine | None:
    """Return the routine that an expression calls."""
    found = refs.get(call.prim) if isinstance(call, Call) else None
    return found if isinstance(found, Routine) else None


def routines_in(func: Func) -> list[Routine]:
    """Return the routines that a program calls, each once, in the order of their calls."""
    tops = (top for stmt in statements(func.body) for top in operands(stmt))
    calling = (top for top in tops if isinstance(top, Call) and not func.refs.keys().isdisjoint(top.prims))
    exprs = (e for top in calling for e in subexpressions(top))
    return list(dict.fromkeys(found for e in exprs if (found := routine_of(e, func.refs)) is not None))


def derivative(routine: Routine, kind: Kind, positions: Sequence[int]) -> Routine:
    """Return the derivative of a routine with respect to the arguments at these positions, and maybe at others."""
    func = routine.program
    wanted = _widened(routine, kind, frozenset(positions))
    if (kind, wanted) not in routine.derivatives:
        if kind == "pullback":
            bars = tuple(bar_type(func.types[func.params[k].name]) for k in wanted)
            result = bars[0] if len(bars) == 1 else tuple_of(bars)
        else:
            result = tuple_of((routine.result_type, bar_type(routine.result_type)))
        made = Routine(f"{routine.name}_{kind}", kind, wanted, result, result, func)
        routine.derivatives[kind, wanted] = made
    return routine.derivatives[kind, wanted]


def _widened(routine: Routine, kind: Kind, positions: frozenset[int]) -> tuple[int, ...]:
    """Add the positions at which calls of the routine in itself have derivatives: one derivative does for all."""
    func = routine.program
    facts, names = memory(func), [param.name for param in func.params]
    find = active if kind == "pullback" else varied_names
    calls = [
        stmt.value.args
        for stmt in statements(func.body)
        if isinstance(stmt, Let) and isinstance(stmt.value, Call) and routine_of(stmt.value, func.refs) is routine
    ]
    while True:
        found = find(func, facts, [names[k] for k in sorted(positions)])
        inner = {k for args in calls for k, arg in enumerate(args) if isinstance(arg, Var) and arg.name in found}
        inner = {k for k in inner if is_differentiable(func.types[names[k]])}
        if inner <= positions:
            return tuple(sorted(positions))
        positions |= inner


def bar_type(type_: object) -> Any:
    """Return the type of the cotangent or tangent of a value, as routines take and return it."""
    if isinstance(type_, nb.BaseTuple):
        return tuple_of(tuple(map(bar_type, item_types(type_))))
    if isinstance(type_, nb.Array):
        return array(element_type(type_), cast("Any", type_).ndim, own_layout(type_))
    return type_ if is_differentiable(type_) else nb.float64


def pull(reverse: Reverse, call: Call, routine: Routine, bar: Expr, *, owned: bool) -> None:
    """Pull the cotangent of a result back to the arguments of the call; `owned`: nobody else holds that array."""
    known = [k for k, arg in enumerate(call.args) if isinstance(arg, Var) and arg.name in reverse.active]
    if not known:
        return
    derived = derivative(routine, "pullback", known)
    prim = reverse.program.reference(derived.name, derived)
    seed = _seed(bar, routine.result_type, owned)
    reverse.residuals.ensure_all(*call.args, seed)
    parts: dict[int, Expr] = {known[0]: Call(prim, (*call.args, seed))}
    if len(derived.positions) > 1:
        bars = reverse.program.fresh(f"{routine.name}_bars", derived.result_type)
        reverse.emit(Let(bars, parts[known[0]]))
        parts = {k: Call("item", (bars, Lit(n))) for n, k in enumerate(derived.positions) if k in known}
    for k, part in parts.items():
        arg = call.args[k]
        assert isinstance(arg, Var)
        reverse.bars.contribute(arg.name, part, owned=True)


def _seed(bar: Expr, type_: object, owned: bool) -> Expr:
    """Return a cotangent of exactly the type that a pullback takes; a second one would be compiled for each other."""
    if isinstance(type_, nb.BaseTuple):
        assert isinstance(bar, Call)
        parts = zip(bar.args, item_types(type_), strict=True)
        return Call("tuple", tuple(_seed(part, kind, owned) for part, kind in parts))
    if isinstance(type_, nb.Array):
        # Part of another array is not contiguous, and the transpose of one is not in C order.
        own = bar if owned else Call("copy", (bar,), via="method")
        return own if cast("Any", type_).ndim < 2 else Call("ascontiguousarray", (own,), via="np")
    # Literals are double.
    return bar if type_ == nb.float64 or not is_differentiable(type_) else Call(f"cast.{type_}", (bar,))


def push(
    program: Program,
    stmt: Let,
    call: Call,
    routine: Routine,
    tangents: Sequence[Expr | None],
    zero: Callable[[Expr], Expr],
) -> tuple[list[Stmt], Expr]:
    """Return the statements that replace a call, and the tangent of its result."""
    moved = [k for k, tangent in enumerate(tangents) if tangent is not None]
    derived = derivative(routine, "pushforward", moved)
    prim = program.reference(derived.name, derived)
    dots = [tangents[k] or zero(call.args[k]) for k in derived.positions]
    pair = program.fresh(f"{routine.name}_pair", derived.result_type)
    return [
        Let(pair, Call(prim, (*call.args, *dots)), stmt.loc),
        Let(stmt.target, Call("item", (pair, Lit(0))), stmt.loc),
    ], Call("item", (pair, Lit(1)))
