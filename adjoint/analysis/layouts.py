"""Which arrays lie in memory in the order that their types say, whoever runs the program.

Numba gives `np.sin(y)` a new array in C order, unless `y` is in Fortran's. NumPy keeps the order in memory that `y`
has, whatever that is: `np.sin(np.transpose(x, (2, 0, 1)))` is of type C, and not in that order where NumPy runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from adjoint.errors import AdjointError
from adjoint.ir import Call, Effect, Expr, For, Func, If, Let, Stmt, Store, Var, While
from adjoint.ir.walk import names_in, remembered, statements
from adjoint.rules.numba_types import Type, is_array, is_number
from adjoint.rules.typing import expr_type, name_types

# Results in C order, whatever the operands are; `y.copy()` is, and `np.copy(y)` isn't.
_IN_C_ORDER = frozenset(
    "zeros ones empty full eye identity ravel flatten ascontiguousarray matmul dot outer meshgrid indices".split()
)


@remembered
def not_in_rows(func: Func) -> frozenset[str]:
    """Return the names of an SSA program whose arrays, or arrays in them, need not be in C order.

    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:, :, ::1]):
    ...     y: float64[:, :, :] = transpose(x, axes=(2, 0, 1))
    ...     z: float64[:, :, ::1] = sin(y)
    ...     w: float64[:, :, ::1] = sin(x)
    ...     return z
    ... ''')
    >>> sorted(not_in_rows(func))
    ['y', 'z']
    """
    kinds: dict[str, Type] = dict(func.types)
    found = {name for name, kind in kinds.items() if is_array(kind) and kind.layout != "C"}
    everything = list(statements(func.body))
    count = -1
    while count != len(found):
        count = len(found)
        for stmt in everything:
            for target, values in _ordered(stmt, kinds):
                made_of = any(name in found for value in values for name in names_in(value))
                if made_of and _has_order(kinds.get(target)):
                    found.add(target)
    return frozenset(found)


def _has_order(kind: Type) -> bool:
    """Whether there is more than one order in memory for a value of a type, or for what it holds."""
    return kind.ndim > 1 if is_array(kind) else not is_number(kind)


def laid_out(func: Func) -> dict[str, Type]:
    """Return the types of the names of an imperative program, arrays as they are laid out in memory.

    Loops that fill an array make one in C order, whatever its elements were computed from: views of it are other ones
    than before.
    """
    found = name_types(func)
    if all(not is_array(kind) or kind.layout == "C" for kind in found.values()):
        return found
    known = {param.name for param in func.params}
    exchanged = {name for stmt in statements(func.body) if isinstance(stmt, Effect) for name in names_in(stmt.value)}
    for stmt in statements(func.body):
        own: Type = found.get(stmt.target.name) if isinstance(stmt, Let) else None
        if not isinstance(stmt, Let) or not is_array(own) or stmt.target.name in exchanged:
            continue
        try:
            kind = expr_type(stmt.value, found, func.refs)
        except AdjointError:
            continue
        if is_array(kind) and kind.layout != own.layout:
            found[stmt.target.name] = own.copy(layout="A" if stmt.target.name in known else kind.layout)
        known.add(stmt.target.name)
    return found


def _ordered(stmt: Stmt, kinds: dict[str, Type]) -> Iterator[tuple[str, tuple[Expr | None, ...]]]:
    """Yield names with what the order of their elements in memory may come from."""
    match stmt:
        case Let(_, Call(prim, _, _, via)) if prim in _IN_C_ORDER or prim == "copy" and via == "method":
            pass
        case Store(Var(name)) if is_array(kinds.get(name)):
            pass  # its elements stay where they are
        case _:
            yield from bindings(stmt)


def bindings(stmt: Stmt) -> Iterator[tuple[str, tuple[Expr | None, ...]]]:
    """Yield names that a statement binds, or that hold more after it, with what the values are made of."""
    match stmt:
        case Let(Var(target), value):
            yield target, (value,)
        case Effect(Call("append", (Var(target), value))) | Store(Var(target), _, value):
            yield target, (value,)
        case For(carried=carried) | While(carried=carried):
            for carry in carried:
                yield carry.phi.name, (carry.init, carry.next)
        case If(merges=merges):
            for merge in merges:
                yield merge.target.name, (merge.then, merge.orelse)
        case _:
            pass
