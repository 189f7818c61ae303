"""What Numba compiles is less than what NumPy has: forms outside it are put into other words.

`.source` uses all of NumPy. The compiled text says the same in the primitives and forms that Numba has, or calls a
loop of `helper_text`. Every rewriter is an entry of `_REWRITERS`: it gets a call whose operands are in the subset
already and returns what it stands for, or None if the call is in the subset too (or nothing better is known).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from adjoint.analysis.layouts import laid_out
from adjoint.errors import AdjointError
from adjoint.ir import Block, Call, Expr, Func, Lit, Stmt, Var
from adjoint.ir.walk import integers_of, map_blocks, map_operands, with_body
from adjoint.lower.along_axes import NONE, Application, along_axes, diff, make, norm
from adjoint.rules.composite import definition
from adjoint.rules.numba_types import Type, is_array, is_number, types
from adjoint.rules.typing import expr_type

_FULL = Call("slice", (NONE, NONE, NONE))


def to_numba(func: Func) -> Func:
    """Return an imperative program with the same meaning whose text Numba compiles.

    Requires types. Operands are evaluated as often as before; statements and bindings stay.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:, :], a: float64):
    ...     y: float64[:] = mean(x, axis=0)
    ...     b: float64 = clip(a, 0.0, 1.0)
    ...     c: float64 = zeros_like(a)
    ...     return where(a < b, sum(y, keepdims=True), c)
    ... ''')
    >>> print(text(to_numba(before)), end="")
    def f(x, a):
        y = mean_over_2d_0(x)
        b = np.minimum(np.maximum(a, 0.0), 1.0)
        c = 0.0
        return np.where(a < b, sum_over_1d_0_kept(y), c)
    """
    rewriter = _Rewriter(func)
    return with_body(func, rewriter.block(func.body))


class _Rewriter:
    def __init__(self, func: Func) -> None:
        self.types = laid_out(func)
        self.refs = func.refs

    def block(self, block: Block) -> Block:
        return tuple(self.stmt(stmt) for stmt in block)

    def stmt(self, stmt: Stmt) -> Stmt:
        return map_blocks(map_operands(stmt, self.expr), self.block)

    def expr(self, expr: Expr) -> Expr:
        """Rewrite an expression from the inside out."""
        if not isinstance(expr, Call):
            return expr
        if _REWRITERS.keys().isdisjoint(expr.prims):
            return expr
        args = tuple(map(self.expr, expr.args))
        kwargs = tuple((name, self.expr(value)) for name, value in expr.kwargs)
        call = replace(expr, args=args, kwargs=kwargs)
        rewrite = _REWRITERS.get(call.prim)
        if rewrite is None:
            return call
        kinds = [self.type_of(arg) for arg in args]
        found = rewrite(Application(call, tuple(kinds), dict(kwargs), self.type_of))
        return call if found is None else found

    def type_of(self, expr: Expr) -> Type:
        try:
            return expr_type(expr, self.types, self.refs)
        except AdjointError:
            return None


# --- numbers where NumPy also takes arrays --------------------------------------------------------------------------


def _where(app: Application) -> Expr | None:
    return Call("select", app.args) if app.all_numbers else None


def _clip(app: Application) -> Expr | None:
    """Of numbers; clipping to a bound of None leaves that side alone."""
    if not app.all_numbers:
        return None
    x, low, high = (*app.args, NONE, NONE)[:3]
    x = x if low == NONE else Call("maximum", (x, low), via="np")
    return x if high == NONE else Call("minimum", (x, high), via="np")


def _like(value: float) -> Callable[[Application], Expr | None]:
    def rewrite(app: Application) -> Expr | None:
        kind = app.type_of(app.call)
        return number(value, kind) if app.types and app.types[0] is not None and is_number(kind) else None

    return rewrite


def _full_like(app: Application) -> Expr | None:
    kind = app.type_of(app.call)
    if not is_number(kind) or len(app.args) != 2:
        return None
    return app.args[1] if app.types[1] == kind else make(f"cast.{kind}", app.args[1])


def number(value: float, kind: Type) -> Expr:
    """Return the literal that has this value and this type."""
    match kind:
        case types.Boolean():
            return Lit(bool(value))
        case types.Complex():
            whole = Lit(complex(value))
            return whole if kind == types.complex128 else make(f"cast.{kind}", whole)
        case types.Integer():
            return Lit(int(value)) if kind == types.int64 else make(f"cast.{kind}", Lit(int(value)))
        case _:
            return Lit(float(value)) if kind == types.float64 else make(f"cast.{kind}", Lit(float(value)))


def _atleast(rank: int) -> Callable[[Application], Expr | None]:
    def rewrite(app: Application) -> Expr | None:
        return _filled(app.args[0], rank) if app.all_numbers else None

    return rewrite


def _filled(value: Expr, rank: int) -> Expr:
    return make("full", Call("tuple", (Lit(1),) * rank), value)


def _dot(app: Application) -> Expr | None:
    """With a number it is a product; whole numbers have no BLAS."""
    if any(kind is not None and is_number(kind) for kind in app.types):
        return make("mul", *app.args)
    return None


def _absolute(app: Application) -> Expr | None:
    """Numba's builtin takes numbers only."""
    return replace(app.call, via="np") if app.rank >= 0 and app.call.via != "np" else None


# --- arrays in another form -----------------------------------------------------------------------------------------


def _array(app: Application) -> Expr | None:
    """`np.array` of an array is a copy; of a list of arrays it stacks them."""
    if app.rank >= 0:
        dtype = app.kwargs.get("dtype")
        if isinstance(dtype, Lit) and isinstance(dtype.value, str):
            return make(f"astype.{dtype.value}", app.args[0])
        return make("copy", app.args[0]) if dtype is None else None
    source = app.args[0]
    if app.types[0] == types.List(types.float64) and isinstance(source, Var) and not app.kwargs:
        # Numba 0.68 takes loops that append for comprehensions, and is mistaken where they fill two lists.
        return make("helper.listed", source)
    if not isinstance(source, Call) or source.prim not in ("list", "tuple") or not source.args or app.kwargs:
        return None
    if all(is_array(app.type_of(part)) for part in source.args):
        return make("stack", Call("tuple", source.args))
    return None


def _as_array(app: Application) -> Expr | None:
    if app.rank >= 0 and not app.kwargs:
        return app.args[0]
    return _array(app) if app.rank >= 0 else None


def _joined(app: Application) -> Expr | None:
    """Of arrays written out in a list; they must stand in a tuple. Vectors among matrices become rows."""
    source = app.args[0]
    if not isinstance(source, Call) or source.prim not in ("list", "tuple"):
        return None
    parts = source.args
    kinds = [app.type_of(part) for part in parts]
    if app.call.prim == "vstack" and len({kind.ndim for kind in kinds if is_array(kind)}) > 1:
        rows = (make("getitem", p, NONE, _FULL) if k.ndim == 1 else p for p, k in zip(parts, kinds, strict=True))
        return make("concatenate", Call("tuple", tuple(rows)))
    return replace(app.call, args=(Call("tuple", parts), *app.args[1:])) if source.prim == "list" else None


def _squeeze(app: Application) -> Expr | None:
    axes = integers_of(app.kwargs.get("axis"))
    if axes is None or app.rank < 1:
        return None
    chosen = {axis % app.rank for axis in axes}
    return make("getitem", app.args[0], *(Lit(0) if k in chosen else _FULL for k in range(app.rank)))


def _expand_dims(app: Application) -> Expr | None:
    axes = integers_of(app.args[1]) if len(app.args) == 2 else None
    if axes is None:
        return None
    if app.rank < 0:
        return _filled(app.args[0], len(axes)) if is_number(app.types[0]) else None
    if len(axes) == 1:
        return None
    rank = app.rank + len(axes)
    chosen = {axis % rank for axis in axes}
    return make("getitem", app.args[0], *(NONE if k in chosen else _FULL for k in range(rank)))


def _transpose(app: Application) -> Expr | None:
    """Axes in the one form that Numba has: a tuple of non-negative numbers."""
    axes = integers_of(app.kwargs.get("axes")) if app.kwargs.get("axes", NONE) != NONE else None
    if axes is None or app.rank < 1:
        return None
    if len(axes) == 1 or axes == tuple(range(app.rank))[::-1]:
        return make("transpose", app.args[0])
    return Call("transpose", app.args[:1], (("axes", Call("tuple", tuple(Lit(a % app.rank) for a in axes))),), "np")


def _rollaxis(app: Application) -> Expr | None:
    """`np.rollaxis(x, axis, start=0)`."""
    axis, start = integers_of(app.args[1]), integers_of(app.kwargs.get("start", Lit(0)))
    if axis is None or start is None or app.rank < 1:
        return None
    source = axis[0] % app.rank
    target = start[0] if start[0] >= 0 else start[0] + app.rank
    order = [k for k in range(app.rank) if k != source]
    order.insert(target - (target > source), source)
    return Call("transpose", app.args[:1], (("axes", Call("tuple", tuple(map(Lit, order)))),), "np")


def _reshape(app: Application) -> Expr | None:
    """Numba reshapes contiguous arrays only."""
    if app.rank < 0 or app.types[0].layout == "C":
        return None
    return replace(app.call, args=(make("ascontiguousarray", app.args[0]), *app.args[1:]))


def _by_function(app: Application) -> Expr | None:
    """What Numba has as a function, not as a method."""
    return replace(app.call, via="np") if app.call.via == "method" else None


def _by_definition(app: Application) -> Expr | None:
    """What `rules.composite` defines; its rows mention operands more than once, so these must be names."""
    if not all(isinstance(arg, Var | Lit) for arg in app.args) or None in app.types:
        return None
    try:
        return definition(app.call, lambda expr: app.type_of(expr))
    except AdjointError:
        return None


_ALONG = "sum nansum prod mean var std max min ptp argmax argmin any all count_nonzero cumsum cumprod".split()

_REWRITERS: Mapping[str, Callable[[Application], Expr | None]] = {
    **dict.fromkeys(_ALONG, along_axes),
    **{prim: partial(along_axes, default=-1) for prim in ("sort", "argsort")},
    "diff": diff,
    "linalg.norm": norm,
    "where": _where,
    "clip": _clip,
    "zeros_like": _like(0.0),
    "empty_like": _like(0.0),
    "ones_like": _like(1.0),
    "full_like": _full_like,
    "atleast_1d": _atleast(1),
    "atleast_2d": _atleast(2),
    "atleast_3d": _atleast(3),
    "dot": _dot,
    "abs": _absolute,
    "array": _array,
    "asarray": _as_array,
    **dict.fromkeys("concatenate stack hstack vstack dstack column_stack".split(), _joined),
    "squeeze": _squeeze,
    "expand_dims": _expand_dims,
    "transpose": _transpose,
    "rollaxis": _rollaxis,
    "reshape": _reshape,
    **dict.fromkeys("round swapaxes trace".split(), _by_function),
    **dict.fromkeys("flip inner tensordot compress diagonal tile roll heaviside".split(), _by_definition),
}
