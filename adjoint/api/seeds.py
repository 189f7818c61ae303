"""Tangents and cotangents, checked against the values they belong to and given their types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

DIFFERENTIABLE = ("float32", "float64", "complex64", "complex128")


def is_differentiable(value: Any) -> bool:
    """Whether a value is a float or complex number or an array of those."""
    if isinstance(value, np.ndarray | np.generic):
        return cast("np.generic[Any]", value).dtype.name in DIFFERENTIABLE
    return isinstance(value, float | complex)


def differentiable_positions(mode: str, fun_name: str, names: list[str], args: tuple[Any, ...]) -> tuple[int, ...]:
    """Return which arguments have derivatives. Raises TypeError if none has, or one holds some in a container."""
    found: list[int] = []
    for position, (name, arg) in enumerate(zip(names, args, strict=False)):
        if is_differentiable(arg):
            found.append(position)
        elif holds_differentiable(arg):
            raise TypeError(
                f"{mode} of {fun_name}: argument '{name}' is a {type(arg).__name__} that holds numbers to "
                "differentiate; pass its items as arguments, or make it an array"
            )
    if not found:
        kinds = ", ".join(f"{name}: {kind_of(arg)}" for name, arg in zip(names, args, strict=False))
        raise TypeError(f"{mode} of {fun_name}: no argument is a float or complex number or array ({kinds})")
    return tuple(found)


def holds_differentiable(value: Any) -> bool:
    """Whether a container holds numbers that have derivatives."""
    if isinstance(value, dict):
        return any(holds_differentiable(item) or is_differentiable(item) for item in cast("Any", value).values())
    if isinstance(value, tuple | list):
        return any(holds_differentiable(item) or is_differentiable(item) for item in cast("Any", value))
    return False


def seed_for(what: str, owner: str, value: Any, given: Any) -> Any:
    """Return a tangent or cotangent, `given`, with the type of the value it belongs to.

    `None` stands for zero. Raises TypeError or ValueError, which call the seed `what` and its value `owner`.
    """
    if isinstance(value, tuple):
        return _seeds_of_tuple(what, owner, cast("tuple[Any, ...]", value), given)
    if not is_differentiable(value):
        if given is not None and np.any(given):
            raise TypeError(f"{owner} is {_a(kind_of(value))}, which has no {what}; pass None")
        return 0.0
    if isinstance(value, np.ndarray):
        return _seed_array(what, owner, cast("np.ndarray[Any, Any]", value), given)
    return _seed_scalar(what, owner, value, given)


def _seeds_of_tuple(what: str, owner: str, value: tuple[Any, ...], given: Any) -> tuple[Any, ...]:
    if given is None:
        given = (None,) * len(value)
    if not isinstance(given, tuple | list):
        raise TypeError(f"{owner} is a tuple of {len(value)}, and its {what} is one too, not {_a(kind_of(given))}")
    items: tuple[Any, ...] = tuple(cast("Any", given))
    if len(items) != len(value):
        raise ValueError(f"{owner} is a tuple of {len(value)}, and its {what} has {len(items)} items")
    pairs = zip(value, items, strict=True)
    return tuple(seed_for(what, f"item {k} of {owner}", v, s) for k, (v, s) in enumerate(pairs))


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


def leaves_of(value: Any) -> list[Any]:
    """Return a value as a list: the items of a tuple, also of one within it, or the value alone."""
    if not isinstance(value, tuple):
        return [value]
    return [leaf for item in cast("tuple[Any, ...]", value) for leaf in leaves_of(item)]


def shaped(value: Any, leaves: Iterator[Any]) -> Any:
    """Return the next leaves in the structure of a value."""
    if not isinstance(value, tuple):
        return next(leaves)
    return tuple(shaped(item, leaves) for item in cast("tuple[Any, ...]", value))


def own(value: Any, args: tuple[Any, ...]) -> Any:
    """Return a result that shares no memory with the arguments."""
    if isinstance(value, tuple):
        return tuple(own(item, args) for item in cast("tuple[Any, ...]", value))
    arrays: list[Any] = [arg for arg in args if isinstance(arg, np.ndarray)]
    shared = isinstance(value, np.ndarray) and any(np.may_share_memory(cast("Any", value), arg) for arg in arrays)
    return cast("Any", value).copy() if shared else cast("Any", value)


def kept(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments as they are now, whatever is written into them later."""
    return tuple(cast("Any", arg).copy(order="K") if isinstance(arg, np.ndarray) else arg for arg in args)


def kind_of(value: Any) -> str:
    """Return what to call the type of a value."""
    if isinstance(value, np.ndarray):
        return f"array of {cast('Any', value).dtype.name}"
    return type(value).__name__


def _a(noun: str) -> str:
    return ("an " if noun[:1] in "aeio" else "a ") + noun
