"""The judgement and the arithmetic of the benchmark of products with Hessians; its own tool, at smoke size."""

import numpy as np
import pytest

from benchmarks import hvp, kernels, products, reference
from benchmarks.run import ToolError

SEEN = [np.array([1.0, 2.0])]
RIGHT = [np.array([3.0, 4.0])]


def test_a_right_product_passes():
    hvp.check(11.0, SEEN, RIGHT, RIGHT)
    hvp.check(11.0, SEEN, RIGHT, None)


@pytest.mark.parametrize(
    ("found", "model"),
    [
        ([np.array([3.0, 4.001])], None),
        ([np.array([np.nan, 4.0])], None),
        ([np.array([5.0, 3.0])], RIGHT),  # the same along the direction that is seen
    ],
)
def test_a_wrong_product_is_refused(found, model):
    with pytest.raises(ToolError, match="wrong"):
        hvp.check(11.0, SEEN, found, model)


def test_ratios_are_medians_within_rounds():
    rounds = [{"primal": 1.0, "hvp": 2.0}, {"primal": 10.0, "hvp": 30.0}, {"primal": 2.0, "hvp": 8.0}]
    found = hvp.summary("hvp", rounds)
    assert found["median"] == 8.0
    assert found["to primal"] == 3.0


def test_means_are_over_the_kernels_with_both_figures():
    results = {"a": {"hvp": {"to primal": 2.0}}, "b": {"hvp": {"to primal": 8.0}}, "c": {"hvp": {"error": "no"}}}
    assert hvp.overall(results) == "hvp ÷ primal: geometric mean of 2: 4.00"


def test_product_of_a_kernel():
    kernel = kernels.load("lse")
    args = kernel.args("smoke")
    call, answer = products.prepare("hvp", kernel, args)
    (way,) = reference.directions(args, kernel.positions)
    weights = np.exp(args[0] - kernel.fun(*args))
    wanted = weights * way - weights * np.dot(weights, way)
    curvature, (product,) = answer(call())
    np.testing.assert_allclose(product, wanted, rtol=1e-12, atol=1e-15)
    assert curvature == pytest.approx(np.dot(way, wanted), rel=1e-12)
