"""Loops over buffers that change places between them are taken for what they are: loops over different arrays."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.lower import lower
from tests.ir_text import parse
from tests.lower.programs import run, same

STEPS = """
def f(x: float64[:], n: int64, steps: int64):
    old: float64[:] = x
    new: float64[:] = zeros(n)
    for t in range(steps):
        for i in range(n - 2, 0, -1):
            s: float64 = sin(old[i])
            new[i - 1] += s
            new[i + 1] += s * 2.0
        spare: float64[:] = old
        old = new
        new = {new}
    return sum(old) + 2.0 * sum(new)
"""


@pytest.mark.parametrize(("new", "apart"), [("spare", True), ("zeros(n)", True), ("spare[0:]", True), ("old", False)])
def test_a_loop_whose_arrays_are_apart_is_spread(new: str, *, apart: bool) -> None:
    source = STEPS.format(new=new)
    lowered = lower(parse(source))
    assert ("s_kept" in text(lowered)) is apart, text(lowered)
    start = np.random.default_rng(0).standard_normal(7)
    same(run(lowered, start.copy(), 7, 4), run(parse(source), start.copy(), 7, 4))
