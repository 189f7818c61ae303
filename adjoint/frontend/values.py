"""What a name can stand for while a function is lowered.

Most values are names or constants of the program. The others exist only while it is lowered: tuples, which are
taken apart; functions, which are inlined; things to iterate over; slices.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from adjoint.errors import AdjointError
from adjoint.ir import Call, Lit, Var
from adjoint.rules.containers import Form

if TYPE_CHECKING:
    import gast

    from adjoint.frontend.frame import Frame


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple, item by item."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Display:
    """A list written out, `[a, b]`, that isn't bound to a name yet."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A named tuple, a dataclass, a dictionary or a list whose length is known, item by item."""

    form: Form
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of numbers that is an argument, or made of an array: the array of its elements."""

    array: Var


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A Python object: a function, a module, a data type."""

    obj: object


@dataclass(frozen=True, slots=True)
class ShapeOf:
    """`x.shape`, which becomes `dim`s where single lengths are used."""

    array: Var


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice object; its bounds have been evaluated."""

    call: Call


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """A nested function or lambda; free names are looked up in `frame` when it is called."""

    tree: gast.FunctionDef
    frame: Frame
    defaults: Mapping[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """`functools.partial(callee, *args, **kwargs)`."""

    callee: Value
    args: tuple[Value, ...]
    kwargs: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Range:
    start: Atom
    stop: Atom
    step: Atom
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements or rows of an array, or the elements of a list."""

    source: Var


@dataclass(frozen=True, slots=True)
class Enumerate:
    source: Value
    start: Atom


@dataclass(frozen=True, slots=True)
class Zip:
    sources: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Reversed:
    source: Value


@dataclass(frozen=True, slots=True)
class Grid:
    """All indices into a shape, the last one running fastest; with `array` also its elements."""

    lengths: tuple[Atom, ...]
    array: Var | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not bound, or of a type that is known only when the loop around has been read once."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A value that branches disagree on; reading it is the error."""

    error: AdjointError


Atom: TypeAlias = Var | Lit
Iterable: TypeAlias = Range | Elements | Enumerate | Zip | Reversed | Grid
Function: TypeAlias = Known | Closure | Partial
Value: TypeAlias = (
    Var | Lit | Items | Display | Record | Listed | Function | ShapeOf | Slice | Iterable | Unknown | Broken
)


class UnknownRead(Exception):
    """A name was read whose type isn't known yet; the statement is skipped in this round."""

    def __init__(self, name: str, node: ast.AST) -> None:
        super().__init__(name)
        self.name = name
        self.node = node


class UnrolledError(Exception):
    """Something whose items differ in type is indexed by the counter of a loop, which must be unrolled."""


def same(first: Value | None, second: Value | None) -> bool:
    """Say whether two values are known to be one and the same."""
    match first, second:
        case Known(a), Known(b):
            return a is b
        case Closure(tree=a, frame=f), Closure(tree=b, frame=g):
            return a is b and f is g
        case Items(a), Items(b):
            return len(a) == len(b) and all(map(same, a, b))
        case Record(f, a), Record(g, b):
            return f == g and all(map(same, a, b))
        case _:
            return first == second


UNKNOWN = Unknown()
