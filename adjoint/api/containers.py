"""Containers that users pass: their types, what compiled code is handed for them, and walks over their leaves."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
from numba.core import types as nb

from adjoint.backends.misread import misread
from adjoint.backends.numba_cpu import typeof
from adjoint.backends.request import NumbaType
from adjoint.rules.containers import (
    TUPLE,
    Form,
    class_problem,
    container,
    fields_of,
    numbers,
)

_NUMBERS = (float, complex, int, bool, np.number, np.bool_)
_SCALARS = frozenset((float, int, bool, complex, np.float32, np.float64, np.complex64, np.complex128))
# What of an array's flags is part of its type: contiguous either way, aligned, writeable.
_LAYOUT = 0x1 | 0x2 | 0x100 | 0x400
_LEAVES: tuple[Any, ...] = (nb.Number, nb.Boolean, nb.Array, nb.NoneType)
_KEYS = (str, int, float, bool, complex, tuple, type(None))


class Untypable(TypeError):
    """A value, or a part of one, that can't be an argument; `remedy` says what to pass, where that can be said."""

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where)
        self.what, self.where, self.remedy = what, where, remedy


def form_of_value(value: Any) -> Form | None:
    """Return the form of a container; None for anything else. Raises Untypable."""
    cls = cast("Any", type(value))
    if cls is dict:
        return _dict_form(value)
    if cls is list:
        return numbers(np.asarray(value).dtype) if _is_of_numbers(value) else Form("list")
    if isinstance(value, tuple):
        if not hasattr(cls, "_fields"):
            return TUPLE if cls is tuple else _refused(_a(cls.__name__))
        return _class_form("named", cls)
    if hasattr(cls, "__dataclass_fields__"):
        return _class_form("data", cls)
    if isinstance(value, dict | list):
        return _refused(_a(cls.__name__))
    return None


def _dict_form(value: dict[Any, Any]) -> Form:
    for key in value:
        if not isinstance(key, _KEYS):
            _refused(f"a dictionary with a key of type {type(key).__name__}")
    return Form("dict", tuple(value))


@functools.cache
def _class_form(kind: Any, cls: type) -> Form:
    problem = class_problem(cls)
    if problem is not None:
        _refused(f"of the class {cls.__name__}, which {problem}")
    return Form(kind, fields_of(cls), cls)


def _refused(what: str, remedy: str = "") -> Any:
    raise Untypable(what, remedy=remedy)


def _a(noun: str) -> str:
    return ("an " if noun[:1].lower() in "aeiou" else "a ") + noun


def _is_of_numbers(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(item, _NUMBERS) for item in value)


def items_of(value: Any, form: Form) -> tuple[Any, ...]:
    """Return the items of a container, in the order of its form."""
    match form.kind:
        case "numbers":
            return (np.asarray(value),)
        case "dict":
            return tuple(value.values())
        case "data":
            return tuple(getattr(value, name) for name in form.keys)
        case _:
            return tuple(value)


def built(form: Form, items: tuple[Any, ...]) -> Any:
    """Return a container of a form."""
    match form.kind:
        case "numbers":
            array = items[0]
            plain = array.dtype.name in ("float64", "int64", "complex128", "bool")
            return array.tolist() if plain else list(array)
        case "dict":
            return dict(zip(form.keys, items, strict=True))
        case "list":
            return list(items)
        case "tuple":
            return items
        case "named":
            return cast("Any", form.cls)(*items)
        case "data":
            return cast("Any", form.cls)(**dict(zip(form.keys, items, strict=True)))


# --- walks over values, in which a list of numbers is a list like any other ------------------------------------------


def parts_of(value: Any) -> tuple[Form, tuple[Any, ...]] | None:
    """Return a container's form and items; None for anything else, or a container that can't be an argument."""
    try:
        form = form_of_value(value)
    except Untypable:
        return None
    if form is None:
        return None
    form = Form("list") if form.kind == "numbers" else form
    return form, items_of(value, form)


def leaves_of(value: Any) -> list[Any]:
    """Return what is in a value that is no container itself, in order."""
    parts = parts_of(value)
    return [value] if parts is None else [leaf for item in parts[1] for leaf in leaves_of(item)]


def map_leaves(change: Callable[..., Any], value: Any, *others: Any) -> Any:
    """Return a value with its leaves changed; `change` is given the leaves of `others` at the same place too."""
    parts = parts_of(value)
    if parts is None:
        return change(value, *others)
    form, items = parts
    rest = [items_of(other, form) for other in others]
    return built(form, tuple(map_leaves(change, *each) for each in zip(items, *rest, strict=True)))


def shaped(value: Any, leaves: Iterator[Any]) -> Any:
    """Return the next leaves in the structure of a value."""
    def following(_: Any) -> Any:
        return next(leaves)

    return map_leaves(following, value)


def kind_of_value(value: Any) -> NumbaType:
    """Return the type of an argument. Raises Untypable, with what is wrong and where in the argument.

    A text inside a container is part of its type: compiled code never sees it.
    """
    return typeof(value) if isinstance(value, str) else _kind(value, inside=False)


def _leaf_kind(value: Any, inside: bool) -> NumbaType:
    problem = misread(value)
    if problem is not None:
        return _refused(*problem)
    try:
        kind: Any = typeof(value)
    except ValueError:
        return _refused(_a(type(value).__name__))
    if inside and not isinstance(kind, _LEAVES):
        return _refused(_a(type(value).__name__))
    return kind


def _kind(value: Any, inside: bool = True) -> NumbaType:
    if isinstance(value, str):
        return cast("Any", nb).literal(value)
    if isinstance(value, nb.Type):
        return value
    form = form_of_value(value)
    if form is None:
        return _leaf_kind(value, inside)
    found: list[NumbaType] = []
    for position, item in enumerate(items_of(value, form)):
        try:
            found.append(_kind(item))
        except Untypable as error:
            raise Untypable(error.what, form.part(position) + error.where, error.remedy) from None
    return container(form if form.kind != "numbers" else Form("numbers"), tuple(found))


# --- calls -----------------------------------------------------------------------------------------------------------


def packed(value: Any) -> tuple[object, Any]:
    """Return a key that is equal for values of one type only, and what compiled code is handed for the value.

    It says the same as `kind_of_value` and costs a tenth. Raises Untypable.
    """
    cls = cast("Any", type(value))
    if cls is np.ndarray:
        return (value.dtype, value.ndim, value.flags.num & _LAYOUT), value
    if cls in _SCALARS:
        return cls, value
    if cls is str:
        return value, None
    form = form_of_value(value)
    if form is None:
        return _leaf_kind(value, inside=False), value
    if form.kind == "numbers":
        array = np.asarray(value)
        return (form, array.dtype), array
    parts = [packed(item) for item in items_of(value, form)]
    items = tuple(item for _, item in parts)
    kinds = tuple(map(type, form.keys)) if form.kind == "dict" else ()
    return (form, kinds, tuple(key for key, _ in parts)), cls(*items) if form.kind == "named" else items
