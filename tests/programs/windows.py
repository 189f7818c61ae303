"""Loops over slices whose bounds go with the loop: substitutions, factorizations by columns, filters, prefix sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.programs.scope import Name

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def windows(writer: Statements) -> bool:
    """Write a loop around statements about such slices; say whether there was an array."""
    array = writer.scope.one("array", lambda a: a.shape != () and min(a.shape) > 1)
    if array is None:
        return False
    n, random = array.shape[0], writer.random
    size = writer.say.size(n)
    header, low, high = random.choice(
        (
            (f"range({size})", 0, n - 1),
            (f"range(1, {size})", 1, n - 1),
            (f"range(1, {size} - 1)", 1, max(n - 2, 1)),
            (f"range({size} - 1, -1, -1)", 0, n - 1),
            (f"range({size} - 1, 0, -1)", 1, n - 1),
            (f"range(0, {size}, 2)", 0, n - 1),
        )
    )
    index = writer.scope.fresh("int", random.choice("ijkl"), low=low, high=high, frozen=True)
    total = writer.scope.one("float", lambda f: not f.frozen)
    with writer.block(f"for {index.text} in {header}:", loop=True):
        writer.scope.declare(index)
        for _ in range(random.randint(1, 3)):
            if random.random() < 0.25:
                writer.element()
            elif len(array.shape) == 2 and random.random() < 0.7:
                _matrix(writer, array, index, total)
            else:
                _statement(writer, array, index, total)
    return True


def _cut(writer: Statements, array: Name, index: Name) -> str:
    """Text of a slice of the first axis of an array, that may be empty."""
    i, size = index.text, writer.say.size(array.shape[0])
    cuts = [f"{i}:", f":{i}", f"{i} + 1:", f":{i} + 1", f"{i}:{i} + 2", f":{size} - {i}", f"{size} - {i}:", f"{i}::2"]
    if index.low:
        cuts += [f":-{i}", f"-{i}:", f"{i} - 1:{i} + 1", f"{i} - 1:", f":{i}:2", f"{i} - 1::-1"]
    return writer.random.choice(cuts)


def _fitting(writer: Statements, array: Name) -> list[Name]:
    return [array, array, *writer.scope.all("array", lambda a: a.shape == array.shape)]


def _statement(writer: Statements, array: Name, index: Name, total: Name | None) -> None:
    random, cut = writer.random, _cut(writer, array, index)
    target = f"{array.text}[{cut}]"
    sources = [f"{random.choice(_fitting(writer, array)).text}[{cut}]" for _ in range(2)]
    _update(writer, target, sources, total)


def _matrix(writer: Statements, array: Name, index: Name, total: Name | None) -> None:
    """Rows, columns and blocks of a matrix."""
    random, (rows, columns), i = writer.random, array.shape, index.text
    kind = random.randrange(4 if rows == columns else 2)
    if kind < 2:
        cut, column = _cut(writer, array, index), writer.say.index(columns)
        places = [f"{random.choice(_fitting(writer, array)).text}[{cut}, {column}]" for _ in range(3)]
        _update(writer, places[0], places[1:], total)
    elif kind == 2:
        cut = _cut(writer, array, index)
        form = random.choice(("[{0}, {1}]", "[{1}, {0}]"))
        places = [f"{a.text}{form.format(cut, i)}" for a in random.choices(_fitting(writer, array), k=3)]
        _update(writer, places[0], places[1:], total)
    else:
        a = array.text
        writer.line(f"{a}[{i} + 1:, {i}] /= 1.5 + {a}[{i}, {i}] ** 2")
        writer.line(f"{a}[{i} + 1:, {i} + 1:] -= 0.2 * np.outer({a}[{i} + 1:, {i}], {a}[{i}, {i} + 1:])")


def _update(writer: Statements, target: str, sources: list[str], total: Name | None) -> None:
    random, (a, b) = writer.random, sources
    number = writer.say.number(1)
    forms = [
        f"{target} = 0.5 * {a} + np.sin({b})",
        f"{target} = np.tanh({a}) * {b}",
        f"{target} = {a}",
        f"{target} = math.sin({number})",
        f"{target} -= 0.2 * math.sin({number})",
        f"{target} *= math.cos({number})",
        f"{target} = {target} - 0.3 * math.cos({number}) * {a}",
    ]
    if total is not None:
        s = total.text
        forms += [f"{s} = 0.5 * {s} + 0.1 * np.sum({a})", f"{s} -= 0.1 * np.sum({a} * {b})"]
        forms += [f"{s} = math.sin({s}) + 0.1 * np.sum(np.cos({a}))"]
    if random.random() < 0.2:
        name = writer.scope.fresh("array", "window")
        writer.line(f"{name.text} = {target}")
        writer.line(random.choice(forms))
        writer.line(f"{name.text}[:] = np.cos({name.text}) * {random.choice((number, a))}")
    else:
        writer.line(random.choice(forms))
