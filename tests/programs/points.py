"""Loops over pairs of points with a few coordinates each: distances, energies, neighbours within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def points(writer: Statements) -> bool:
    """Write loops over the pairs of rows of a matrix, or of elements; say whether there was something to pair."""
    if writer.random.random() < 0.4:
        return _on_a_line(writer)
    matrix = writer.scope.one("array", lambda a: len(a.shape) == 2 and a.shape[0] > 1)
    if matrix is None:
        return False
    random, line = writer.random, writer.line
    rows, columns = matrix.shape
    size = writer.say.size(rows)
    total = writer.scope.fresh("float")
    line(f"{total.text} = {writer.say.number(1)}")
    writer.scope.declare(total)
    own, forces = (writer.scope.fresh("array", name, shape=(rows, columns), private=True) for name in ("own", "out"))
    x = random.choice((matrix.text, own.text))
    line(f"{own.text} = {matrix.text} + 0.0")
    line(f"{forces.text} = np.zeros(({size}, {columns}))")
    for name in (own, forces):
        writer.scope.declare(name)
    i, j, d = (writer.scope.fresh("int", name).text for name in "ijd")
    r, gap, pull = (writer.scope.fresh("float", name).text for name in ("r", "gap", "pull"))
    width = random.randint(1, columns)
    test = random.choice(("", f"if {i} < {j}:", f"if {r} < 2.0:", f"if {j} > {i} and {r} < 3.0:"))
    with writer.block(f"for {i} in range({size}):", loop=True):
        start = "" if test else random.choice(("", f"{i} + 1, "))
        with writer.block(f"for {j} in range({start}{size}):", loop=True):
            line(f"{r} = {random.choice(('0.5', '0.25'))}")
            way = random.random()
            if way < 0.3:
                _vector(writer, (x, i, j, d), r, width)
            elif way < 0.65:
                with writer.block(f"for {d} in range({width}):", loop=True):
                    line(f"{gap} = {x}[{i}, {d}] - {x}[{j}, {d}]")
                    line(random.choice((f"{r} += {gap} * {gap}", f"{r} = {r} * 0.5 + {gap} ** 2")))
            else:
                for k in range(width):
                    line(f"{gap} = {x}[{i}, {k}] - 0.5 * {x}[{j}, {k}]")
                    line(f"{r} += {gap} * {gap}")
            with writer.block(test or "if True:"):
                line(f"{pull} = {random.choice((f'1.0 / {r}', f'math.sqrt({r})', f'math.exp(-{r})'))}")
                line(random.choice((f"{total.text} += {pull}", f"{total.text} -= 0.5 * {pull} * {r}")))
                if random.random() < 0.6:
                    k = random.randrange(columns)
                    line(f"{forces.text}[{random.choice((i, j))}, {k}] += 0.1 * {pull}")
            if random.random() < 0.3:
                with writer.block(f"for {d} in range({columns}):", loop=True):
                    line(f"{forces.text}[{i}, {d}] += 0.1 * {r} * {x}[{j}, {d}]")
    return True


def _vector(writer: Statements, names: tuple[str, str, str, str], r: str, width: int) -> None:
    """Write a small array of differences, made anew for each pair, and what a distance is made of."""
    (x, i, j, d), random, line = names, writer.random, writer.line
    gap = writer.scope.fresh("array", "diff", shape=(width,), private=True).text
    columns = f"{x}[{i}, :{width}] - {x}[{j}, :{width}]"
    if random.random() < 0.3:
        line(f"{gap} = {columns}")
    else:
        line(f"{gap} = np.{random.choice(('empty', 'zeros'))}({width})")
        with writer.block(f"for {d} in range({width}):", loop=True):
            line(f"{gap}[{d}] = {x}[{i}, {d}] - {x}[{j}, {d}]")
            if random.random() < 0.5:
                line(f"{gap}[{d}] -= 0.5 * {random.choice(('np.tanh', 'np.sin'))}({gap}[{d}])")
    with writer.block(f"for {d} in range({width}):", loop=True):
        line(f"{r} += {gap}[{d}] * {gap}[{random.choice((d, d, '0'))}]")


def _on_a_line(writer: Statements) -> bool:
    """Write loops over pairs of elements, each of which adds to numbers and to elements of both; say the same."""
    vector = writer.scope.one("array", lambda a: len(a.shape) == 1)
    if vector is None:
        return False
    random, line, size, x = writer.random, writer.line, writer.say.size(vector.shape[0]), vector.text
    out = writer.scope.fresh("array", "out", shape=vector.shape, private=True)
    total = writer.scope.fresh("float")
    line(f"{out.text} = np.zeros_like({x})")
    line(f"{total.text} = {writer.say.number(1)}")
    writer.scope.declare(out)
    writer.scope.declare(total)
    i, j, r, own = (writer.scope.fresh("float", name).text for name in ("i", "j", "r", "own"))
    with writer.block(f"for {i} in range({random.choice(('', '', '1, '))}{size}):", loop=True):
        line(f"{own} = {random.choice(('0.0', f'0.5 * {x}[{i}]'))}")
        ways = (f"range({size})", f"range({size})", f"range({size} - 1, 0, -1)", f"range({i}, {size})")
        with writer.block(f"for {j} in {random.choice(ways)}:", loop=True):
            line(f"{r} = {x}[{i}] - {random.choice(('0.5', 'math.sin(0.3)', own))} * {x}[{j}]")
            kinds = (f"{own} += {r} * {r}", f"{total.text} += math.exp(-{r} * {r})", f"{own} = 0.5 * {own} + {r}")
            kinds += (f"{total.text} -= 0.1 * {r} if {i} < {j} else 0.0", f"{out.text}[{i}] += 0.1 * {r} * {r}")
            for kind in random.sample(kinds, random.randint(1, 3)):
                line(kind)
            if random.random() < 0.5:
                line(f"{out.text}[{j}] {random.choice(('+=', '-='))} 0.1 * math.tanh({r})")
        line(random.choice((f"{total.text} += 0.1 * {own}", f"{out.text}[{i}] += 0.1 * {own}")))
    return True
