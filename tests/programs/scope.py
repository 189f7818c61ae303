"""What a growing program knows about its own names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

Shape = tuple[int, ...]
NAMES = {
    "float": ("s", "t", "u", "p", "q", "total", "x_bar", "value", "tape"),
    "int": ("k", "c", "count", "steps"),
    "tuple": ("both", "point"),
    "list": ("values", "history"),
    "record": ("found", "record"),
    "mask": ("m", "wanted"),
    "ints": ("ks", "order", "bins"),
    "cell": ("cell",),
    "function": ("inner", "act"),
    "group": ("two",),
    "rows": ("stack",),
    "complex": ("c", "wave"),
    "array": ("y", "z", "w", "v", "buf", "out", "rows", "y_bar", "grid"),
}


@dataclass(eq=False)
class Name:
    """A variable: its kind and, for the life of the function, its shape (arrays) or range (integers).

    `private` arrays never share memory with another name; `frozen` names are not bound again (loop variables, sizes).
    `contiguous` arrays are C-contiguous, and stay so.
    """

    text: str
    kind: str
    shape: Shape = ()
    low: int = 0
    high: int = 0
    private: bool = False
    frozen: bool = False
    contiguous: bool = False

    @property
    def bounded(self) -> bool:
        return self.kind == "int" and self.high >= self.low


class Scope:
    """Names that are certainly bound at this point of the function."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.names: list[Name] = []
        self._taken: set[str] = set()

    def declare(self, name: Name) -> Name:
        self._taken.add(name.text)
        self.names.append(name)
        return name

    def fresh(self, kind: str, text: str = "", **known: object) -> Name:
        """A new name; not visible until it is declared."""
        stem = text or self.random.choice(NAMES[kind])
        text, number = stem, 1
        while text in self._taken:
            number += 1
            text = f"{stem}{number}"
        self._taken.add(text)
        return Name(text, kind, **known)  # type: ignore[arg-type]

    @contextmanager
    def block(self) -> Iterator[None]:
        """Names bound inside may be unbound after."""
        count = len(self.names)
        yield
        del self.names[count:]

    def all(self, kind: str, test: Callable[[Name], bool] = lambda _: True) -> list[Name]:
        return [name for name in self.names if name.kind == kind and test(name)]

    def one(self, kind: str, test: Callable[[Name], bool] = lambda _: True) -> Name | None:
        found = self.all(kind, test)
        return self.random.choice(found) if found else None
