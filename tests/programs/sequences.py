"""Loops over sequences, each with a state that is filled anew and moved on in steps: filters, Markov chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def sequences(writer: Statements) -> bool:
    """Write a loop over the rows of a matrix with two buffers made before it; say whether there was a matrix."""
    matrix = writer.scope.one("array", lambda a: len(a.shape) == 2 and min(a.shape) > 1)
    if matrix is None:
        return False
    random, line, block = writer.random, writer.line, writer.block
    rows, columns = matrix.shape
    count, length = writer.say.size(rows), writer.say.size(columns)
    total = writer.scope.fresh("float")
    line(f"{total.text} = {writer.say.number(1)}")
    writer.scope.declare(total)
    old, new = (writer.scope.fresh("array", name, shape=(columns,), private=True) for name in ("old", "new"))
    outside = random.random() < 0.7
    for name in (old, new):
        line(f"{name.text} = np.zeros({length})")
        writer.scope.declare(name)
    s, t, i, j = (writer.scope.fresh("int", name).text for name in "stij")
    part, scale = (writer.scope.fresh("float", name).text for name in ("part", "scale"))
    m, a, b = matrix.text, old.text, new.text
    whole = f"range({length})"
    some = random.choice((whole, whole, whole, f"range(1, {length})", f"range({length} - 1, -1, -1)"))
    with block(f"for {s} in range({count}):", loop=True):
        if not outside:
            line(f"{a} = np.{random.choice(('empty', 'zeros'))}({length})")
            some = whole
        if random.random() < 0.2:
            line(f"{total.text} += 0.1 * {a}[0]" if outside else f"{total.text} += 0.1")
        with block(f"for {j} in {some}:", loop=True):
            line(f"{a}[{j}] = {random.choice((f'{m}[{s}, {j}]', f'math.tanh({m}[{s}, {j}])', '0.5'))}")
            if random.random() < 0.3:
                line(f"{total.text} += 0.2 * {a}[{j}]")
        with block(f"for {t} in range({random.choice((f'1, {length}', '2', '3'))}):", loop=True):
            line(f"{scale} = 0.5")
            fresh = random.random() < 0.2
            if fresh:
                line(f"{b} = np.zeros({length})")
            with block(f"for {j} in {random.choice((whole, whole, f'range({length} - 1)'))}:", loop=True):
                line(f"{part} = 0.0")
                with block(f"for {i} in {whole}:", loop=True):
                    line(f"{part} += {a}[{i}] * {random.choice((f'{m}[{s}, {j}]', f'{m}[{s}, {i}]', '0.3'))}")
                values = (f"math.tanh({part})", f"0.3 * {part}", f"{part} / (1.5 + {a}[{j}] ** 2)")
                line(f"{b}[{j}] = {random.choice(values)}")
                if random.random() < 0.6:
                    line(f"{scale} += {b}[{j}] ** 2")
            how = random.choice(("copy", "copy", "swap", "keep", "slice"))
            if how == "swap":
                line(f"{a}, {b} = {b}, {a}")
            elif how == "slice":
                line(f"{a}[:] = {b}")
            elif how == "copy":
                with block(f"for {j} in {whole}:", loop=True):
                    line(f"{a}[{j}] = {b}[{j}] / {scale}")
            line(f"{total.text} += {random.choice((f'math.log({scale})', f'{b}[0]', f'{a}[{length} - 1] * {scale}'))}")
            if random.random() < 0.3:
                with block(f"if {total.text} > 0.4:"):
                    line(f"{total.text} -= 0.1 * {b}[0] * {scale}")
        if random.random() < 0.3:
            line(f"{total.text} += {a}[0] * {b}[{length} - 1]")
    return True
