"""Transforms called inside a function that is differentiated itself: `grad(f)(x)`, `jvp(f, (x,), (v,))`.

The frontend hands a call of an object with `__adjoint_lower__` over to that: `lower(frame, args, kwargs, node)`.
"""

from __future__ import annotations

from ast import AST
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from adjoint.frontend.frame import Frame
    from adjoint.frontend.values import Value

Lowering: TypeAlias = "Callable[[Frame, Sequence[Value], Mapping[str, Value], AST], Value]"


def made_of(transform: Callable[..., Any]) -> Lowering:
    """Return the lowering of a transform of functions, which is applied when the program is read."""

    def lower(frame: Frame, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST) -> Value:
        from adjoint.frontend.values import Known

        given = [_object(transform, frame, arg, node) for arg in args]
        named = {name: _object(transform, frame, arg, node) for name, arg in kwargs.items()}
        return Known(transform(*given, **named))

    return lower


def pushed(transform: Callable[..., Any], of_gradient: bool) -> Lowering:
    """Return the lowering of `jvp`, or with `of_gradient` of `hvp`."""

    def lower(frame: Frame, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST) -> Value:
        from adjoint.api.sweeps import Form, sweep
        from adjoint.api.transforms import checked_options, grad
        from adjoint.frontend.calls import apply
        from adjoint.frontend.convert import items_of
        from adjoint.frontend.values import Known

        if len(args) != 3 or kwargs:
            raise frame.unsupported(f"this call of `{transform.__name__}`", node, "give three positional arguments")
        fun = _object(transform, frame, args[0], node)
        primals, tangents = (items_of(frame, each, node) for each in args[1:])
        if primals is None or tangents is None or len(primals) != len(tangents):
            raise frame.unsupported(f"this call of `{transform.__name__}`", node, "give two tuples of one length")
        wrt, seeds = _directions(frame, primals, tangents, node)
        if not wrt:
            raise frame.unsupported(f"`{transform.__name__}` without a tangent", node)
        inner = grad(fun, _differentiable(frame, primals, node)) if of_gradient else fun
        made = sweep("jvp", inner, Form(len(primals)), wrt, checked_options("jvp", {}))
        result = apply(frame, Known(made), [*primals, *seeds], {}, node, None)
        return _product(frame, result, primals, node) if of_gradient else result

    return lower


def _object(transform: Callable[..., Any], frame: Frame, value: Value, node: AST) -> Any:
    """Return the Python object a value is, if that is known."""
    from adjoint.api.sweeps import name_of
    from adjoint.frontend.values import Items, Known
    from adjoint.ir import Lit

    match value:
        case Known(obj):
            return obj
        case Lit(constant):
            return constant
        case Items(items):
            return tuple(_object(transform, frame, item, node) for item in items)
        case _:
            raise frame.unsupported(
                f"`{name_of(transform)}` of something that is made inside the function",
                node,
                "define the function outside, with all that it uses as parameters",
            )


def _differentiable(frame: Frame, primals: Sequence[Value], node: AST) -> tuple[int, ...]:
    from adjoint.analysis.activity import is_differentiable
    from adjoint.frontend.boundary import type_of_value

    return tuple(k for k, primal in enumerate(primals) if is_differentiable(type_of_value(frame, primal, node)))


def _directions(
    frame: Frame, primals: Sequence[Value], tangents: Sequence[Value], node: AST
) -> tuple[tuple[int, ...], list[Value]]:
    from adjoint.ir import Lit

    wrt = tuple(k for k in _differentiable(frame, primals, node) if tangents[k] != Lit(None))
    return wrt, [tangents[k] for k in wrt]


def _product(frame: Frame, result: Value, primals: Sequence[Value], node: AST) -> Value:
    """Return the tangent of the gradient, with None for arguments that have none."""
    from adjoint.frontend.convert import items_of
    from adjoint.frontend.values import Items
    from adjoint.ir import Lit

    *_, tangent = items_of(frame, result, node) or (result,)
    products = iter(items_of(frame, tangent, node) or ())
    wrt = _differentiable(frame, primals, node)
    found = tuple(next(products) if k in wrt else Lit(None) for k in range(len(primals)))
    return found[0] if len(found) == 1 else Items(found)
