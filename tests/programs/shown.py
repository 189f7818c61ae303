"""Parts of complex arrays and diagonals beside writes; ranges, counts and averages whose numbers vary."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.programs.statements import Statements


def shown(writer: Statements) -> bool:
    """Take a part of an array that is written before or after, and add up what the part holds."""
    array = writer.scope.one("array", lambda a: len(a.shape) in (1, 2) and min(a.shape) > 1)
    if array is None:
        return False
    random, line = writer.random, writer.line
    whole, part, total = (writer.scope.fresh("float", name).text for name in ("whole", "part", "total"))
    if len(array.shape) == 1:
        line(f"{whole} = {array.text} * (0.5 - 1j) + 1j * {array.text}[::-1] ** 2")
        views = [f"{whole}.real", f"np.imag({whole})", f"({whole} * 1j).real", f"(1j * {whole}).imag"]
        first = f"{whole}[0]"
    else:
        line(f"{whole} = {random.choice((f'{array.text} * 0.5', f'{array.text}.copy()', f'np.sin({array.text})'))}")
        views = [f"np.diag({whole})", f"np.diagonal({whole})", f"{whole}.real", f"np.diag({whole}.T)"]
        first = f"{whole}[0, 0]"
    changes = (f"{whole} *= 0.5", f"{first} = {writer.say.number(1)}", f"{first} *= {writer.say.leaf()}")
    if random.random() < 0.5:
        line(random.choice(changes))
    view = random.choice(views)
    owned = random.random() < 0.5
    line(f"{part} = {view}{'.copy()' if owned else ''}")
    if owned and random.random() < 0.5:
        line(f"{part}[0] *= {writer.say.number(1)}")
    line(f"{total} = 0.1 * np.sum({part} * {part})")
    if random.random() < 0.6:
        line(random.choice(changes))
        line(f"{total} += 0.1 * np.sum(np.abs({whole} * {whole}))")
    found = writer.scope.fresh("float")
    line(f"{found.text} = {total}" + (f" + 0.1 * np.sum({part})" if owned else ""))
    writer.scope.declare(found)
    return True


def counted(writer: Statements) -> bool:
    """Ranges with starts and steps that vary, counts with weights, averages and integrals over points."""
    array = writer.scope.one("array", lambda a: len(a.shape) == 1 and a.shape[0] > 0)
    if array is None:
        return False
    random, line, a = writer.random, writer.line, array.text
    step = writer.scope.fresh("float", "step").text
    line(f"{step} = 0.5 + 0.25 * math.sin({writer.say.leaf()})")
    made = (
        f"np.sum(np.cos(np.arange({step}, {step} + 2.75, 0.5)))",
        f"np.sum(np.cos(np.arange({step}, 5.45 * {step}, {step})))",
        f"np.sum(np.bincount(np.arange({array.shape[0]}) % 3, weights={a}) ** 2)",
        f"np.sum(np.bincount(np.arange({array.shape[0]}) % 2, {a}, minlength=4) ** 2)",
        f"np.average({a}, weights=1.5 + np.sin({a}))",
        f"np.trapezoid(np.sin({a}), {a})",
        f"np.trapezoid({a}, dx={step})",
        f"np.trapezoid({a}, np.cumsum(1.5 + np.sin({a})))",
        f"np.sum(np.fft.fftfreq(5, {step}) ** 2)",
        *_lists(writer, a),
    )
    found = writer.scope.fresh("float")
    line(f"{found.text} = 0.1 * {random.choice(made)}")
    writer.scope.declare(found)
    return True


def _lists(writer: Statements, a: str) -> tuple[str, ...]:
    """Sequences where NumPy takes arrays."""
    x, y, z, other = (writer.say.number(1) for _ in range(4))
    return (
        f"np.sum([{x}, {y}]) * np.min(({z}, 9.0))",
        f"np.dot([{x}, {y}], ({z}, 1))",
        f"np.linalg.norm([1.5, {x}, {y}])",
        f"np.linalg.solve([[9.0, np.cos({x})], [0.5, 4]], [{y}, {z}])[0]",
        f"np.sum([{x}, {y}, 2] * np.array([1.0, {z}, 0.5]))",
        f"np.append({a}, [{x}, {y}])[-1] * np.hstack(({a}, {z}))[-1]",
        f"np.concatenate(([{x}, 1.0], {a}))[0]",
        f"np.sum(np.asarray([{a}, {a} * 0.5]) ** 2)",
        f"np.sum(np.array([{a}, np.sin({a})])[1])",
        f"np.cos([{x}, {y}])[1] + np.maximum([{z}, 0.5], -9.0)[0]",
        f"np.outer([{x}, {y}], {a})[1, 0] + np.roll([{z}, {other}], 1)[0]",
        f"np.where({x} < 9.0, [{x}, {y}], [{z}, 1.0])[1]",
        f"np.cross([{x}, {y}, {z}], [1.0, {other}, 2.0])[1]",
        f"np.diff([{x}, {y}, {z}])[1] * np.cumsum([{x}, {other}])[1]",
    )
