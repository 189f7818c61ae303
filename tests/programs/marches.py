"""Steps along the last axis of a matrix, with whole columns in each: paths, columns of a grid, states and branches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.programs.statements import Statements


@dataclass(frozen=True, slots=True)
class _March:
    """The names in a loop over columns: the matrix that is read, the one that is filled, states, and the index."""

    given: str
    filled: str
    state: str
    total: str
    k: str
    steps: str
    plain: bool  # whether each row is by itself


def march(writer: Statements) -> bool:
    """Write a loop over the columns of a matrix; say whether there was one."""
    matrix = writer.scope.one("array", lambda a: len(a.shape) == 2 and a.shape[1] > 1)
    if matrix is None:
        return False
    random, line, fresh = writer.random, writer.line, writer.scope.fresh
    rows, steps = f"{matrix.text}.shape[0]", f"{matrix.text}.shape[1]"
    filled = fresh("array", "c", shape=matrix.shape)
    state = fresh("array", "s", shape=matrix.shape[:1])
    total, k = fresh("float"), fresh("int", "k", frozen=True)
    line(f"{filled.text} = {random.choice(('np.zeros', 'np.ones'))}(({rows}, {steps}))")
    starts = (f"np.zeros({rows})", f"np.ones({rows})", f"{matrix.text}[:, 0].copy()", f"0.5 * {matrix.text}[:, 0]")
    line(f"{state.text} = {random.choice(starts)}")
    line(f"{total.text} = {writer.say.number(1)}")
    plain = random.random() < 0.7
    names = _March(matrix.text, filled.text, state.text, total.text, k.text, steps, plain)
    for _ in range(random.choice((1, 1, 2))):
        ranges = (f"range({steps})", f"range(1, {steps})", f"range({steps} - 1, -1, -1)", f"range({steps} - 2, -1, -1)")
        with writer.block(f"for {k.text} in {random.choice(ranges)}:", loop=True):
            for _ in range(random.randint(1, 4)):
                _step(writer, names)
        if random.random() < 0.3:
            line(f"{filled.text}[:, 0] = {filled.text}[:, 0] * {state.text}")
    for name in (filled, state, total):
        writer.scope.declare(name)
    line(f"{total.text} += 0.1 * np.sum({random.choice((filled.text, state.text))}) + np.sum({filled.text}[:, -1])")
    return True


def _step(writer: Statements, names: _March) -> None:
    random = writer.random
    if random.random() < 0.25:
        _shown(writer, names)
        return
    if random.random() < 0.35:
        tests = [f"{names.k} > 0", f"{names.k} < {names.steps} - 1", f"{names.k} == 1"]
        tests += [] if names.plain else [f"{names.total} > 0.2"]
        with writer.block(f"if {random.choice(tests)}:"):
            for _ in range(random.randint(1, 2)):
                writer.line(_change(writer, names))
        if random.random() < 0.5:
            with writer.block("else:"):
                writer.line(_change(writer, names))
    else:
        writer.line(_change(writer, names))


def _shown(writer: Statements, names: _March) -> None:
    """Write a branch that makes an array, or leaves a name for a column, or for the state, as it was."""
    random, line = writer.random, writer.line
    part = writer.scope.fresh("array", "p").text
    column = f"{names.filled}[:, {names.k}]"
    line(f"{part} = {random.choice((f'{names.given}[:, {names.k}]', names.state, column))}")
    with writer.block(f"if {random.choice((f'{names.k} > 0', f'{names.k} == 1', f'{names.total} > 0.2'))}:"):
        line(f"{part} = {part} * 0.5 + {names.given}[:, {names.k}]")
    uses = [f"{column} = {part} * {part}", f"{names.state} = {names.state} * 0.5 + {part}"]
    if not names.plain:
        uses += [f"{part}[0] = 0.25", f"{names.state} = {part}", f"{names.state}[1 % len({part})] += 0.5"]
    line(random.choice(uses))
    line(f"{names.total} += 0.1 * np.sum({part})")


def _change(writer: Statements, names: _March) -> str:
    random = writer.random
    a, c, s, k = names.given, names.filled, names.state, names.k
    column, beside = f"{c}[:, {k}]", f"{c}[:, {k} - 1]"
    value = random.choice((f"{a}[:, {k}]", s, column, beside, f"np.sin({s})", f"np.exp(-{a}[:, {k}] * {a}[:, {k}])"))
    factors = ["0.5", "0.25", f"(0.3 * {k})", f"{a}[:, {k}]"]
    factors += [] if names.plain else [f"np.cos({names.total})", f"0.1 * {names.total}"]
    factor = random.choice(factors)
    changes = [
        f"{s} = {s} * 0.5 + {factor} * {value}",
        f"{s} = {value} / (2.0 + np.abs({s}))",
        f"{s} = np.sin({value})",
        f"{s} += {factor} * {value}",
        f"{column} = {factor} * {value} - 0.5 * {s}",
        f"{column} = {value} / (2.0 + {s} * {s})",
        f"{column} += {factor} * {value}",
        f"{beside} += 0.2 * {value}",
        f"{names.total} += 0.1 * np.sum({value})",
    ]
    if not names.plain:
        changes += [f"{s}[0] = 0.5 * {s}[-1]", f"{names.total} = 0.5 * np.sin({names.total})"]
    return random.choice(changes)
