"""Arguments of functions that stay functions: what is known when the program is read, and the values that are passed.

Numbers and arrays are passed, one parameter each. A tuple is taken apart. Functions, modules and `None` are known: the
function is read with them; a closure passes what it captured.
"""

from __future__ import annotations

from ast import AST
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from numba import types

from adjoint.errors import UnsupportedError
from adjoint.frontend.convert import items_of
from adjoint.frontend.frame import Frame, Session
from adjoint.frontend.names import captured
from adjoint.frontend.values import (
    Atom,
    Closure,
    Display,
    Items,
    Known,
    Listed,
    Partial,
    Record,
    ShapeOf,
    Unknown,
    UnknownRead,
    Value,
)
from adjoint.ir import Lit, Var
from adjoint.rules.typing import Type


@dataclass(frozen=True, slots=True, eq=False)
class Same:
    """An object that equals itself only."""

    obj: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.obj is other.obj

    def __hash__(self) -> int:
        return id(self.obj)


# What an argument is made of; hashable. The first entry says which of these it is:
#   ("leaf", type), ("constant", Lit), ("tuple", forms), ("record", form, forms), ("listed", form), ("object", Same),
#   ("closure", ...), ("again", number),
#   ("partial", ...)
Form: TypeAlias = tuple[Any, ...]


class Packer:
    """Takes arguments apart: their forms are returned, what is passed is collected."""

    def __init__(self, frame: Frame, node: AST) -> None:
        self.frame, self.node = frame, node
        self.leaves: list[Atom] = []
        self.hints: list[str] = []
        self._closures: dict[tuple[int, int], int] = {}

    def form(self, value: Value, hint: str, *, fixed: bool = False) -> Form:
        """Return the form of a value called `hint`; if it is `fixed`, numbers that are known count as known."""
        match value:
            case Lit(None | str()):
                return ("constant", value)
            case Lit() if fixed or value == Lit(...):
                return ("constant", value)
            case Var() | Lit():
                return self._atom(value, hint, fixed)
            case Items() | ShapeOf():
                return self._tuple(items_of(self.frame, value, self.node) or (), hint, fixed)
            case Record(form, items):
                parts = tuple(self.form(item, f"{hint}_{k}", fixed=fixed) for k, item in enumerate(items))
                return ("record", form, parts)
            case Listed(array):
                return ("listed", self.form(array, hint))
            case Known(obj):
                return ("object", Same(obj))
            case Closure():
                return self._closure(value)
            case Partial(callee, args, kwargs):
                parts = [self.form(callee, hint), *(self.form(arg, hint) for arg in args)]
                named = [(name, self.form(arg, name)) for name, arg in kwargs.items()]
                return ("partial", tuple(parts), tuple(named))
            case Unknown():
                raise UnknownRead(hint, self.node)
            case _:
                raise self._refused(hint, "a list" if isinstance(value, Display) else "something else")

    def _atom(self, value: Atom, hint: str, fixed: bool) -> Form:
        kind = self.frame.type_of(value)
        if isinstance(kind, types.BaseTuple):
            return self._tuple(items_of(self.frame, value, self.node) or (), hint, fixed)
        if not isinstance(kind, (types.Number, types.Boolean, types.Array)):
            raise self._refused(hint, "a list" if isinstance(kind, types.List) else str(kind))
        self.leaves.append(value)
        self.hints.append(hint)
        plain = cast("Type", types.unliteral(kind))  # pyright: ignore[reportUnknownMemberType]
        return ("leaf", plain)

    def _tuple(self, items: Sequence[Value], hint: str, fixed: bool) -> Form:
        return ("tuple", tuple(self.form(item, f"{hint}_{k}", fixed=fixed) for k, item in enumerate(items)))

    def _closure(self, closure: Closure) -> Form:
        """Return the form of a nested function, with the values that it reads from the functions around it."""
        key = id(closure.tree), id(closure.frame)
        if key in self._closures:
            return ("again", self._closures[key])
        self._closures[key] = len(self._closures)
        found: list[tuple[str, Form]] = []
        for name in sorted(captured(closure.tree.args, closure.tree.body)):
            value = self._captured(closure.frame, name)
            if value is not None:
                found.append((name, self.form(value, name, fixed=True)))
        defaults = tuple((name, self.form(value, name)) for name, value in closure.defaults.items())
        fun, around = closure.frame.fun, closure.frame
        while fun is None and around.outer is not None:
            around = around.outer
            fun = around.fun
        return ("closure", Same(closure.tree), Same(closure.frame.code), Same(fun), tuple(found), defaults)

    def _captured(self, frame: Frame, name: str) -> Value | None:
        """Return what a name stands for outside; None if nothing yet, and reading it will be the error."""
        try:
            return frame.lookup(name, self.node)
        except UnsupportedError:
            return None

    def _refused(self, hint: str, what: str) -> UnsupportedError:
        return self.frame.unsupported(
            f"`{hint}`, which a function that calls itself is given, is {what}",
            self.node,
            "pass numbers, arrays, tuples of those, and functions",
        )


class Unpacker:
    """Puts arguments together again, in the program of the function; `define(hint, type)` names a parameter."""

    def __init__(self, session: Session, hints: Sequence[str], define: Callable[[str, Type], Var]) -> None:
        self.session, self.define = session, define
        self._hints: Iterator[str] = iter(hints)
        self._closures: list[Closure] = []

    def value(self, form: Form) -> Value:
        """Return the value of a form, whose leaves are the next parameters."""
        match form:
            case ("leaf", kind):
                return self.define(next(self._hints), kind)
            case ("constant", constant):
                return cast("Lit", constant)
            case ("tuple", parts):
                return Items(tuple(self.value(part) for part in parts))
            case ("record", container, parts):
                return Record(container, tuple(self.value(part) for part in parts))
            case ("listed", part):
                return Listed(cast("Var", self.value(part)))
            case ("object", Same() as known):
                return Known(known.obj)
            case ("again", number):
                return self._closures[cast("int", number)]
            case ("partial", parts, named):
                callee, *args = (self.value(part) for part in parts)
                return Partial(callee, tuple(args), {name: self.value(part) for name, part in named})
            case _:
                return self._closure(form)

    def _closure(self, form: Form) -> Closure:
        _, tree, code, fun, found, defaults = form
        env: dict[str, Value] = {}
        known: dict[str, Value] = {}
        frame = Frame(self.session, code.obj, fun.obj, env, code.obj.live)
        closure = Closure(tree.obj, frame, cast("Mapping[str, Value]", known))
        self._closures.append(closure)
        env.update((name, self.value(part)) for name, part in found)
        known.update((name, self.value(part)) for name, part in defaults)
        return closure
