"""`.explain`: the whole report, on functions that show one thing each."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import numpy as np
import pytest

from adjoint import grad, jvp, value_and_grad
from adjoint.__main__ import main
from adjoint.api.explain import explain
from adjoint.backends.request import Request

# ruff: noqa: E501


def swing(k, x0, dt, n):
    x = x0
    for i in range(n):
        x = x - dt * k * math.sin(x)
    return x * x


SWING = """\
value_and_grad of swing with respect to k, x0
k: float64, x0: float64, dt: float64, n: int64

Active, so they have a cotangent: k, x0, x
Not active:
    dt  does not depend on k or x0
    n   int64 has no derivative
    i   int64 has no derivative

Recorded for the backward sweep:
    x
        8 * n bytes, in line 3: for i in range(n):
        for the derivative of line 4: x = x - dt * k * math.sin(x)
In all: 8 * n bytes
"""


def layers(x, w):
    y = np.sqrt(x)
    m = np.mean(y)
    z = y * 3.0 - m
    q = w @ z
    unused = x * 2.0
    return np.sum(q * q)


LAYERS = """\
grad of layers with respect to x
x: array(float64, 1d, C), w: array(float64, 2d, C)

Active, so they have a cotangent: x, y, m, z, q
Not active:
    w       does not depend on x
    unused  the result does not depend on it

Nothing is recorded: the backward sweep makes again what it needs.

Loops of the compiled text:
    one loop over w.shape[1]: line 2, line 3
    one loop over w.shape[1]: line 4
        not joined to the loop before: it needs all of that, or changes what that reads
    one loop over w.shape[0]: line 5, backward of line 7, backward of line 5
        not joined to the loop before: it runs over another size
    one loop over w.shape[1]: backward of line 4
        not joined to the loop before: it runs over another size
    one loop over w.shape[1]: backward of line 3, backward of line 2
        not joined to the loop before: it needs all of that, or changes what that reads
"""


def newton(a):
    x = a
    while abs(x * x - a) > 1e-10:
        x = 0.5 * (x + a / x)
    return x


NEWTON = """\
grad of newton with respect to a
a: float64

Active, so they have a cotangent: a, x

Recorded for the backward sweep:
    x
        8 * (times round line 3) bytes, in line 3: while abs(x * x - a) > 1e-10:
        for the derivative of line 4: x = 0.5 * (x + a / x)
In all: 8 * (times round line 3) bytes
"""


def triangle(x):
    s = 0.0
    for i in range(len(x)):
        y = np.zeros(2)
        for j in range(i):
            y[0] = math.sin(y[0]) * x[j]
        s += y[0]
    return s


TRIANGLE = """\
grad of triangle with respect to x
x: array(float64, 1d, C)

Active, so they have a cotangent: x, s, y
Not active:
    i  int64 has no derivative
    j  int64 has no derivative

Recorded for the backward sweep:
    y, before it is overwritten
        8 * (times round line 5) bytes, in line 5: for j in range(i):
        to put back what was overwritten in line 6: y[0] = math.sin(y[0]) * x[j]
In all: 8 * (times round line 5) bytes
"""


def rows_of(x, n):
    rows = [x[0], x[1]]
    for i in range(n):
        rows[i % 2][0] = rows[(i + 1) % 2][1] * 2.0
    return np.sum(x)


ROWS_OF = """\
grad of rows_of with respect to x
x: array(float64, 2d, C), n: int64

Active, so they have a cotangent: x, rows
Not active:
    n  int64 has no derivative
    i  int64 has no derivative

Recorded for the backward sweep:
    shadow of rows[i % 2]
        n references to parts of arrays, in line 3: for i in range(n):
        for the derivative of line 4: rows[i % 2][0] = rows[(i + 1) % 2][1] * 2.0
    shadow of rows[(i + 1) % 2]
        n references to parts of arrays, in line 3: for i in range(n):
        for the derivative of line 4: rows[i % 2][0] = rows[(i + 1) % 2][1] * 2.0
In all: 0 bytes
Shadows carried along, since it depends on the run what shares memory with what:
    x, rows: `rows` is a list of arrays, line 2: rows = [x[0], x[1]]
"""


def heat(u0, c, steps):
    u = u0.copy()
    for t in range(steps):
        u[1:-1] = u[1:-1] + c * np.sin(u[2:])
    return np.sum(u)


HEAT_TAPES = """\
Recorded for the backward sweep:
    u, before it is overwritten
        8 * steps * u[1:-1].size bytes, in line 3: for t in range(steps):
        to put back what was overwritten in line 4: u[1:-1] = u[1:-1] + c * np.sin(u[2:])
In all: 8 * steps * u[1:-1].size bytes
"""


def without_loops(report: str) -> str:
    return report.partition("\nLoops of the compiled text:")[0]


def relative(report: str, fun: Any) -> str:
    """Return a report with its lines counted from that of the function, which is 1."""
    first = inspect.getsourcelines(fun)[1]
    return re.sub(r"\bline (\d+)", lambda found: f"line {int(found[1]) - first + 1}", report)


@pytest.mark.parametrize(
    ("gradient", "args", "expected"),
    [
        (value_and_grad(swing, ("k", "x0")), (1.0, 1.0, 0.1, 3), SWING),
        (grad(layers), (np.ones(3), np.ones((2, 3))), LAYERS),
        (grad(newton), (2.0,), NEWTON),
        (grad(triangle), (np.ones(3),), TRIANGLE),
        (grad(rows_of), (np.ones((2, 3)), 3), ROWS_OF),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_report(gradient: Any, args: tuple[Any, ...], expected: str) -> None:
    report = relative(gradient.explain(*args), gradient.primal)
    assert (report if "Loops" in expected else without_loops(report)) == expected


def test_contents_of_slices() -> None:
    assert HEAT_TAPES in relative(grad(heat).explain(np.ones(5), 0.1, 3), heat)


def test_forward_mode() -> None:
    types = grad(swing).types_of(1.0, 1.0, 0.1, 3)
    report = explain(Request(swing, "jvp"), types)
    assert "Nothing is recorded: this is forward mode." in report
    assert jvp(swing, (1.0, 1.0, 0.1, 3), (1.0, None, None, None))


def test_loops_of_the_user() -> None:
    loops = relative(grad(heat).explain(np.ones(5), 0.1, 3), heat).partition("Loops of the compiled text:\n")[2]
    assert [line for line in loops.splitlines() if "for t" in line] == [
        "    line 3: for t in range(steps):",
        "    backward of line 3: for t in range(steps):",
    ]
    assert "        one loop over u0.shape[0] - 2: line 4\n" in loops


def test_without_fusion() -> None:
    assert "Loops" not in grad(layers, nan_check=True).explain(np.ones(3), np.ones((2, 3)))


def test_of_a_gradient() -> None:
    report = grad(grad(newton)).explain(2.0)
    assert report.startswith("grad of newton_grad with respect to a\n")
    assert "for the derivative of line" in report


def test_a_line_of_another_file() -> None:
    from tests.frontend.error_samples import helper

    def outer(x, n):
        y = x
        for _ in range(n):
            y = helper(y, y)
        return y

    assert re.search(r"line \d+ of error_samples.py: return x \* k", grad(outer).explain(1.0, 3))


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["explain", f"{__file__}:swing", "--wrt", "k,x0", "--value", "--types", "float64, float64, float64, int64"]
    assert main(arguments) == 0
    assert without_loops(relative(capsys.readouterr().out, swing)) == SWING


def test_what_is_refused_is_refused() -> None:
    with pytest.raises(TypeError, match="returns one float"):
        grad(lambda x: (x, x)).explain(1.0)
