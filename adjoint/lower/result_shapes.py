"""The shapes of what stays a call: products, factorisations, elements of lists."""

from __future__ import annotations

from adjoint.analysis.linear import whole
from adjoint.analysis.reshaped import left_over
from adjoint.ir import Call, Expr, Var
from adjoint.lower.facts import Facts
from adjoint.lower.views import Shape

# The result has the shape of the operand at that position.
_LIKE: dict[str, int] = {
    **dict.fromkeys("cumsum cumprod sort flip fliplr flipud tril triu linalg.inv linalg.cholesky roll".split(), 0),
    "linalg.solve": 1,
}


def result_shape(value: Expr, facts: Facts) -> Shape | None:
    """Return the shape of the result of a call on names; None if it isn't known."""
    match value:
        case Call("matmul" | "dot", (a, b)):
            left, right = _shape(a, facts), _shape(b, facts)
            if not left or not right:
                return None
            return (*left[:-1], *((*right[:-2], right[-1]) if len(right) > 1 else ()))
        case Call("pop", (Var(name),)):
            return facts.lists.get(name)
        case Call("zeros" | "ones" | "empty" | "full", (sizes, *_)):
            return facts.sizes(sizes)
        case Call("reshape", (old, sizes)):
            return _reshaped(facts.shape(old), facts.sizes(sizes))
        case Call(prim, args) if prim in _LIKE and not value.kwargs and len(args) > _LIKE[prim]:
            return _shape(args[_LIKE[prim]], facts)
        case Call(prim, (_, like)) if prim.startswith("helper.unbroadcast_"):
            return _shape(like, facts)
        case _:
            return None


def _reshaped(old: Shape | None, asked: Shape | None) -> Shape | None:
    """Return the shape that is asked for; where that is -1 it is what is left, known if all other lengths are 1."""
    if asked is None or whole(-1) not in asked:
        return asked
    left = left_over(old, asked, whole(1), whole(-1))
    return None if left is None else tuple(left if form == whole(-1) else form for form in asked)


def partly_known(name: str, value: Expr, facts: Facts) -> Shape | None:
    """Return the shape of an array just bound, as far as that is known: the length that is -1 has a name of its own."""
    match value:
        case Call("reshape", (_, sizes)) if (asked := facts.sizes(sizes)) is not None:
            return tuple(facts.symbols.length(name, k) if f == whole(-1) else f for k, f in enumerate(asked))
        case _:
            return None


def _shape(expr: Expr, facts: Facts) -> Shape | None:
    if isinstance(expr, Call) and expr.prim == "transpose" and not expr.kwargs:
        inner = _shape(expr.args[0], facts)
        return None if inner is None else inner[::-1]
    return facts.shape(expr)
