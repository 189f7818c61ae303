"""Steps until a time is reached, nobody knows how many: loops over an array in each, some of them left early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.programs.scope import Name

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def adaptive(writer: Statements) -> bool:
    """Write a loop by `while` over steps; say whether there was an array to start from."""
    array = writer.scope.one("array", lambda a: 0 < len(a.shape) < 3)
    if array is None:
        return False
    random, line = writer.random, writer.line
    u = writer.scope.fresh("array", "u", shape=array.shape, private=True)
    total, time = writer.scope.fresh("float"), writer.scope.fresh("float", "t")
    line(f"{u.text} = {random.choice(('{0}.copy()', '0.5 * {0}', 'np.sin({0})')).format(array.text)}")
    line(f"{total.text} = {writer.say.number(1)}")
    line(f"{time.text} = {random.choice(('0.0', '0.0', '0.0', '5.0'))}")
    with writer.block(f"while {time.text} < {random.choice(('0.7', '1.9', '2.6'))}:", loop=True):
        step = random.choice(("0.6", f"0.8 + 0.1 * math.tanh({total.text})"))
        if random.random() < 0.3:
            inner = writer.scope.fresh("float", "part")
            line(f"{inner.text} = 0.0")
            with writer.block(f"while {inner.text} < {time.text}:", loop=True):
                _sweep(writer, u, total.text, inner.text)
                line(f"{inner.text} += 0.9")
        for _ in range(random.choice((1, 1, 2))):
            if random.random() < 0.2:
                with writer.block(f"if {time.text} > 0.3:"):
                    _sweep(writer, u, total.text, time.text)
            else:
                _sweep(writer, u, total.text, time.text)
        line(f"{time.text} += {step}")
    u.private = False
    writer.scope.declare(u)
    writer.scope.declare(total)
    line(f"{total.text} += 0.1 * np.sum({u.text} * {u.text})")
    return True


def _sweep(writer: Statements, u: Name, total: str, time: str) -> None:
    """Write a nest of loops that changes an array, from a bound that may change from step to step."""
    random, line = writer.random, writer.line
    indices = [writer.scope.fresh("int", name, frozen=True).text for name in "ij"[: len(u.shape)]]
    bounds = [f"{u.text}.shape[{axis}]" for axis in range(len(indices))]
    if random.random() < 0.4:
        bound = writer.scope.fresh("int", "m", frozen=True).text
        line(f"{bound} = {bounds[0]} if {time} < 0.5 else {bounds[0]} // 2")
        bounds[0] = bound
    if len(indices) > 1 and random.random() < 0.2 and u.shape[1] >= u.shape[0]:
        bounds[1] = f"{indices[0]} + 1"
    at = f"{u.text}[{', '.join(indices)}]"
    before = f"{u.text}[{', '.join((f'{indices[0]} - 1', *indices[1:]))}]"
    with writer.block(f"for {indices[0]} in range({bounds[0]}):", loop=True):
        if random.random() < 0.2:
            line(f"if {before} > {random.choice(('0.4', '0.9'))}:")
            line(f"    {random.choice(('break', 'continue'))}")
        if len(indices) == 1:
            _change(writer, at, before, total)
        else:
            with writer.block(f"for {indices[1]} in range({bounds[1]}):", loop=True):
                _change(writer, at, before, total)
    if random.random() < 0.3:
        line(f"{total} *= math.cos(0.1 * {total})")


def _change(writer: Statements, at: str, before: str, total: str) -> None:
    changes = (
        f"{at} = 0.5 * {at} * {at} + 0.1 * {before}",
        f"{at} -= 0.1 * {at} * ({at} - {before})",
        f"{total} += 0.1 * {total} * math.sin({at})",
        f"{total} = math.sin({total} * {at})",
        f"{at} = math.sin({before} + {total})",
    )
    for statement in writer.random.sample(changes, writer.random.choice((1, 2))):
        if writer.random.random() < 0.2:
            with writer.block(f"if {at} > 0.2:"):
                writer.line(statement)
        else:
            writer.line(statement)
