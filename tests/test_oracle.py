"""The oracle itself: it accepts a right gradient and catches each way of being wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.oracle import Function, WrongGradient, check_gradient, clone, fingerprint, reference_gradient
from tests.programs.check import Outcome, check
from tests.programs.program import Program
from tests.programs.shrink import shrink


def energy(x: np.ndarray, k: float) -> float:
    return np.sum(np.abs(x) ** 3) * math.sin(k)


X, K = np.array([0.7, -1.3, 2.1]), 0.6
RIGHT = (3.0 * X * np.abs(X) * math.sin(K), np.sum(np.abs(X) ** 3) * math.cos(K))


def fake(gradient: Callable[..., Any]) -> Function:
    """A stand-in for `value_and_grad`."""

    def transform(fun: Function, argnums: object) -> Function:
        def differentiated(*args: Any) -> Any:
            return fun(*clone(args)), gradient(*args)

        differentiated.python = differentiated
        return differentiated

    return transform


def test_complex_step_and_differences() -> None:
    reference = reference_gradient(energy, (X, K), (0, 1))
    assert reference.method == "complex step"
    np.testing.assert_allclose(reference.entries[(0,)], RIGHT[0], rtol=1e-13)
    np.testing.assert_allclose(reference.entries[(1,)], RIGHT[1], rtol=1e-13)


def test_differences_where_the_complex_step_is_no_derivative() -> None:
    modulus = lambda x: abs(complex(x, 2.0))  # noqa: E731
    reference = reference_gradient(modulus, (1.5,))
    assert reference.method == "central differences"
    np.testing.assert_allclose(reference.entries[(0,)], 0.6, rtol=1e-10)
    # The small imaginary part is lost beside a real one: a complex step of nothing is not an answer.
    phasor = lambda x: (np.exp(1j * x) * (1.0 + 2.0j)).real  # noqa: E731
    np.testing.assert_allclose(reference_gradient(phasor, (0.4,)).entries[(0,)], phasor(0.4 + math.pi / 2), rtol=1e-9)

    # Nor is NaN, whichever element it stands in.
    broken = lambda x: x[0] + x[1] * (math.nan if np.imag(x[1]) else 1.0)  # noqa: E731
    np.testing.assert_allclose(reference_gradient(broken, (np.array([1.0, 2.0]),)).entries[(0,)], 1.0, rtol=1e-9)


def test_float32_is_measured_in_double_precision() -> None:
    reference = reference_gradient(lambda x: np.sum(x * x), (np.float32([1.0, 2.0]),))
    np.testing.assert_allclose(reference.entries[(0,)], [2.0, 4.0], rtol=1e-12)


def test_a_right_gradient_passes() -> None:
    check_gradient(energy, (X, K), (0, 1), transform=fake(lambda x, k: RIGHT))


def _writes(x: np.ndarray, k: float) -> Any:
    x[0] += 1e-3
    return RIGHT


def _restores(x: np.ndarray, k: float) -> Any:
    x[0] = (x[0] * 3.0) / 3.1 * 3.1 / 3.0
    return RIGHT


class _Drifts:
    calls = 0

    def __call__(self, x: np.ndarray, k: float) -> Any:
        self.calls += 1
        return RIGHT[0], RIGHT[1] * (1.0 + 2e-16 * self.calls)


WRONG = {
    "one entry": (lambda x, k: (RIGHT[0] * [1.0, 1.0, 1.0 + 1e-6], RIGHT[1]), r"d/d\(0,\)\[2\]"),
    "nan": (lambda x, k: (RIGHT[0] * [1.0, np.nan, 1.0], RIGHT[1]), r"d/d\(0,\)\[1\] is np.float64\(nan\)"),
    "shape": (lambda x, k: (RIGHT[0][:2], RIGHT[1]), "gradient of"),
    "dtype": (lambda x, k: (RIGHT[0].astype(np.float32), RIGHT[1]), "gradient of"),
    "argument changed": (_writes, "an argument was changed"),
    "argument changed in its last bit": (_restores, "an argument was changed"),
    "other bits": (_Drifts(), "other bits"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_gradient_is_caught(name: str) -> None:
    gradient, text = WRONG[name]
    with pytest.raises(WrongGradient, match=text):
        check_gradient(energy, (X, K), (0, 1), transform=fake(gradient))


def test_layouts_survive_a_clone() -> None:
    wide = np.arange(24.0).reshape(4, 6)
    for array in (wide, wide.T, wide[::2, 1::3], wide[::-1], wide[1, ::-2], np.asfortranarray(wide)[1:], wide[:0]):
        copy = clone((array,))[0]
        assert copy.strides == array.strides or array.size == 0
        np.testing.assert_array_equal(copy, array)
        assert not np.shares_memory(copy, array)


def test_fingerprint_sees_between_the_strides() -> None:
    wide = np.arange(6.0)
    before = fingerprint((wide[::2],))
    wide[1] = 9.0
    assert fingerprint((wide[::2],)) != before


PROGRAM = """
def program(x, y):
    s = x * y
    for i in range(3):
        if s > 0.1:
            s = s + x
        while s < 0.0:
            s += y
    t = s * y
    return s * x + t
"""


def test_failures_are_made_small(tmp_path: Path) -> None:
    """A transform that goes wrong wherever there is a loop."""

    def transform(fun: Function, argnums: object) -> Function:
        reference = reference_gradient(fun, (0.5, 0.8), (0, 1))
        factor = 2.0 if "for" in Path(fun.__code__.co_filename).read_text() else 1.0

        def differentiated(x: float, y: float) -> Any:
            return fun(x, y), tuple(factor * float(reference.entries[(k,)]) for k in (0, 1))

        differentiated.python = differentiated
        return differentiated

    def outcome(program: Program) -> Outcome:
        return check(program, tmp_path, transform=transform)

    program = Program(PROGRAM, (0.5, 0.8), (0, 1))
    assert outcome(program).kind == "wrong"
    small = shrink(program, lambda smaller: outcome(smaller).kind == "wrong")
    assert outcome(small).kind == "wrong"
    assert len(small.source.splitlines()) <= 4, small.source
