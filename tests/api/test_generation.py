"""What generation costs grows with the length of the function and no faster, and it leaves the process as it was."""

from __future__ import annotations

import cProfile
import gc
import pstats

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.api.compiler import TIDY
from adjoint.errors import AdjointError
from adjoint.ir import Func
from adjoint.lower.expand import expand
from adjoint.lower.pipeline import PASSES
from benchmarks.generation import function


def calls(lines: int) -> int:
    """Return how many functions are called to generate the gradient of a function with so many lines."""
    gradient = value_and_grad(function(lines), cache=False)
    profile = cProfile.Profile()
    profile.enable()
    gradient.generated_for(np.ones(8), 0.5)
    profile.disable()
    return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]


def test_work_grows_with_the_length() -> None:
    calls(20)  # what is imported and typed for the first time
    assert calls(80) < 2.35 * calls(40)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool) -> None:
    def unknown(x: float) -> float:
        return x.bit_length()  # type: ignore[attr-defined]

    (gc.enable if enabled else gc.disable)()
    try:
        value_and_grad(lambda x: x * x, cache=False).source_for(0.5)
        assert gc.isenabled() is enabled
        with pytest.raises(AdjointError):
            value_and_grad(unknown, cache=False).source_for(0.5)
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_a_pass_that_changes_nothing_returns_the_very_program() -> None:
    func = value_and_grad(function(20), cache=False).generated_for(np.ones(8), 0.5).stages["numba"]
    assert isinstance(func, Func)
    for _, change in TIDY[:-1]:
        func = change(func)
    func, context = expand(func)
    for name, change in PASSES:
        func = change(func, context)
        if name in ("overwritten", "unread", "absorb", "again", "gather", "spread", "scan", "accumulate"):
            assert change(func, context) is func, name
