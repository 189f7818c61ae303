"""Carried values: what a name that changes from one iteration to the next is made of."""

from __future__ import annotations

from ast import AST
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from numba import types

from adjoint.errors import TypingError
from adjoint.frontend.convert import cast_to, items_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.values import UNKNOWN, Broken, Items, Listed, Record, ShapeOf, Unknown, Value
from adjoint.ir import Carry, Lit, Stmt, Var
from adjoint.rules import typing
from adjoint.rules.containers import Form as Container

# A type, None while that isn't known, or one such thing for each item of a tuple.
Form: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Whole:
    """The form of a container: what it is, and the forms of its items."""

    container: Container
    parts: tuple[Any, ...]

    def matches(self, other: Whole) -> bool:
        return self.container == other.container and len(self.parts) == len(other.parts)


def carriable(value: Value | None) -> bool:
    """Say whether a loop can carry a value: not functions, modules and the like."""
    match value:
        case Items(items) | Record(_, items):
            return all(map(carriable, items))
        case None | Listed() | Var() | Lit() | ShapeOf() | Unknown():
            return True
        case _:
            return False


def unknown(value: Value) -> bool:
    """Say whether a value, or an item of it, has no type yet."""
    return isinstance(value, Unknown) or (isinstance(value, Items | Record) and any(map(unknown, value.items)))


def form_of(frame: Frame, value: Value | None) -> Form:
    match value:
        case Var() | Lit():
            return _form_of_type(frame.type_of(value))
        case Items(items):
            return tuple(form_of(frame, each) for each in items)
        case Record(form, items):
            return Whole(form, tuple(form_of(frame, each) for each in items))
        case Listed(array):
            return Whole(Container("numbers"), (frame.type_of(array),))
        case ShapeOf(array):
            return (types.intp,) * frame.type_of(array).ndim
        case _:
            return None


def _form_of_type(kind: Any) -> Form:
    if isinstance(kind, types.BaseTuple):
        return tuple(map(_form_of_type, cast("Any", kind).types))
    return kind


def phi_of(frame: Frame, form: Form, name: str) -> Value:
    """Return new names for a carried value."""
    match form:
        case None:
            return UNKNOWN
        case Whole(Container("numbers"), (kind,)):
            return Listed(frame.builder.define(name, kind))
        case Whole(container, parts):
            return Record(container, tuple(phi_of(frame, part, name) for part in parts))
        case tuple():
            return Items(tuple(phi_of(frame, part, name) for part in _parts_of(form)))
        case _:
            return frame.builder.define(name, form)


def join(frame: Frame, first: Form, second: Form, name: str, node: AST) -> Form:
    """Return the form that holds either value.

    Raises
    ------
    TypingError
        If there is none.
    """
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, tuple) and isinstance(second, tuple) and len(_parts_of(first)) == len(_parts_of(second)):
        pairs = zip(_parts_of(first), _parts_of(second), strict=True)
        return tuple(join(frame, a, b, name, node) for a, b in pairs)
    if isinstance(first, Whole) and isinstance(second, Whole) and first.matches(second):
        pairs = zip(first.parts, second.parts, strict=True)
        return Whole(first.container, tuple(join(frame, a, b, name, node) for a, b in pairs))
    joined = None
    plain = not isinstance(first, Whole) and not isinstance(second, Whole)
    if plain and not isinstance(first, tuple) and not isinstance(second, tuple):
        joined = typing.unify(first, second)
    if joined is None:
        raise TypingError(
            f"`{name}` is {_shown(first)} before the loop and {_shown(second)} after an iteration",
            frame.loc(node),
            help="give it one type from the start",
        )
    return joined


def _shown(form: Form) -> str:
    if isinstance(form, Whole):
        return f"{form.container.described} of {len(form.parts)}"
    return f"a tuple of {len(_parts_of(form))}" if isinstance(form, tuple) else str(form)


def _parts_of(form: Form) -> tuple[Form, ...]:
    return form


def carries(
    frame: Frame, phi: Value, init: Value | None, last: Value | None, block: list[Stmt], node: AST
) -> list[Carry]:
    """Return the carries of one name; conversions go before the loop and to the end of its body."""
    match phi:
        case Listed(array):
            start, following = (each.array if isinstance(each, Listed) else each for each in (init, last))
            return carries(frame, array, start, following, block, node)
        case Items(phis) | Record(_, phis):
            inits = _parts(frame, init, len(phis), node)
            with frame.builder.within(block):
                lasts = _parts(frame, last, len(phis), node)
            rows = zip(phis, inits, lasts, strict=True)
            return [c for p, i, n in rows for c in carries(frame, p, i, n, block, node)]
        case Var() if isinstance(last, (Var, Lit)):
            kind = frame.type_of(phi)
            start = cast_to(frame, init, kind, node) if isinstance(init, (Var, Lit)) else None
            with frame.builder.within(block):
                following = cast_to(frame, last, kind, node)
            return [] if start is None and following == phi else [Carry(phi, start, following)]
        case Var() if isinstance(last, Broken):
            raise last.error
        case _:
            return []


def _parts(frame: Frame, value: Value | None, count: int, node: AST) -> Sequence[Value | None]:
    if value is None or isinstance(value, Unknown):
        return (None,) * count
    if isinstance(value, Record):
        return value.items
    return items_of(frame, value, node) or (None,) * count
