"""Squared distances of points to their nearest centres."""

import numpy as np

WRT = ("centroids",)
SIZES = {"smoke": {"k": 4, "n": 15, "d": 3}, "headline": {"k": 100, "n": 10_000, "d": 16}}
ALONG = 1e-3  # a step takes some points over to another centre


def make(k, n, d):
    rng = np.random.default_rng(42)
    return rng.standard_normal((k, d)), rng.standard_normal((n, d))


def kmeans(centroids, points):
    total = 0.0
    for i in range(points.shape[0]):
        nearest = np.inf
        for c in range(centroids.shape[0]):
            distance = 0.0
            for j in range(points.shape[1]):
                distance += (points[i, j] - centroids[c, j]) ** 2
            nearest = min(nearest, distance)
        total += nearest
    return total
