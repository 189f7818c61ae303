"""Three layers: two with rectifiers, the last with softmax."""

from itertools import pairwise

import numpy as np

WRT = ("x", "w1", "b1", "w2", "b2", "w3", "b3")
SIZES = {
    "smoke": {"batch": 3, "inner": (5, 4, 4), "inputs": 3, "dtype": "float64"},
    "headline": {"batch": 8, "inner": (30_000, 2000, 2000), "inputs": 3, "dtype": "float32"},
}
ALONG = 1e-2  # single precision, and kinks


def make(batch, inner, inputs, dtype):
    rng = np.random.default_rng(42)
    sizes = (inputs, *inner)
    args = [rng.standard_normal((batch, inputs))]
    for rows, columns in pairwise(sizes):
        args += [rng.standard_normal((rows, columns)) / rows**0.5, rng.standard_normal(columns)]
    return tuple(arg.astype(dtype) for arg in args)


def mlp(x, w1, b1, w2, b2, w3, b3):
    hidden = np.maximum(x @ w1 + b1, 0)
    hidden = np.maximum(hidden @ w2 + b2, 0)
    last = hidden @ w3 + b3
    total = 0.0
    for i in range(last.shape[0]):
        e = np.exp(last[i] - np.max(last[i]))
        out = e / np.sum(e)
        total += np.sum(out * out)
    return 0.5 * total
