"""Sums of products over several loops: convolutions, batches of matrices, contractions of arrays of three axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.programs.scope import Name

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def contraction(writer: Statements) -> bool:
    """Write loops that add up products of elements of two new arrays into a third one, or a number, and use that."""
    random, line = writer.random, writer.line
    rows, columns = random.randint(2, 4), random.randint(1, 4)
    over = [random.randint(1, 3) for _ in range(random.randint(1, 2))]
    i, j, *inner = (writer.scope.fresh("int", name, frozen=True).text for name in "ijpq"[: 2 + len(over)])
    sizes = {i: rows, j: columns, **dict(zip(inner, over, strict=True))}
    moved = random.random() < 0.6  # a window that goes along
    first = [f"{i} + {inner[0]}", *inner[1:]] if moved else [i, *inner]
    x = filled(writer, [rows + over[0] - 1, *over[1:]] if moved else [rows, *over])
    second = random.choice(([*inner, j], [j, *inner], [inner[0], j, *inner[1:]]))
    w = filled(writer, [sizes[name] for name in second])
    out = writer.scope.fresh("array", "out", shape=(rows, columns), private=True)
    line(f"{out.text} = np.{random.choice(('zeros', 'ones'))}(({rows}, {columns}))")
    product = f"{x.text}[{', '.join(first)}] * {w.text}[{', '.join(second)}]"
    if random.random() < 0.3:
        product += f" * {filled(writer, [rows, columns]).text}[{i}, {j}]"
    number = writer.say.number(0)
    product = random.choice(("{}", "0.5 * {}", "-{}", f"{{}} * {number}", "{0} - 0.25 * {0}")).format(product)
    if random.random() < 0.5:
        _element(writer, out, [i, j, *inner], sizes, product)
    else:
        _number(writer, out, [i, j, *inner], sizes, product)
    total = writer.scope.fresh("float")
    line(f"{total.text} = 0.1 * np.sum({out.text} * {out.text})")
    writer.scope.declare(total)
    writer.scope.declare(out)
    return True


def filled(writer: Statements, shape: Sequence[int]) -> Name:
    """Write a new array with elements that depend on a number."""
    made = writer.scope.fresh("array", "block", shape=tuple(shape), private=True)
    writer.line(f"{made.text} = np.empty(({', '.join(map(str, shape))},))")
    indices = [writer.scope.fresh("int", name, frozen=True).text for name in "abcd"[: len(shape)]]
    phase = " + ".join(f"0.{k + 3} * {index}" for k, index in enumerate(indices))
    number = writer.scope.fresh("float")
    writer.line(f"{number.text} = {writer.say.number(1)}")

    loops = [f"for {index} in range({size}):" for index, size in zip(indices, shape, strict=True)]
    _nest(writer, loops, f"{made.text}[{', '.join(indices)}] = math.sin({number.text} + {phase})")
    return made


def _nest(writer: Statements, loops: list[str], line: str) -> None:
    """Write a line in loops, the first around the others."""
    if not loops:
        writer.line(line)
        return
    with writer.block(loops[0], loop=True):
        _nest(writer, loops[1:], line)


def _element(writer: Statements, out: Name, names: list[str], sizes: dict[str, int], product: str) -> None:
    """Write loops, in any order, that add to an element."""
    order = writer.random.sample(names, len(names))
    loops = [f"for {name} in {_range(writer, sizes[name])}:" for name in order]
    _nest(writer, loops, f"{out.text}[{names[0]}, {names[1]}] += {product}")


def _number(writer: Statements, out: Name, names: list[str], sizes: dict[str, int], product: str) -> None:
    """Write loops that add to a number, and what is done with that."""
    random, line = writer.random, writer.line
    i, j, *inner = names
    s = writer.scope.fresh("float", "s").text
    with writer.block(f"for {i} in {_range(writer, sizes[i])}:", loop=True):
        if random.random() < 0.2:
            line(f"{out.text}[{i}, 0] *= 0.5")
        with writer.block(f"for {j} in {_range(writer, sizes[j])}:", loop=True):
            line(f"{s} = {random.choice(('0.0', f'{out.text}[{i}, {j}]', writer.say.number(0)))}")

            def loops(depth: int) -> None:
                if depth == len(inner):
                    line(f"{s} += {product}")
                    return
                with writer.block(f"for {inner[depth]} in {_range(writer, sizes[inner[depth]])}:", loop=True):
                    if random.random() < 0.15:
                        between = f"{s} += 0.25 * {inner[depth]}", f"{s} = 0.5 * {s}", f"{out.text}[{i}, {j}] += 0.1"
                        line(random.choice(between))
                    loops(depth + 1)

            loops(0)
            line(f"{out.text}[{i}, {j}] = {random.choice((s, f'np.tanh({s})', f'max({s}, 0.25)', f'{s} * {s}'))}")


def _range(writer: Statements, size: int) -> str:
    return writer.random.choice((f"range({size})",) * 5 + (f"range({size} - 1, -1, -1)", f"range(1, {size})"))
