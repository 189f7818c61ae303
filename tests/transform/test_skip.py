"""Loops are skipped only while the test that made their cotangent zero still says what it said."""

from __future__ import annotations

import pytest

from adjoint.codegen.emit import text
from adjoint.transform.skip import skip
from tests.ir_text import parse

PROGRAM = """
def f(y: float64, x: float64[:], x_bar: float64[:]):
    b: float64 = select({test}, 2.0, 0.0)
    {between}
    for i in range(dim(x, 0)):
        x_bar[i] += b * x[i]
    return x_bar
"""
TESTS = {"x[0] < y": "x[0] < y", "max(x) < y": "np.max(x) < y", "sum(x[1:]) < y": "np.sum(x[1:]) < y"}


def skipped(test: str, between: str) -> str:
    return text(skip(parse(PROGRAM.format(test=test, between=between))))


@pytest.mark.parametrize(("test", "written"), TESTS.items())
def test_a_test_of_contents_holds_while_nothing_is_written(test: str, written: str) -> None:
    assert f"    if {written}:\n        for i" in skipped(test, "c: float64 = y * 2.0")
    assert "if" not in skipped(test, "x[0] = 5.0").replace(f"2.0 if {written}", "")


def test_a_test_of_sizes_and_numbers_holds_whatever_is_written() -> None:
    assert "    if x.shape[0] < 5:\n        for i" in skipped("dim(x, 0) < 5", "x[0] = 5.0")
    assert "    if 0.0 < y:\n        for i" in skipped("0.0 < y", "x[0] = 5.0")


def test_a_test_of_a_number_ends_with_the_number() -> None:
    assert "if" not in skipped("0.0 < y", "y = 5.0").replace("2.0 if 0.0 < y", "")
