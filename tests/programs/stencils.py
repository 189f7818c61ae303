"""Stencils: elements of one array from those around in others, in nests of loops or as slices, over some steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.programs.scope import Name

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def stencil(writer: Statements) -> bool:
    """Write nests over a matrix, or a stack of them, that fill a new array; say whether there was one."""
    random = writer.random
    array = _grid(writer)
    if array is None:
        return False
    made = random.choice(("np.zeros_like({0})", "np.ones({0}.shape)", "0.5 * {0}", "np.sin({0})"))
    new, old = (writer.scope.fresh("array", text, shape=array.shape, private=True) for text in ("new", "old"))
    writer.line(f"{new.text} = {made.format(array.text)}")
    if random.random() < 0.5:
        _Stencil(writer, new, array).write()
        _declare(writer, new)
        return True
    writer.line(f"{old.text} = {array.text}.copy()")
    with writer.block(f"for _ in range({random.randint(1, 3)}):", loop=True):
        _Stencil(writer, new, old).write()
        if random.random() < 0.4:
            writer.line(f"{old.text}, {new.text} = {new.text}, {old.text}")
        elif random.random() < 0.6:
            _Stencil(writer, old, new).write()
    _declare(writer, old)
    _declare(writer, new)
    return True


def _declare(writer: Statements, array: Name) -> None:
    """Take a number from an array; the rest of the program knows of matrices besides."""
    total = writer.scope.fresh("float")
    writer.line(f"{total.text} = 0.1 * np.sum({array.text} * {array.text})")
    writer.scope.declare(total)
    if len(array.shape) == 2:
        writer.scope.declare(array)


def _grid(writer: Statements) -> Name | None:
    """A matrix or a stack of them, mostly made for this: most others are so small that stencils don't fit in."""
    random, scope = writer.random, writer.scope
    vectors = scope.all("array", lambda a: len(a.shape) == 1 and a.shape[0] > 2)
    matrices = scope.all("array", lambda a: len(a.shape) > 1 and min(a.shape) > 1)
    if vectors and random.random() < 0.6:
        a, b = random.choice(vectors), random.choice(vectors)
        made = scope.fresh("array", "grid", shape=(*a.shape, *b.shape), private=True)
        writer.line(f"{made.text} = np.outer({a.text}, np.cos({b.text}))")
        matrices = [scope.declare(made)]
    if not matrices or random.random() < 0.75 or len(matrices[0].shape) > 2:
        return random.choice(matrices) if matrices else None
    matrix, count = matrices[0], random.randint(3, 4)
    stack = scope.fresh("array", "stack", shape=(count, *matrix.shape), private=True)
    sizes = ", ".join(map(writer.say.size, stack.shape))
    writer.line(f"{stack.text} = np.zeros(({sizes}))")
    place = scope.fresh("int", "q", frozen=True)
    with writer.block(f"for {place.text} in range({writer.say.size(count)}):", loop=True):
        writer.line(f"{stack.text}[{place.text}] = np.sin({matrix.text} + {place.text})")
    return stack


class _Stencil:
    def __init__(self, writer: Statements, target: Name, source: Name) -> None:
        self.writer, self.random = writer, writer.random
        self.target, self.source = target, source
        fits = writer.scope.all("array", lambda a: a.shape == source.shape and a is not target)
        self.sources = [source, source, *fits]
        # How far elements are from the one that is computed, at most: before and after, along each axis.
        self.reach = [self.within(size) for size in source.shape]

    def within(self, size: int) -> tuple[int, int]:
        before = min(self.random.choice((0, 1, 1, 2)), size)
        return before, min(self.random.choice((0, 1, 1, 2)), size - before)

    def write(self) -> None:
        if self.random.random() < 0.3:
            self.writer.line(self.statement([self.cut(axis, 0) for axis in range(len(self.reach))], self.cut))
            return
        indices = [self.writer.scope.fresh("int", name, frozen=True).text for name in "ijk"[: len(self.reach)]]
        self.loops(indices, 0)

    def loops(self, indices: list[str], axis: int) -> None:
        if axis < len(indices):
            (before, after), size = self.reach[axis], self.size(axis)
            up = f"range({before}, {size} - {after})"
            header = self.random.choice((up, up, up, f"range({size} - {after + 1}, {before - 1}, -1)"))
            with self.writer.block(f"for {indices[axis]} in {header}:", loop=True):
                self.loops(indices, axis + 1)
            return

        def at(axis: int, by: int) -> str:
            return indices[axis] if by == 0 else f"{indices[axis]} {'+' if by > 0 else '-'} {abs(by)}"

        for _ in range(self.random.randint(1, 2)):
            self.writer.line(self.statement([at(axis, 0) for axis in range(len(indices))], at))

    def size(self, axis: int) -> str:
        if self.random.random() < 0.1:
            return self.writer.say.size(self.target.shape[axis])
        return f"{self.random.choice((self.target, self.source)).text}.shape[{axis}]"

    def cut(self, axis: int, by: int) -> str:
        """Text of the slice of an axis that is by so much beyond the elements that are computed."""
        (before, after), size = self.reach[axis], self.size(axis)
        return f"{before + by}:{size} - {after - by}"

    def statement(self, place: list[str], at: Callable[[int, int], str]) -> str:
        random = self.random
        own = ", ".join(place)
        target = f"{self.target.text}[{own}]"
        terms = [self.term(at) for _ in range(random.randint(2, 5))]
        around = " + ".join(f"{random.choice(('', '', '0.5 * ', '2 * '))}{term}" for term in terms)
        a, b = terms[:2]
        return random.choice(
            (
                f"{target} = 0.2 * ({around})",
                f"{target} = 0.2 * ({around})",
                f"{target} += 0.1 * ({around} - 4 * {self.source.text}[{own}])",
                f"{target} = 0.1 * {a} * ({around}) - {b}",
                f"{target} = {self.source.text}[{own}] + 0.1 * np.sin({a}) * ({around})",
                f"{target} -= 0.1 * ({a} - {b}) ** 2",
            )
        )

    def term(self, at: Callable[[int, int], str]) -> str:
        """Text of an element around the one that is computed, or of a slice."""
        random = self.random
        offsets = [random.choice((0, -before, after, random.randint(-before, after))) for before, after in self.reach]
        return f"{random.choice(self.sources).text}[{', '.join(at(axis, by) for axis, by in enumerate(offsets))}]"
