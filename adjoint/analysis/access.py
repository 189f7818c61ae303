"""Uses of the elements of arrays, and what is known of the whole numbers they depend on.

An *atom* stands for a number that is not known further: a parameter, a loop index, a value that a loop changes. It
belongs to the loops around the place where it came up: it has one value per iteration of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from adjoint.analysis.linear import Linear, symbol
from adjoint.ir.immutable import immutable


@immutable
class Round:
    """A loop around an access. Its iterations follow each other with rising (`sign` 1) or falling `counter`.

    `sign` is 0 where the order of iterations is not known.
    """

    loop: int
    counter: str
    sign: int


@immutable
class Point:
    """One place along an axis; a negative number counts from the end."""

    at: Linear


@immutable
class Span:
    """The places along an axis from `low` on, which is not negative, and below `high`; None: as far as it goes.

    Not all of them are meant, or shown, where it isn't `exact`.
    """

    low: Linear = Linear()
    high: Linear | None = None
    exact: bool = True


# None: any place along the axis.
Axis = Point | Span | None


@immutable
class Access:
    """One use of the contents of an array.

    `root` is the name by which the array was allocated, None for memory that came from elsewhere; `index` has what is
    known of the place on each of its axes, whose sizes are `shape`. `branches` are the arms of the branches around the
    access, `facts` are not negative at it; `position` counts statements in the order of the text.
    """

    name: str
    root: str | None
    shape: tuple[Linear, ...]
    index: tuple[Axis, ...]
    rounds: tuple[Round, ...]
    branches: tuple[tuple[int, int], ...]
    facts: tuple[Linear, ...]
    position: int


@immutable
class Renewal:
    """A store, or loops around one, from `first` to `last` position: nothing is left of what `root` held at `index`."""

    root: str
    index: tuple[Axis, ...]
    rounds: tuple[Round, ...]
    branches: tuple[tuple[int, int], ...]
    first: int
    last: int


@dataclass(eq=False)
class Atoms:
    """The atoms of a program: how many loops each belongs to, and what is never negative where it is defined."""

    depth: dict[str, int] = field(default_factory=dict[str, int])
    facts: dict[str, list[Linear]] = field(default_factory=dict[str, list[Linear]])

    def fresh(self, word: str, depth: int) -> Linear:
        name = f"{word}.{len(self.depth)}"
        self.depth[name] = depth
        self.facts[name] = []
        return symbol(name)

    def state(self, atom: Linear, *forms: Linear) -> None:
        """Add forms that are not negative to what is known of an atom."""
        ((name, _),) = atom.terms
        self.facts[name] += forms

    def known(self, names: Iterable[str]) -> Iterator[Linear]:
        """Yield all that is never negative of atoms, and of those that these facts mention."""
        todo = [*names]
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                yield from self.facts[name]
                todo += [other for form in self.facts[name] for other in form.symbols]


@immutable
class Array:
    """What a name of an array shows: part of `root`, whose axes before it are fixed by `index`.

    An axis of `index` that is a `Span` is an axis of the name. `shape` has the sizes of the axes of the root.
    """

    root: str
    shape: tuple[Linear, ...]
    index: tuple[Axis, ...]


@immutable
class Test:
    """A condition: what isn't negative where it holds, and where it doesn't."""

    holds: tuple[Linear, ...]
    fails: tuple[Linear, ...]


Known = Linear | Array | Test


@dataclass(eq=False)
class Uses:
    """What `accesses` found: reads in the order of the text, writes by the identity of the statement.

    `elements` are the reads of statements that do nothing else, `renewals` the writes of whole arrays.
    """

    atoms: Atoms = field(default_factory=Atoms)
    reads: list[Access] = field(default_factory=list[Access])
    writes: dict[int, Access] = field(default_factory=dict[int, Access])
    elements: dict[int, Access] = field(default_factory=dict[int, Access])
    renewals: list[Renewal] = field(default_factory=list[Renewal])
