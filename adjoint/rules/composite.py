"""Forms that Numba does not compile, by forms that it does.

Each row is `primal | ranks | definition`, read as in `rows`. The frontend puts the definition in the place of the
call, so that such a form can be used in compiled code; its derivative is that of the definition.
"""

from __future__ import annotations

from adjoint.errors import MissingRuleError
from adjoint.ir import Call, Expr, Lit
from adjoint.ir.walk import integers_of, substitute
from adjoint.rules import build
from adjoint.rules.build import call
from adjoint.rules.rows import choose, finish, values_of
from adjoint.rules.rule import TypeOf
from adjoint.rules.table import Table

COMPOSITE = Table("""
    sum(a, axis=axis, keepdims=keepdims) | *   | expand_dims(sum(a, axis=axis), axis)
    mean(a, axis=axis)                 | *   | sum(a, axis=axis) / dim(a, axis)
    mean(a, axis=axis, keepdims=keepdims) | * | expand_dims(sum(a, axis=axis) / dim(a, axis), axis)
    var(a, ddof=ddof)                  | *   | var(a) * size(a) / (size(a) - ddof)
    std(a, ddof=ddof)                  | *   | sqrt(var(a) * size(a) / (size(a) - ddof))
    var(a, axis=axis)                  | *   | sum(square(a - expand_dims(sum(a, axis=axis) / dim(a, axis), axis)), axis=axis) / dim(a, axis)
    std(a, axis=axis)                  | *   | sqrt(sum(square(a - expand_dims(sum(a, axis=axis) / dim(a, axis), axis)), axis=axis) / dim(a, axis))
    max(a, axis=axis)                  | 2   | helper.max_along_2d(a, axis)
    max(a, axis=axis)                  | 3   | helper.max_along_3d(a, axis)
    min(a, axis=axis)                  | 2   | helper.min_along_2d(a, axis)
    min(a, axis=axis)                  | 3   | helper.min_along_3d(a, axis)
    max(a, axis=axis)                  | 1   | max(a)
    min(a, axis=axis)                  | 1   | min(a)
    max(a, axis=axis, keepdims=keepdims) | 2 | expand_dims(helper.max_along_2d(a, axis), axis)
    min(a, axis=axis, keepdims=keepdims) | 2 | expand_dims(helper.min_along_2d(a, axis), axis)
    inner(a, b)                        | 1 1 | dot(a, b)
    inner(a, b)                        | 2 1 | dot(a, b)
    inner(a, b)                        | 1 2 | dot(b, a)
    inner(a, b)                        | 2 2 | dot(a, transpose(b))
    tensordot(a, b)                    | 2 2 | sum(a * b)
    tensordot(a, b, axes=axes)         | 2 2 | dot(a, b)
    compress(c, a)                     | 1 1 | extract(c, a)
    diagonal(a)                        | 2   | diag(a)
    diagonal(a, offset=offset)         | 2   | diag(a, k=offset)
    tile(a, n)                         | 1 0 | reshape(copy(broadcast_to(a, (n, dim(a, 0)))), (n * dim(a, 0),))
    tile(a, n)                         | 2 0 | reshape(copy(broadcast_to(expand_dims(a, 1), (dim(a, 0), n, dim(a, 1)))), (dim(a, 0), n * dim(a, 1)))
    roll(a, shift, axis=axis)          | 1 0 | roll(a, shift)
""")


def definition(source: Call, type_of: TypeOf) -> Expr | None:
    """Return what a call that Numba does not compile stands for; None if it needs no definition, or has none.

    The result is a tree. It mentions an operand several times, so operands should be names or literals.
    """
    if source.prim in _BY_CALL:
        found = _BY_CALL[source.prim](source, type_of)
        if found is not None:
            return found
    if source.prim not in COMPOSITE or _is_along_known_axes(source, type_of):
        return None
    try:
        row = choose(COMPOSITE, source, type_of)
    except MissingRuleError:
        return None
    if row.keywords == ("axes",) and dict(source.kwargs)["axes"] != Lit(1):
        return None
    values = values_of(row, source)
    (tree,) = row.expressions(1)
    assert tree is not None
    first = source.args[-1] if source.prim == "compress" else source.args[0]
    return finish(substitute(tree, values), first, source, first, first, type_of)


def _is_along_known_axes(source: Call, type_of: TypeOf) -> bool:
    """Whether a call is for the largest or smallest element along axes that are written out: that is a loop."""
    options = dict(source.kwargs)
    known = options.keys() == {"axis"} and integers_of(options["axis"]) is not None
    return source.prim in ("max", "min") and known and build.rank(type_of(source.args[0])) > 1


def _keeping_axes(source: Call, type_of: TypeOf) -> Expr | None:
    """Axes that are kept are added to a result without them."""
    options = dict(source.kwargs)
    axis = options.get("axis")
    if options.keys() != {"axis", "keepdims"} or options["keepdims"] != Lit(True) or integers_of(axis) is None:
        return None
    assert axis is not None
    a = source.args[0]
    return call("expand_dims", call(source.prim, a, axis=axis), axis) if build.rank(type_of(a)) > 1 else None


def _squeeze(source: Call, type_of: TypeOf) -> Expr | None:
    """Without the axes named: an index of 0 for each."""
    axis = dict(source.kwargs).get("axis")
    x = source.args[0]
    rank = build.rank(type_of(x))
    if not isinstance(axis, Lit) or not isinstance(axis.value, int) or rank < 2:
        return None
    index: list[Expr] = [build.FULL_SLICE] * rank
    index[axis.value % rank] = Lit(0)
    return call("getitem", x, *index)


def _flip(source: Call, type_of: TypeOf) -> Expr | None:
    """Along one axis: a slice that runs backwards."""
    axis = dict(source.kwargs).get("axis")
    if not isinstance(axis, Lit) or not isinstance(axis.value, int):
        return None
    x = source.args[0]
    lead = [build.FULL_SLICE] * (axis.value % build.rank(type_of(x)))
    return call("getitem", x, *lead, call("slice", build.NONE, build.NONE, Lit(-1)))


_BY_CALL = {"squeeze": _squeeze, "flip": _flip, **dict.fromkeys(("max", "min", "var", "std"), _keeping_axes)}
