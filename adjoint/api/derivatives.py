"""Derivatives at a point: the pullback of a function, `vjp`, and its pushforward, `jvp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np

from adjoint.api.inside import pushed
from adjoint.api.seeds import differentiable_positions, holds_differentiable, kept, kind_of, own, seed_for
from adjoint.api.sweeps import Form, family, name_of, parameters_of
from adjoint.api.transforms import TransformOptions, checked_options
from adjoint.backends.request import Options

Pullback = Callable[[Any], tuple[Any, ...]]


def vjp(
    fun: Callable[..., Any], *args: Any, outputs: str | Sequence[str] | None = None, **options: Unpack[TransformOptions]
) -> tuple[Any, Pullback]:
    """Return `(value, pullback)`: the value of `fun` at `args`, and the map from its cotangents to those of `args`.

    `pullback(cotangent)` takes a cotangent of the shape and type of the value, for a container one like it (`None` is
    zero), and returns a tuple with an entry for each positional argument, of its shape and type; that of an argument
    without derivatives (integers, strings, ...) is None. It is the derivative at `args` as they were at the call of
    `vjp`, however often it is called.

    A function that writes its results into arguments and returns nothing is differentiated with
    `outputs=("out",)`: the arguments named are written, as by a call of `fun` (others are left as they were), and they
    are the value; what `fun` returns besides is left out. The cotangent that the pullback returns for such an argument
    is that of what it held before.

    Options are those of `grad`.

    Raises:
        AdjointError: `fun` can't be differentiated.
        TypeError: no argument is a float or complex number or array, or the value is none; in the pullback, a cotangent
            is of another type than the value.
        ValueError: in the pullback, a cotangent has another shape; `outputs` names no parameter.

    >>> value, pullback = vjp(lambda x, y: x * y, 3.0, 2.0)
    >>> value, pullback(1.0)
    (6.0, (2.0, 3.0))
    """
    chosen = checked_options("vjp", options)
    name, form, sweeps = name_of(fun), Form(len(args)), family("vjp", fun)
    names = parameters_of(sweeps.function, form)
    if outputs is not None:
        form = _writing(name, names, args, outputs)
    wrt = differentiable_positions("vjp", name, names, args)
    # Called with the arguments themselves: copies of two that share memory would not.
    value = own(sweeps.sweep("primal", form, (), chosen)(*args), args)
    given = kept(args)
    _check_value(name, value)
    if form.outputs:
        value = _written(args, form, value)
    (seen,) = kept((value,))

    pull = sweeps.sweep("vjp", form, wrt, chosen)
    owner = f"the value of {name}"
    # The text is made now: what the function reads from outside may be another thing when the pullback is called.
    pull.module_for(*given, seed_for("cotangent", owner, seen, None))

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        cotangents = iter(pull(*given, seed_for("cotangent", owner, seen, cotangent))[1])
        return tuple(next(cotangents) if k in wrt else None for k in range(len(given)))

    return value, pullback


def _writing(name: str, names: list[str], args: tuple[Any, ...], outputs: str | Sequence[str]) -> Form:
    listed = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    for each in listed:
        if each not in names:
            raise ValueError(f"outputs={each!r}: {name} was given no argument of that name; it has {', '.join(names)}")
        if not isinstance(arg := args[names.index(each)], np.ndarray):
            raise TypeError(f"outputs={each!r}: the argument is {kind_of(arg)}, and only arrays can be written")
    if not listed:
        raise ValueError("outputs is empty: name at least one argument")
    return Form(len(args), outputs=tuple(names.index(each) for each in listed), single=len(listed) == 1)


def _written(args: tuple[Any, ...], form: Form, value: Any) -> Any:
    """Write the results where the function would have written them."""
    targets = tuple(args[k] for k in form.outputs)
    for target, result in zip(targets, (value,) if form.single else value, strict=True):
        target[...] = result
    return targets[0] if form.single else targets


def _check_value(name: str, value: Any) -> None:
    if value is None:
        raise TypeError(
            f"vjp of {name}: it returns nothing; if it writes its results into arguments, name them: outputs=(...)"
        )
    if not holds_differentiable(value):
        raise TypeError(f"vjp of {name}: its value, {kind_of(value)}, has no derivative")


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], **options: Unpack[TransformOptions]
) -> tuple[Any, Any]:
    """Return `(value, tangent)`: the value of `fun(*primals)` and its derivative in the direction of `tangents`.

    `primals` and `tangents` are tuples of the same length. A tangent has the shape and type of its argument; `None` is
    zero, and all there is for an argument without derivatives (an integer, a string, ...). The tangent that comes back
    has the shape and type of the value, and is a container if that is.

    Options are those of `grad`.

    Raises:
        AdjointError: `fun` can't be differentiated.
        TypeError: the arguments are not tuples of one length, or a tangent is of another type than its argument.
        ValueError: a tangent has another shape than its argument.

    >>> jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, None))
    (6.0, 2.0)
    """
    chosen = checked_options("jvp", options)
    args, directions = pairs("jvp", primals, tangents)
    return push("jvp", fun, args, directions, chosen)


def push(
    mode: str,
    fun: Callable[..., Any],
    args: tuple[Any, ...],
    directions: tuple[Any, ...],
    chosen: Options,
    only: tuple[int, ...] | None = None,
) -> tuple[Any, Any]:
    """Return value and tangent of a function, in mode "hvp" no value and the tangent of its gradient.

    It is a function of the arguments `only`, to which the directions belong, or of all that have derivatives.
    """
    name, form, sweeps = name_of(fun), Form(len(args)), family(mode, fun)
    names = parameters_of(sweeps.function, form)
    given = range(len(args)) if only is None else only
    seeds = {
        k: seed_for("tangent", f"argument '{names[k]}' of {name}", args[k], direction)
        for k, direction in zip(given, directions, strict=True)
    }
    wrt = differentiable_positions(mode, name, names, args) if only is None else only
    if mode == "hvp":
        sweeps = sweeps.gradient(form, wrt, chosen)
        moved = sweeps.sweep("pushforward", form, wrt, chosen)(*args, *(seeds[k] for k in wrt))
        return None, own(moved, args)
    value, tangent = sweeps.sweep("jvp", form, wrt, chosen)(*args, *(seeds[k] for k in wrt))
    if value is None:
        raise TypeError(f"{mode} of {name}: it returns nothing; let it return what it writes")
    return own(value, args), own(tangent, args)


def pairs(mode: str, primals: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return arguments and their directions as tuples. Raises TypeError if there are not as many of both."""
    second = "vectors" if mode == "hvp" else "tangents"
    first = "args" if mode == "hvp" else "primals"
    for what, given in ((first, primals), (second, tangents)):
        if not isinstance(given, tuple | list):
            raise TypeError(f"{mode}: {what} is a tuple with an entry for each argument, not {_kind(given)}")
    if len(primals) != len(tangents):
        raise TypeError(f"{mode}: there are {len(primals)} {first} and {len(tangents)} {second}")
    return tuple(primals), tuple(tangents)


def _kind(value: Any) -> str:
    return f"{'an' if kind_of(value)[0] in 'aeiou' else 'a'} {kind_of(value)}"


# What a call inside a function that is differentiated means.
vars(jvp)["__adjoint_lower__"] = pushed(jvp, of_gradient=False)
