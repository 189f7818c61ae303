"""Nearest centres: nothing is recorded; distances of a point to all centres at once, the centres in the lanes."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(centroids, points):
    k, d = centroids.shape
    by_coordinate = np.ascontiguousarray(centroids.T)
    centroids_bar = np.zeros((k, d))
    distances = np.empty(k)
    total = 0.0
    for i in range(points.shape[0]):
        point = points[i]
        for c in range(k):
            distances[c] = 0.0
        for j in range(d):
            x = point[j]
            row = by_coordinate[j]
            for c in range(k):
                offset = x - row[c]
                distances[c] += offset * offset
        nearest = 0
        least = distances[0]
        for c in range(1, k):
            if distances[c] < least:
                least = distances[c]
                nearest = c
        total += least
        for j in range(d):
            centroids_bar[nearest, j] += 2.0 * (centroids[nearest, j] - point[j])
    return total, (centroids_bar,)
