"""Names to objects: closure cells, globals, builtins and attributes of modules, by Python's own rules."""

from __future__ import annotations

import builtins
import enum
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

_READABLE = (ModuleType, type, enum.Enum, np.finfo, np.iinfo, np.dtype)


class Unresolved(LookupError):
    """The name or attribute doesn't exist."""


def resolve(fun: FunctionType, name: str) -> object:
    """Return what a free name of a function stands for now.

    Raises
    ------
    Unresolved
        If it isn't bound.
    """
    if name in fun.__code__.co_freevars:
        cells = fun.__closure__ or ()
        try:
            return cells[fun.__code__.co_freevars.index(name)].cell_contents
        except ValueError:
            raise Unresolved(name) from None
    if name in fun.__globals__:
        return fun.__globals__[name]
    if hasattr(builtins, name):
        return getattr(builtins, name)
    raise Unresolved(name)


def readable(obj: object) -> bool:
    """Say whether the attributes of an object are constants: those of modules, classes, enumerations."""
    return isinstance(obj, _READABLE)


def attribute(obj: object, name: str) -> object:
    """Return an attribute of a module, a class or the like.

    Raises
    ------
    Unresolved
        If there is none.
    """
    found: Any = getattr(obj, name, _MISSING)
    if found is _MISSING:
        raise Unresolved(name)
    return found


_MISSING = object()
