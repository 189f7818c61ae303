"""Functions along axes: Numba has few of these forms, and loops of `helper_text` stand for the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.walk import integers_of
from adjoint.lower import helper_text
from adjoint.lower.helper_text import Along
from adjoint.rules import numba_types
from adjoint.rules.numba_types import Type, is_array, is_number, types
from adjoint.rules.typing import expr_type, register_helper

NONE = Lit(None)


@dataclass(frozen=True, slots=True)
class Application(numba_types.Application):
    """A call with what is known of its operands; the type of an operand is None where it isn't known."""

    @property
    def rank(self) -> int:
        """The number of axes of the first operand; -1 if it is no array."""
        return self.types[0].ndim if self.types and is_array(self.types[0]) else -1

    @property
    def all_numbers(self) -> bool:
        return all(kind is not None and (is_number(kind) or kind == types.none) for kind in self.types)

    def without(self, *names: str) -> Call:
        return replace(self.call, kwargs=tuple((k, v) for k, v in self.call.kwargs if k not in names))


def make(prim: str, *args: Expr, **kwargs: Expr) -> Call:
    return Call(prim, args, tuple(kwargs.items()))


def along_axes(app: Application, default: int | None = None) -> Expr | None:
    """A function along axes: the loop of `helper_text`, or the form without axes if that is enough."""
    rank, kept = app.rank, app.kwargs.get("keepdims") == Lit(True)
    axes = integers_of(app.kwargs["axis"]) if app.kwargs.get("axis", NONE) != NONE else None
    named = axes is not None or "axis" in app.kwargs and app.kwargs["axis"] != NONE
    if axes is None and default is not None and not named:
        axes = (default,)
    if rank < 1 or (axes is None and (named or not kept)):
        return None
    chosen = tuple(sorted(axis % rank for axis in axes)) if axes is not None else tuple(range(rank))
    if len(chosen) == rank and not kept and (app.call.prim not in helper_text.SINGLE or rank == 1):
        return app.without("axis", "keepdims") if app.call.kwargs else None
    return _loop(app, chosen, kept)


def diff(app: Application) -> Expr | None:
    """Differences of vectors are loops, too: Numba takes seconds to compile its own function."""
    times = integers_of(app.kwargs.get("n", Lit(1)))
    if times is None or app.rank < 1 or len(times) != 1 or times[0] < 1:
        return None
    axis = integers_of(app.kwargs.get("axis", Lit(-1)))
    if axis is None or len(axis) != 1:
        return None
    found = app.args[0]
    for _ in range(times[0]):
        kind = app.type_of(found)
        once = Application(make("diff", found), (kind,), {}, app.type_of)
        looped = _loop(once, (axis[0] % app.rank,), kept=False)
        if looped is None:
            return None
        found = looped
    return found


def _loop(app: Application, axes: tuple[int, ...], kept: bool) -> Expr | None:
    prim = app.call.prim
    other = {name for name in app.kwargs if name not in ("axis", "keepdims")}
    if not helper_text.supports(prim) or other or (prim in helper_text.SINGLE and len(axes) != 1):
        return None
    result = app.type_of(app.call)
    if not is_array(result) or isinstance(app.types[0].dtype, types.Complex) and prim not in _COMPLEX_TOO:
        return None
    dtype = "" if result.dtype == app.types[0].dtype else str(result.dtype)
    along = Along(prim, app.rank, axes, kept, "bool" if dtype == "bool" else dtype)
    return call_along(along, app.call)


def call_along(along: Along, call: Call) -> Call:
    """Return the call of a loop of `helper_text`, whose results have the types that the primitive has."""

    def result(call: Call, kinds: tuple[Type, ...]) -> Type:
        kind = expr_type(replace(call, args=(Var("x"),)), {"x": kinds[0]})
        return kind.copy(layout="C")

    register_helper(along.name, partial(result, call))
    return Call(f"helper.{along.name}", call.args)


_COMPLEX_TOO = frozenset("sum prod mean cumsum cumprod any all count_nonzero diff nansum".split())


def norm(app: Application) -> Expr | None:
    """The Euclidean norm of vectors along an axis; with an axis, `ord` only as the default."""
    if app.rank == 1 and app.types[0].layout != "C":
        # Numba 0.68 hands a negative stride to BLAS, which reads other memory.
        return replace(app.call, args=(make("ascontiguousarray", app.args[0]), *app.args[1:]))
    if app.kwargs.get("axis", NONE) == NONE or "ord" in app.kwargs or integers_of(app.kwargs["axis"]) is None:
        return None
    options = {name: value for name, value in app.kwargs.items() if name in ("axis", "keepdims")}
    squares = make("square", make("abs", app.args[0]))
    total = make("sum", squares, **options)
    kinds = (app.type_of(squares),)
    return make("sqrt", along_axes(Application(total, kinds, options, app.type_of)) or total)
