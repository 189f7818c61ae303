"""Arrays that are made and then written in parts, first and last elements apart from those between: boundary values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from tests.programs.statements import Statements


def pieces(writer: Statements) -> bool:
    """Write steps that make a new state of an old one part by part, some through stages; say whether there was one."""
    array = writer.scope.one("array", lambda a: a.shape != () and min(a.shape) > 2)
    if array is None:
        return False
    random, line = writer.random, writer.line
    state, total = writer.scope.fresh("array", "state", shape=array.shape, private=True), writer.scope.fresh("float")
    line(f"{state.text} = {random.choice((f'{array.text} * 0.5', f'{array.text}.copy()'))}")
    line(f"{total.text} = {writer.say.number(1)}")
    for name in (state, total):
        writer.scope.declare(name)
    names = zip("nm", array.shape, strict=False)
    sizes = [writer.scope.fresh("int", name, low=n, high=n, frozen=True) for name, n in names]
    for axis, size in enumerate(sizes):
        line(f"{size.text} = {array.text}.shape[{axis}]")
        writer.scope.declare(size)
    mixed = random.random() < 0.3
    with writer.block(f"for _ in range({random.randint(1, 3)}):", loop=True):
        source = state.text
        for _ in range(random.randint(1, 3)):
            new = writer.scope.fresh("array", "stage", shape=array.shape).text
            lengths = [size.text for size in sizes]
            shape = lengths[0] if len(array.shape) == 1 else f"({', '.join(lengths)})"
            whole = random.random() < 0.7
            made = (f"np.empty_like({array.text})", f"np.empty({shape})") if whole else ()
            line(f"{new} = {random.choice((*made, f'np.zeros({shape})', f'np.zeros_like({array.text})'))}")
            if len(array.shape) == 1:
                _vector(writer, new, source, array.text, lengths[0], whole)
            elif len(array.shape) == 2:
                _grid(writer, new, source, array.text, lengths, whole)
            else:
                line(f"{new}[0] = {source}[1]")
                line(f"{new}[1:] = {source}[:-1] * 0.5")
            if random.random() < 0.4:
                line(f"{total.text} += {new}[{', '.join(random.choice(('0', '-1')) for _ in array.shape)}]")
            source = new if random.random() < 0.7 else source
        if mixed:
            line(f"{state.text} = {source} * 0.5 + {state.text}")
        else:
            line(f"{state.text} = {source}")
    line(f"{total.text} += np.sum({state.text})")
    return True


def _value(random: Random, old: str, here: str, back: str, n: str) -> str:
    forms = (f"0.5 * {old}[{here}] + {old}[{back}]", f"{old}[{here}] * {old}[{back}]", f"{old}[{here}] - 0.2", "0.25")
    return random.choice((*forms[:3], *forms)).replace("@", n)


def _vector(writer: Statements, new: str, old: str, like: str, n: str, whole: bool) -> None:
    """Write all elements of a vector, or all but one or two."""
    random, line = writer.random, writer.line
    i = writer.scope.fresh("int", "i").text
    end, value = random.choice(("-1", f"{n} - 1")), random.choice(("0.0", f"{old}[-1]"))
    first, last = f"{new}[0] = {like}[0]", f"{new}[{end}] = {value}"
    kind = random.choice(("up", "down", "between", "shifted", "slice", "inside", "chain"))
    parts = {"down": [last], "between": [first, last], "inside": [first, last]}.get(kind, [first])
    if not whole and random.random() < 0.5:
        parts = parts[1:]
    late = random.random() < 0.2 and kind not in ("chain", "down")
    for text in () if late else parts:
        line(text)
    if kind == "slice":
        line(f"{new}[1:] = {like}[1:] * {old}[:-1]")
    elif kind == "inside":
        line(f"{new}[1:-1] = {old}[:-2] - 0.5 * {old}[1:-1] + {old}[2:]")
    else:
        ranges = {"down": f"{n} - 2, -1, -1", "between": f"1, {n} - 1", "shifted": f"{n} - 1"}
        with writer.block(f"for {i} in range({ranges.get(kind, f'1, {n}')}):", loop=True):
            here = f"{i} + 1" if kind == "shifted" else i
            back = {"down": f"{i} + 1", "shifted": i}.get(kind, f"{i} - 1")
            chain = f" + 0.3 * {new}[{back}]" if kind in ("chain", "down") and parts else ""
            how = random.choice(("=", "+=")) if not whole else "="
            line(f"{new}[{here}] {how} {_value(random, old, here, back, n)}{chain}")
    for text in parts if late else ():
        line(text)


def _grid(writer: Statements, new: str, old: str, like: str, lengths: list[str], whole: bool) -> None:
    """Write the borders and the inside of a matrix, one side missing at times."""
    random, line, block = writer.random, writer.line, writer.block
    i, j = (writer.scope.fresh("int", name).text for name in "ij")
    n, m = lengths
    line(f"{new}[0, :] = {like}[0, :]")
    line(f"{new}[{n} - 1, :] = 0.5")
    line(f"{new}[:, 0] = {old}[:, 0]")
    if whole:
        line(f"{new}[:, -1] = 0.0")
    if random.random() < 0.3:
        line(f"{new}[1:-1, 1:-1] = 0.5 * {old}[:-2, 1:-1] + {like}[2:, 1:-1]")
        return
    with block(f"for {i} in range(1, {n} - 1):", loop=True), block(f"for {j} in range(1, {m} - 1):", loop=True):
        places = (f"{old}[{i} - 1, {j}]", f"{new}[{i} - 1, {j}]", f"{new}[{i}, {j} - 1]", f"{like}[{i}, {j} + 1]")
        around = random.choice(places)
        line(f"{new}[{i}, {j}] = 0.5 * {old}[{i}, {j}] + 0.2 * {around}")
