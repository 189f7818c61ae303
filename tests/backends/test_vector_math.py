"""Functions that vectorise: the values of NumPy's, to a few units in the last place, also where these are special."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.backends.vector_library import FUNCTIONS, library
from adjoint.backends.vector_math import VectorMathCompiler

FASTMATH = {"contract", "reassoc", "nsz", "arcp"}
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-320, 1e-10, 1e300, -1e300, 709.8, -745.2, 1e22, 0.5, -0.5]
needs_library = pytest.mark.skipif(not library(), reason="no vector library here")


def compiled(fun, **options):
    return numba.njit(fun, fastmath=FASTMATH, error_model="numpy", **options)


def all_functions():
    """Make a function that applies each function to all elements, a row for each."""
    lines = ["def every(x, out):"]
    for row, (in_numpy, in_math) in enumerate(FUNCTIONS.values()):
        spelling = f"np.{in_numpy}" if in_numpy else f"math.{in_math}"
        lines += ["    for i in range(x.shape[0]):", f"        out[{row}, i] = {spelling}(x[i])"]
    namespace = {}
    exec("import math\nimport numpy as np\n" + "\n".join(lines), namespace)
    return namespace["every"]


@needs_library
def test_values():
    rng = np.random.default_rng(0)
    sample = np.concatenate([SPECIAL * 8, rng.standard_normal(500), rng.uniform(0, 1, 500), rng.uniform(1, 600, 500)])
    every = all_functions()
    found, expected = (np.empty((len(FUNCTIONS), sample.size)) for _ in range(2))
    vector = compiled(every, pipeline_class=VectorMathCompiler)
    vector(sample, found)
    numba.njit(every, error_model="numpy")(sample, expected)
    code = next(iter(vector.inspect_asm().values()))
    for row, name in enumerate(FUNCTIONS):
        assert f"v_{name}" in code, f"{name} isn't vectorised"
        np.testing.assert_allclose(found[row], expected[row], rtol=9e-16, err_msg=name)


def extremes(x):
    most, least = -np.inf, np.inf
    for i in range(x.shape[0]):
        most = np.maximum(most, x[i])
        least = np.minimum(x[i], least)
    return most, least, np.maximum(x[0], 2), np.maximum(3, 2)


def test_extremes_keep_nan():
    found = compiled(extremes, pipeline_class=VectorMathCompiler)
    x = np.random.default_rng(0).standard_normal(1000)
    assert found(x) == (x.max(), x.min(), max(x[0], 2.0), 3)
    x[777] = np.nan
    assert np.isnan(found(x)[:2]).all()


def other_types(x, z, a):
    return np.exp(x), np.exp(z), np.exp(a), np.maximum(a, 1)


def test_anything_but_numbers_of_double_precision_is_left_alone():
    args = np.arange(3.0), 1j, np.float32(2.0)
    found, expected = (compiled(other_types, **o)(*args) for o in ({"pipeline_class": VectorMathCompiler}, {}))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-15)
    assert found[1:] == expected[1:]


def softplus(x):
    return np.sum(np.log1p(np.exp(x)))


@needs_library
def test_gradients_use_them_unless_the_order_of_sums_is_kept():
    x = np.random.default_rng(0).standard_normal(100)
    for options, vectorised in (({}, True), ({"fastmath": False}, False)):
        gradient = value_and_grad(softplus, cache=False, **options)
        value, x_bar = gradient(x)
        np.testing.assert_allclose(value, softplus(x), rtol=1e-14)
        np.testing.assert_allclose(x_bar, 1.0 / (1.0 + np.exp(-x)), rtol=1e-14)
        code = next(iter(gradient.dispatcher._compiled[0].inspect_asm().values()))
        assert ("v_exp" in code) is vectorised
