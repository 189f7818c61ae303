"""Whole numbers that a loop changes by the same amount in each iteration: functions of the loop index."""

from __future__ import annotations

from numba import types as nb

from adjoint.ir import Call, Expr, For, Let, Lit, Var
from adjoint.transform.program import Program


def value_at(program: Program, loop: For, name: str, *, after: bool) -> Expr | None:
    """Return what a number carried by a loop is at the start of an iteration, or after the loop; None if not known.

    It is an expression of the index and of names from before the loop.
    """
    carry = next((carry for carry in loop.carried if carry.phi.name == name), None)
    if carry is None or carry.init is None:
        return None
    amount, count = _amount(program, loop, name, carry.next), _trips(loop) if after else _behind(loop)
    if amount is None or count is None or not _is_whole(program, carry.init):
        return None
    match amount:
        case Lit(1):
            return count if carry.init == Lit(0) else Call("add", (carry.init, count))
        case Lit(-1):
            return Call("sub", (carry.init, count))
        case _:
            return Call("add", (carry.init, Call("mul", (amount, count))))


def _behind(loop: For) -> Expr | None:
    """Return how many iterations came before one."""
    match loop.step:
        case Lit(1):
            return _less(loop.index, loop.start)
        case Lit(-1):
            return _less(loop.start, loop.index)
        case Lit(int(step)):
            return Call("floordiv", (_less(loop.index, loop.start), Lit(step)))
        case _:
            return None


def _trips(loop: For) -> Expr | None:
    if loop.until is not None or loop.step not in (Lit(1), Lit(-1)):
        return None
    first, last = (loop.start, loop.stop) if loop.step == Lit(1) else (loop.stop, loop.start)
    return Call("maximum", (_less(last, first), Lit(0)), via="builtin")


def _less(a: Expr, b: Expr) -> Expr:
    return a if b == Lit(0) else Call("sub", (a, b))


def _amount(program: Program, loop: For, name: str, value: Expr) -> Expr | None:
    """Return what is added to a number in each iteration: the same in all."""
    bindings = program.structure.bindings
    stmt = bindings[value.name].stmt if isinstance(value, Var) and value.name in bindings else None
    if not isinstance(stmt, Let):
        return None
    inside = program.structure.place(loop)
    match stmt.value:
        case Call("add", (Var(first), amount) | (amount, Var(first))) if first == name:
            pass
        case Call("sub", (Var(first), Lit(int(number)))) if first == name:
            amount = Lit(-number)
        case _:
            return None
    if isinstance(amount, Var) and bindings[amount.name].place.inside(inside):
        return None
    return amount if _is_whole(program, amount) else None


def _is_whole(program: Program, expr: Expr) -> bool:
    match expr:
        case Lit(value):
            return isinstance(value, int) and not isinstance(value, bool)
        case Var(name):
            return program.types.get(name) == nb.int64
        case _:
            return False
