"""Loops in which each iteration fills a row of weights, adds it up, and uses it in sums over other rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.programs.contractions import filled

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def weights(writer: Statements) -> bool:
    """Write attention, or something like it, by loops over queries: a row of numbers stands between two products."""
    random, line = writer.random, writer.line
    n, m, d = random.randint(2, 4), random.randint(1, 4), random.randint(1, 3)
    i, j, k = (writer.scope.fresh("int", name, frozen=True).text for name in "ijk")
    q, keys, values = filled(writer, [n, d]).text, filled(writer, [m, d]).text, filled(writer, [m, d]).text
    out = writer.scope.fresh("array", "out", shape=(n, d), private=True)
    row, s, total = (writer.scope.fresh("float", name).text for name in ("row", "s", "total"))
    line(f"{out.text} = np.{random.choice(('zeros', 'ones'))}(({n}, {d}))")
    outside = random.random() < 0.4
    made = f"{row} = np.{random.choice(('zeros', 'ones', 'empty'))}({m})"
    if outside:
        line(made)
    with writer.block(f"for {i} in range({n}):", loop=True):
        if not outside:
            line(made)
        line(f"{total} = {random.choice(('0.1', writer.say.number(0)))}")
        order = random.choice((f"range({m})", f"range({m})", f"range({m} - 1, -1, -1)"))
        with writer.block(f"for {j} in {order}:", loop=True):
            line(f"{s} = {random.choice(('0.0', f'0.5 * {keys}[{j}, 0]'))}")
            with writer.block(f"for {k} in range({d}):", loop=True):
                line(f"{s} += {q}[{i}, {k}] * {keys}[{j}, {k}]")
            line(f"{row}[{j}] = {random.choice((f'math.exp(0.3 * {s})', f'math.tanh({s})', s, f'{s} * {total}'))}")
            line(f"{total} += {random.choice((f'abs({row}[{j}])', f'{row}[{j}] * {row}[{j}]', '0.25'))}")
        if random.random() < 0.4:
            with writer.block(f"for {j} in range({random.randint(0, 1)}, {m}):", loop=True):
                others = f"{row}[{j} - 1]", f"{row}[0]", f"{values}[{j}, 0]"
                line(f"{row}[{j}] {random.choice(('+=', '*=', '-='))} {random.choice(others)}")
        divided = random.choice((f"{row}[{j}]", f"{row}[{j}] / (1.0 + {total} * {total})", f"{row}[{j}] * {total}"))
        with writer.block(f"for {j} in range({m}):", loop=True), writer.block(f"for {k} in range({d}):", loop=True):
            more = random.choice(("", "", f" * {q}[{i}, {k}]"))
            line(f"{out.text}[{i}, {k}] += {divided} * {values}[{j}, {k}]{more}")
    found = writer.scope.fresh("float")
    line(f"{found.text} = 0.1 * np.sum({out.text} * {out.text})")
    writer.scope.declare(found)
    writer.scope.declare(out)
    return True
