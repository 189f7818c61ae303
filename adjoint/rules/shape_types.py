"""Types of the functions that make arrays, or put the same elements into another form."""

from __future__ import annotations

from collections.abc import Callable

from adjoint.errors import TypingError
from adjoint.ir import Call, Lit
from adjoint.rules.numba_types import (
    Application,
    Type,
    array,
    dtype_of,
    float64,
    int64,
    is_array,
    is_list,
    is_number,
    is_tuple,
    ndim_of,
    own_layout,
    promote,
    scalar_or_array,
    types,
)
from adjoint.rules.operand_types import (
    Rule,
    array_operand,
    axes_named,
    dtype_option,
    inexact,
    rank_of_shape,
    same,
    wide,
)


def _first_vector(element: Callable[[Type], Type]) -> Rule:
    return lambda app: array(element(array_operand(app).dtype), 1)


def _copy(app: Application) -> Type:
    operand = array_operand(app)
    in_rows = app.prim == "copy" and app.call.via == "method"  # which `np.copy` is not
    return array(operand.dtype, operand.ndim, "C" if in_rows else own_layout(operand))


def fresh_same(app: Application) -> Type:
    """A C-ordered array of the operand's shape."""
    operand = array_operand(app)
    return array(operand.dtype, operand.ndim)


def _indices_same(app: Application) -> Type:
    return array(int64, array_operand(app).ndim)


def _allocation(app: Application) -> Type:
    return array(dtype_option(app, float64), rank_of_shape(app, app.args[0]))


def _full(app: Application) -> Type:
    return array(dtype_option(app, dtype_of(app.types[1])), rank_of_shape(app, app.args[0]))


def _like(app: Application) -> Type:
    """`zeros_like` and its kind; of a scalar, a scalar."""
    if is_number(app.types[0]):
        return dtype_option(app, app.types[0])
    operand = array_operand(app)
    dtype = dtype_option(app, operand.dtype)
    if "shape" in app.kwargs:
        return array(dtype, rank_of_shape(app, app.kwargs["shape"]))
    return array(dtype, operand.ndim, own_layout(operand))


def _default_float(ndim: int) -> Rule:
    return lambda app: array(dtype_option(app, float64), ndim)


def _arange(app: Application) -> Type:
    return array(dtype_option(app, wide(promote(*(dtype_of(t) for t in app.types if is_number(t))))), 1)


def _linspace(app: Application) -> Type:
    return array(dtype_option(app, inexact(promote(float64, *(dtype_of(t) for t in app.types[:2])))), 1)


def _transpose(app: Application) -> Type:
    operand = array_operand(app)
    if "axes" in app.kwargs and operand.ndim > 1:
        return operand.copy(layout="A")
    return operand.copy(layout={"C": "F", "F": "C"}.get(operand.layout, "A")) if operand.ndim > 1 else operand


def _reshape(app: Application) -> Type:
    operand = array_operand(app)
    if operand.layout == "A":
        raise TypingError("`reshape` needs a contiguous array", help="take a copy first: `np.ascontiguousarray(x)`")
    return operand.copy(ndim=rank_of_shape(app, app.args[1]), layout=operand.layout)


def _ravel(app: Application) -> Type:
    operand = array_operand(app)
    return operand.copy(ndim=1, layout="C") if operand.layout == "C" else array(operand.dtype, 1)


def _strided(app: Application) -> Type:
    """A view of the same rank with other strides."""
    return array_operand(app).copy(layout="A")


def _expand_dims(app: Application) -> Type:
    operand = array_operand(app)
    added = len(app.types[1]) if is_tuple(app.types[1]) else 1
    in_order = operand.layout == "C" and (operand.ndim == 1 or app.args[1] == Lit(0))
    return operand.copy(ndim=operand.ndim + added, layout="C" if in_order else "A")


def _squeeze(app: Application) -> Type:
    operand = array_operand(app)
    axes = axes_named(app, operand.ndim)
    if axes is None:
        raise TypingError("`squeeze` needs an axis, or the rank of its result is not known")
    return operand.copy(ndim=operand.ndim - axes, layout="A" if operand.ndim - axes > 1 else operand.layout)


def _broadcast_to(app: Application) -> Type:
    return array(array_operand(app).dtype, rank_of_shape(app, app.args[1]), "A").copy(readonly=True)


def _at_least(ndim: int) -> Rule:
    def rule(app: Application) -> Type:
        operand = array_operand(app)
        return operand if operand.ndim >= ndim else operand.copy(ndim=ndim, layout=operand.layout)

    return rule


def _as_array(app: Application) -> Type:
    if is_array(app.types[0]) and "dtype" not in app.kwargs:
        return app.types[0]
    operand = array_operand(app)
    return array(dtype_option(app, operand.dtype), operand.ndim)


def _new_array(app: Application) -> Type:
    operand = array_operand(app)
    layout = own_layout(operand) if is_array(app.types[0]) else "C"
    return array(dtype_option(app, operand.dtype), operand.ndim, layout)


def _contiguous(layout: str) -> Rule:
    def rule(app: Application) -> Type:
        operand = array_operand(app)
        rank = max(operand.ndim, 1)
        return array(operand.dtype, rank, layout)

    return rule


def _parts(app: Application) -> list[Type]:
    """Return the arrays in a list or tuple of arrays, written out or not."""
    sequence = app.args[0]
    if isinstance(sequence, Call) and sequence.prim in ("tuple", "list"):
        kinds = [app.type_of(arg) for arg in sequence.args]
    elif is_tuple(app.types[0]):
        kinds = list(app.types[0].types)
    elif is_list(app.types[0]):
        kinds = [app.types[0].dtype]
    elif is_array(app.types[0]) and app.types[0].ndim > 1:
        kinds = [app.types[0].copy(ndim=app.types[0].ndim - 1)]
    else:
        kinds = []
    if not kinds or not all(is_array(kind) or is_number(kind) for kind in kinds):
        raise TypingError(f"`{app.prim}` needs a tuple of arrays, not {app.types[0]}")
    return [kind if is_array(kind) else array(kind, 0) for kind in kinds]


def _joined(rank: Callable[[int], int], keep_order: bool = False, same_rank: bool = True) -> Rule:
    """Put arrays together; `rank` maps the rank of the parts to that of the result."""

    def rule(app: Application) -> Type:
        parts = _parts(app)
        ranks = {part.ndim for part in parts}
        if len(ranks) > 1 and same_rank:
            raise TypingError(f"`{app.prim}` needs arrays of the same rank, not {', '.join(map(str, parts))}")
        ndim = max(map(rank, ranks))
        in_order = keep_order and ndim > 1 and all(part.layout == "F" for part in parts)
        return array(promote(*(part.dtype for part in parts)), ndim, "F" if in_order else "C")

    return rule


def _pieces(app: Application) -> Type:
    operand = array_operand(app)
    return types.List(operand if operand.ndim == 1 else operand.copy(layout="A"))


def _diag(app: Application) -> Type:
    operand = array_operand(app)
    if operand.ndim not in (1, 2):
        raise TypingError(f"`{app.prim}` needs an array of one or two dimensions, not {operand}")
    return array(operand.dtype, 3 - operand.ndim)


def _diagonal(app: Application) -> Type:
    operand = array_operand(app)
    return operand.copy(ndim=operand.ndim - 1, layout="A")


def _take(app: Application) -> Type:
    operand = array_operand(app)
    picked = ndim_of(app.types[1])
    rest = 0 if axes_named(app, operand.ndim) is None else operand.ndim - 1
    return scalar_or_array(operand.dtype, picked + rest)


def _repeat(app: Application) -> Type:
    operand = array_operand(app)
    return array(operand.dtype, 1 if axes_named(app, operand.ndim) is None else operand.ndim)


def _roll(app: Application) -> Type:
    operand = array_operand(app)
    return array(operand.dtype, operand.ndim)


SHAPE_RULES: tuple[tuple[str, Rule], ...] = (
    ("zeros ones empty", _allocation),
    ("full", _full),
    ("zeros_like ones_like empty_like full_like", _like),
    ("eye identity tri", _default_float(2)),
    ("arange", _arange),
    ("linspace logspace", _linspace),
    ("array", _new_array),
    ("asarray", _as_array),
    ("ascontiguousarray", _contiguous("C")),
    ("asfortranarray", _contiguous("F")),
    ("transpose", _transpose),
    ("reshape", _reshape),
    ("ravel", _ravel),
    ("flatten np_append unique ediff1d", _first_vector(same)),
    ("flip fliplr flipud rot90 swapaxes moveaxis rollaxis", _strided),
    ("expand_dims", _expand_dims),
    ("squeeze", _squeeze),
    ("broadcast_to", _broadcast_to),
    ("atleast_1d", _at_least(1)),
    ("atleast_2d", _at_least(2)),
    ("atleast_3d", _at_least(3)),
    ("copy sort", _copy),
    ("partition", fresh_same),
    ("argsort argpartition", _indices_same),
    ("roll", _roll),
    ("diff", fresh_same),
    ("repeat", _repeat),
    ("take", _take),
    ("concatenate", _joined(lambda n: n, keep_order=True)),
    ("stack", _joined(lambda n: n + 1, keep_order=True)),
    ("hstack", _joined(lambda n: max(n, 1), keep_order=True)),
    ("vstack", _joined(lambda n: max(n, 2), keep_order=True, same_rank=False)),
    ("column_stack", _joined(lambda n: 2, same_rank=False)),
    ("dstack", _joined(lambda n: max(n, 3), keep_order=True, same_rank=False)),
    ("split array_split hsplit vsplit dsplit", _pieces),
    ("diag", _diag),
    ("diagonal", _diagonal),
    ("tril triu", fresh_same),
)
