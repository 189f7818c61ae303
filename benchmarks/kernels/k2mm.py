"""Two matrix products in a row."""

import numpy as np

WRT = ("A", "B", "C", "D")
SIZES = {
    "smoke": {"ni": 4, "nj": 5, "nk": 3, "nl": 6},
    "headline": {"ni": 800, "nj": 850, "nk": 900, "nl": 950},
}


def make(ni, nj, nk, nl):
    rng = np.random.default_rng(42)
    shapes = (ni, nk), (nk, nj), (nj, nl), (ni, nl)
    return (1.5, 1.2, *(rng.standard_normal(shape) / shape[0] ** 0.5 for shape in shapes))


def k2mm(alpha, beta, A, B, C, D):
    out = alpha * (A @ B @ C) + beta * D
    return 0.5 * np.sum(out * out)
