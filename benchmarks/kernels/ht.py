"""Hand tracking: joint angles turn a chain of bones, which move a mesh; how far is it from points seen?"""

import math

import numpy as np
from numba import njit

WRT = ("theta", "u")
SIZES = {
    "smoke": {"bones": 5, "vertices": 12, "correspondences": 6},
    "headline": {"bones": 22, "vertices": 544, "correspondences": 1600},
}


def make(bones, vertices, correspondences):
    rng = np.random.default_rng(42)
    theta = 0.2 * rng.standard_normal(bones + 4)
    u = rng.random((correspondences, 2)) / 2.0
    parents = np.maximum(np.arange(bones) - 1 - 3 * (np.arange(bones) % 4 == 1), 0)
    relatives = np.tile(np.eye(4), (bones, 1, 1))
    relatives[:, :3, 3] = 0.3 * rng.standard_normal((bones, 3))
    base = np.ones((vertices, 4))
    base[:, :3] = rng.standard_normal((vertices, 3))
    weights = rng.random((bones, vertices))
    weights /= weights.sum(axis=0)
    triangles = rng.integers(0, vertices, (correspondences, 3))
    return theta, u, parents, relatives, base, weights, triangles, rng.standard_normal((correspondences, 3))


@njit
def rotation(a, b, c):
    matrix = np.zeros((4, 4))
    cos_a, sin_a = math.cos(a), math.sin(a)
    cos_b, sin_b = math.cos(b), math.sin(b)
    cos_c, sin_c = math.cos(c), math.sin(c)
    matrix[0, 0] = cos_b * cos_c
    matrix[0, 1] = sin_a * sin_b * cos_c - cos_a * sin_c
    matrix[0, 2] = cos_a * sin_b * cos_c + sin_a * sin_c
    matrix[1, 0] = cos_b * sin_c
    matrix[1, 1] = sin_a * sin_b * sin_c + cos_a * cos_c
    matrix[1, 2] = cos_a * sin_b * sin_c - sin_a * cos_c
    matrix[2, 0] = -sin_b
    matrix[2, 1] = sin_a * cos_b
    matrix[2, 2] = cos_a * cos_b
    matrix[3, 3] = 1.0
    return matrix


def ht(theta, u, parents, relatives, base, weights, triangles, seen):
    bones, vertices = weights.shape
    world = np.empty((bones, 4, 4))
    world[0] = rotation(theta[0], theta[1], theta[2])
    for bone in range(1, bones):
        turn = rotation(theta[bone + 4], 0.5 * theta[bone + 4], 0.0)
        world[bone] = world[parents[bone]] @ (relatives[bone] @ turn)
    mesh = np.zeros((vertices, 3))
    for bone in range(bones):
        for vertex in range(vertices):
            for i in range(3):
                moved = 0.0
                for j in range(4):
                    moved += world[bone, i, j] * base[vertex, j]
                mesh[vertex, i] += weights[bone, vertex] * moved
    total = 0.0
    for k in range(u.shape[0]):
        first, second, third = triangles[k]
        for i in range(3):
            rest = 1.0 - u[k, 0] - u[k, 1]
            surface = u[k, 0] * mesh[first, i] + u[k, 1] * mesh[second, i] + rest * mesh[third, i]
            residual = seen[k, i] - surface - (theta[3] if i == 0 else theta[4] if i == 1 else 0.0)
            total += residual * residual
    return 0.5 * total
