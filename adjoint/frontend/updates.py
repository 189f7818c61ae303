"""`np.add.at` and its like: a loop over the indices."""

from __future__ import annotations

from ast import AST
from collections.abc import Sequence

from numba import types

from adjoint.frontend.assign import write
from adjoint.frontend.convert import atom, dim, items_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.lengths import guard_equal
from adjoint.frontend.operators import BINARY, UNARY, binary
from adjoint.frontend.values import Value
from adjoint.ir import Call, For, Lit, Var
from adjoint.rules.typing import is_array

_OPERATORS = frozenset({*BINARY.values(), *UNARY.values()})


def update_at(frame: Frame, prim: str, args: Sequence[Value], node: AST) -> Value:
    """`np.add.at(x, index, values)`: one element after the other, so repeated indices count each time."""
    base, where = args[0], args[1]
    parts = items_of(frame, where, node) or (where,)
    index = tuple(atom(frame, part, node) for part in parts)
    vectors = [i for i in index if isinstance(i, Var) and is_array(frame.type_of(i))]
    value = atom(frame, args[2], node) if len(args) == 3 else None
    suited = prim in _OPERATORS and vectors and all(_is_index(frame, i) for i in vectors)
    if not suited or not isinstance(base, Var) or len(index) != frame.type_of(base).ndim:
        raise frame.unsupported("`at` with indices that are not vectors of integers", node, "write a loop")
    given = [value] if isinstance(value, Var) and is_array(frame.type_of(value)) else []
    guard_equal(frame, [*vectors, *given], f"`{prim}.at` needs as many values as indices", node)
    stop = dim(frame, vectors[0], 0, node)
    k = frame.builder.define(None, types.intp)
    with frame.builder.block() as body:
        place = tuple(_at(frame, i, k, node) for i in index)
        old = frame.emit(Call("getitem", (base, *place)), node)
        if value is None:
            new: Value = frame.emit(Call(prim, (old,), via="operator"), node)
        else:
            new = binary(frame, prim, old, _at(frame, value, k, node), node)
        write(frame, base, place, new, node)
    frame.builder.add(For(k, Lit(0), stop, Lit(1), tuple(body), loc=frame.loc(node)))
    return Lit(None)


def _is_index(frame: Frame, index: Var) -> bool:
    kind = frame.type_of(index)
    return kind.ndim == 1 and isinstance(kind.dtype, types.Integer)


def _at(frame: Frame, value: Var | Lit, k: Var, node: AST) -> Var | Lit:
    if isinstance(value, Var) and is_array(frame.type_of(value)):
        return frame.emit(Call("getitem", (value, k)), node)
    return value
