"""Copies of names that one path only has bound: moved to where they are bound, or left where they stand."""

from __future__ import annotations

import math
from itertools import product

import pytest

from adjoint import grad, value_and_grad
from adjoint.codegen.emit import text
from adjoint.transform.into_branches import into_branches
from tests.ir_text import parse

MOVED = {
    "one_arm": """
def f(x: float64, a: bool_, b: bool_):
    if a:
        y: float64 = x * x
    z: float64 = y
    if not a:
        z: float64 = x
    return z
""",
    "bound_by_two_branches": """
def f(x: float64, a: bool_, b: bool_):
    if a:
        y: float64 = x * x
    if b:
        y: float64 = x + 1.0
    z: float64 = y
    if not (a or b):
        z: float64 = x
    return z
""",
    "nested": """
def f(x: float64, a: bool_, b: bool_):
    if a:
        if b:
            y: float64 = x * x
    else:
        y: float64 = x + 1.0
        if b:
            y: float64 = 2.0 * y
    z: float64 = y
    if a and not b:
        z: float64 = x
    return z
""",
}
# What must stay: the branch does not bind on its own, the target is read in between, or nothing is wrong.
KEPT = {
    "bound_around": """
def f(x: float64, a: bool_, b: bool_):
    z: float64 = x
    if a:
        y: float64 = x * x
    if a:
        if b:
            y: float64 = x + 1.0
        z: float64 = y
    return z
""",
    "target_read_between": """
def f(x: float64, a: bool_, b: bool_):
    z: float64 = x
    if a:
        y: float64 = z * x
    w: float64 = z
    if a:
        z: float64 = y
    return z + w
""",
    "always_bound": """
def f(x: float64, a: bool_, b: bool_):
    if a:
        y: float64 = x * x
    else:
        y: float64 = x
    z: float64 = y
    y: float64 = 2.0
    return z * y
""",
}


def values(source: str) -> list[float]:
    space: dict[str, object] = {"math": math}
    exec(source, space)
    return [space["f"](1.7, a, b) for a, b in product((True, False), repeat=2)]  # type: ignore[operator]


@pytest.mark.parametrize("name", MOVED)
def test_moved(name: str) -> None:
    func = parse(MOVED[name])
    with pytest.raises(UnboundLocalError):
        values(text(func))
    wanted = {
        "one_arm": [1.7**2, 1.7**2, 1.7, 1.7],
        "bound_by_two_branches": [2.7, 1.7**2, 2.7, 1.7],
        "nested": [1.7**2, 1.7, 5.4, 2.7],
    }
    assert values(text(into_branches(func))) == pytest.approx(wanted[name], rel=1e-15)


@pytest.mark.parametrize("name", KEPT)
def test_kept(name: str) -> None:
    func = parse(KEPT[name])
    assert text(into_branches(func)) == text(func)


# What can't be told to be bound, and so gets a value first.
GIVEN = """
def f(x: float64, a: bool_, b: bool_):
    if b:
        y: float64 = x * x
    if a:
        z: float64 = x
    else:
        z: float64 = y
    if not a and not b:
        z: float64 = 2.0 * x
    return z
"""


def test_a_value_where_the_path_is_not_known() -> None:
    func = parse(GIVEN)
    with pytest.raises(UnboundLocalError):
        values(text(func))
    assert "    y = 0.0\n    if b:" in text(into_branches(func))
    assert values(text(into_branches(func))) == pytest.approx([1.7, 1.7, 1.7**2, 3.4], rel=1e-15)


def returns_from_a_branch_of_a_branch(f, x, t):
    if 1.19 < t < 1.48:
        pass
    elif 0.62 < x < 0.77:
        return math.sqrt(f + x)
    return 0.5 * x


def calls_it(y, f):
    return returns_from_a_branch_of_a_branch(f, y, f)


@pytest.mark.parametrize(("y", "f", "slope"), [(0.5, 1.3, 0.5), (0.7, 0.2, 0.5 / math.sqrt(0.9)), (0.5, 0.2, 0.5)])
def test_the_text_runs_on_every_path(y: float, f: float, slope: float) -> None:
    value, (y_bar, _) = value_and_grad(calls_it, (0, 1)).python(y, f)
    assert value == pytest.approx(calls_it(y, f), rel=1e-15)
    assert y_bar == pytest.approx(slope, rel=1e-14)


def loops_in_one_branch(x):
    s = x
    if x > 2.0:
        s = s * s
    else:
        k = 0
        while k < 3:
            s = math.sin(s) * s
            k += 1
    return s * s


@pytest.mark.parametrize("compiled", [False, True])
def test_the_shadow_of_a_list_that_one_branch_makes(*, compiled: bool) -> None:
    curvature = grad(grad(loops_in_one_branch))
    run = curvature if compiled else curvature.python
    assert run(3.0) == pytest.approx(12.0 * 3.0**2, rel=1e-14)
    step = 1e-5
    slope = grad(loops_in_one_branch).python
    assert run(1.5) == pytest.approx((slope(1.5 + step) - slope(1.5 - step)) / (2.0 * step), rel=1e-8)
