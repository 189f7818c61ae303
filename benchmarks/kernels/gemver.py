"""A matrix changed by two outer products, then a product with its transpose and one with itself."""

import numpy as np

WRT = ("A", "u1", "v1", "u2", "v2", "w", "x", "y", "z")
SIZES = {"smoke": {"n": 8}, "headline": {"n": 3000}}


def make(n):
    rng = np.random.default_rng(42)
    A = rng.standard_normal((n, n)) / n
    return (1.5, 1.2, A, *(rng.standard_normal(n) / n for _ in range(8)))


def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    A = A + np.outer(u1, v1) + np.outer(u2, v2)
    x = x + beta * (A.T @ y) + z
    w = w + alpha * (A @ x)
    return 0.5 * np.sum(w * w)
