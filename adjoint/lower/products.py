"""Products of a matrix and a vector as sums of elements: the loops can be joined with others that go over the matrix.

Loops are as fast as BLAS, which has nothing to reuse here: the matrix is read once.
"""

from __future__ import annotations

from adjoint.ir import Call, Expr, Lit
from adjoint.lower.elements import NotATree, Reader
from adjoint.lower.facts import Facts
from adjoint.lower.views import Along, View
from adjoint.rules.numba_types import Type, is_array, types

FLOATS = (types.float64, types.float32)


def row_by_row(call: Call, facts: Facts) -> tuple[Call, int] | None:
    """Return the tree of which a product is the sum along an axis, such that rows of the matrix are read as they lie.

    None if the call is no product of a matrix and a vector, or if the elements next to each other in memory are not
    known to be those of a row or of a column.
    """
    first, second = call.args
    kinds: list[Type] = [facts.type_of(arg) for arg in call.args]
    if not all(is_array(kind) and kind.dtype in FLOATS for kind in kinds) or kinds[0].dtype != kinds[1].dtype:
        return None
    if [kind.ndim for kind in kinds] == [2, 1]:
        matrix, vector, axis = first, second, 1
    elif [kind.ndim for kind in kinds] == [1, 2]:
        matrix, vector, axis = second, first, 0
    else:
        return None
    moving = _moving(matrix, facts)
    if moving is None or _moving(vector, facts) != 0:
        return None
    if moving == 0:
        matrix, axis = Call("transpose", (matrix,)), 1 - axis
    factor: Expr = vector if axis == 1 else Call("expand_dims", (vector, Lit(1)))
    return Call("mul", (matrix, factor)), axis


def _moving(array: Expr, facts: Facts) -> int | None:
    """Return the axis of a view along which elements lie next to each other; None if that isn't known."""
    try:
        view: View = Reader(facts).view(array, shared=True)
    except NotATree:
        return None
    kind: Type = facts.kinds.get(view.base)
    last = view.axes[-1] if view.axes and is_array(kind) and kind.layout == "C" else None
    return last.axis if isinstance(last, Along) and last.step == 1 else None
