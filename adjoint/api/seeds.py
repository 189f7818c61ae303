"""Tangents and cotangents, checked against the values they belong to and given their types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from adjoint.api.containers import built, leaves_of, map_leaves, parts_of
from adjoint.rules.containers import Form

DIFFERENTIABLE = ("float32", "float64", "complex64", "complex128")


def is_differentiable(value: Any) -> bool:
    """Whether a value is a float or complex number or an array of those."""
    if isinstance(value, np.ndarray | np.generic):
        return cast("np.generic[Any]", value).dtype.name in DIFFERENTIABLE
    return isinstance(value, float | complex)


def differentiable_positions(mode: str, fun_name: str, names: list[str], args: tuple[Any, ...]) -> tuple[int, ...]:
    """Return which arguments have derivatives. Raises TypeError if none has, or one holds some in a container."""
    found = tuple(position for position, arg in enumerate(args) if holds_differentiable(arg))
    if not found:
        kinds = ", ".join(f"{name}: {kind_of(arg)}" for name, arg in zip(names, args, strict=False))
        raise TypeError(f"{mode} of {fun_name}: no argument is a float or complex number or array ({kinds})")
    return found


def holds_differentiable(value: Any) -> bool:
    """Whether a value is, or a container holds, a number or array that has derivatives."""
    return any(map(is_differentiable, leaves_of(value)))


def seed_for(what: str, owner: str, value: Any, given: Any) -> Any:
    """Return a tangent or cotangent, `given`, with the type of the value it belongs to.

    `None` stands for zero. Raises TypeError or ValueError, which call the seed `what` and its value `owner`.
    """
    parts = parts_of(value)
    if parts is not None:
        return built(parts[0], _seeds_of_items(what, owner, *parts, given))
    if not is_differentiable(value):
        if given is not None and np.any(given):
            raise TypeError(f"{owner} is {_a(kind_of(value))}, which has no {what}; pass None")
        return 0.0
    if isinstance(value, np.ndarray):
        return _seed_array(what, owner, cast("np.ndarray[Any, Any]", value), given)
    return _seed_scalar(what, owner, value, given)


def _seeds_of_items(what: str, owner: str, form: Form, items: tuple[Any, ...], given: Any) -> tuple[Any, ...]:
    if given is None:
        return tuple(seed_for(what, owner, item, None) for item in items)
    described = f"{form.described} of {len(items)}" if form.kind in ("tuple", "list") else form.described
    other = parts_of(given)
    sequences = ("tuple", "list")
    if other is None or form != other[0] and not (form.kind in sequences and other[0].kind in sequences):
        if other is not None and form.kind == other[0].kind == "dict":
            shown = ", ".join(map(repr, form.keys))
            raise ValueError(
                f"{owner} is a dictionary with the keys {shown}, and its {what} has others or another order"
            )
        raise TypeError(f"{owner} is {described}, and its {what} is one too, not {_a(kind_of(given))}")
    seeds = other[1]
    if len(seeds) != len(items):
        raise ValueError(f"{owner} is {described}, and its {what} has {len(seeds)} items")
    names = [f"item {k}" if form.kind in sequences else form.part(k) for k in range(len(items))]
    places = [f"{name} of {owner}" if form.kind in sequences else f"`{name}` of {owner}" for name in names]
    return tuple(seed_for(what, place, v, s) for place, v, s in zip(places, items, seeds, strict=True))


def _seed_array(what: str, owner: str, value: np.ndarray[Any, Any], given: Any) -> np.ndarray[Any, Any]:
    order = "F" if value.flags.fnc else "C"
    if given is None:
        return np.zeros(value.shape, value.dtype, order)
    if isinstance(given, tuple | dict):
        kind = type(cast("object", given)).__name__
        raise TypeError(f"{owner} is {_a(kind_of(value))}, and its {what} is one too, not a {kind}")
    seed = np.asarray(given)
    if seed.shape != value.shape:
        raise ValueError(f"{owner} has shape {value.shape}, and its {what} has shape {seed.shape}")
    if isinstance(given, np.ndarray) and seed.dtype != value.dtype:
        fix = f"pass {what}.astype(np.{value.dtype.name})"
        raise TypeError(f"{owner} is an array of {value.dtype.name}, and its {what} one of {seed.dtype.name}; {fix}")
    if seed.dtype.kind not in "biuf" + "c" * (value.dtype.kind == "c"):
        raise TypeError(f"{owner} is an array of {value.dtype.name}, and its {what} one of {seed.dtype.name}")
    return np.array(seed, value.dtype, order=order)


def _seed_scalar(what: str, owner: str, value: Any, given: Any) -> Any:
    kind = cast("Callable[[Any], Any]", type(value))
    if given is None:
        return kind(0)
    seed = np.asarray(given)
    if seed.shape != ():
        raise ValueError(f"{owner} is a scalar, and its {what} has shape {seed.shape}")
    complex_too = isinstance(value, complex | np.complexfloating)
    if seed.dtype.kind not in "biuf" + "c" * complex_too:
        raise TypeError(f"{owner} is {_a(kind_of(value))}, and its {what} is {_a(kind_of(given))}")
    return kind(seed.item())


def own(value: Any, args: tuple[Any, ...]) -> Any:
    """Return a result that shares no memory with the arguments."""
    arrays: list[Any] = [leaf for arg in args for leaf in leaves_of(arg) if isinstance(leaf, np.ndarray)]

    def each(leaf: Any) -> Any:
        shared = isinstance(leaf, np.ndarray) and any(np.may_share_memory(cast("Any", leaf), arg) for arg in arrays)
        return cast("Any", leaf).copy() if shared else cast("Any", leaf)

    return map_leaves(each, value)


def kept(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments as they are now, whatever is written into them later."""

    def each(leaf: Any) -> Any:
        return cast("Any", leaf).copy(order="K") if isinstance(leaf, np.ndarray) else leaf

    return tuple(map_leaves(each, arg) for arg in args)


def kind_of(value: Any) -> str:
    """Return what to call the type of a value."""
    if isinstance(value, np.ndarray):
        return f"array of {cast('Any', value).dtype.name}"
    return type(value).__name__


def _a(noun: str) -> str:
    return ("an " if noun[:1] in "aeio" else "a ") + noun
