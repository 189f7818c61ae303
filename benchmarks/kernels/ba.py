"""Bundle adjustment: squared errors of points seen by cameras that distort radially, and of the observations' weights.

A camera is a rotation vector, a centre, a focal length, a principal point and two distortion coefficients.
"""

import math

import numpy as np
from numba import njit

WRT = ("cameras", "points", "weights")
SIZES = {
    "smoke": {"n_cameras": 3, "n_points": 7, "n_observations": 12},
    "headline": {"n_cameras": 200, "n_points": 20_000, "n_observations": 100_000},
}


def make(n_cameras, n_points, n_observations):
    rng = np.random.default_rng(42)
    cameras = np.empty((n_cameras, 11))
    cameras[:, :3] = 0.2 * rng.standard_normal((n_cameras, 3))
    cameras[:, 3:6] = rng.standard_normal((n_cameras, 3)) - np.array([0.0, 0.0, 8.0])
    cameras[:, 6] = 1.0 + 0.1 * rng.random(n_cameras)
    cameras[:, 7:9] = 0.1 * rng.standard_normal((n_cameras, 2))
    cameras[:, 9:] = 0.01 * rng.standard_normal((n_cameras, 2))
    points = rng.standard_normal((n_points, 3))
    # A pair of a camera and a point occurs once.
    pairs = rng.choice(n_cameras * n_points, n_observations, replace=False)
    weights = rng.random(n_observations)
    return cameras, points, weights, pairs // n_points, pairs % n_points, 0.2 * rng.standard_normal((n_observations, 2))


@njit
def project(camera, point):
    x = point[0] - camera[3]
    y = point[1] - camera[4]
    z = point[2] - camera[5]
    a, b, c = camera[0], camera[1], camera[2]
    square = a * a + b * b + c * c
    if square > 0.0:
        theta = math.sqrt(square)
        cosine = math.cos(theta)
        sine = math.sin(theta) / theta
        along = (a * x + b * y + c * z) * (1.0 - cosine) / square
        u = x * cosine + (b * z - c * y) * sine + a * along
        v = y * cosine + (c * x - a * z) * sine + b * along
        w = z * cosine + (a * y - b * x) * sine + c * along
    else:
        u = x + b * z - c * y
        v = y + c * x - a * z
        w = z + a * y - b * x
    u = u / w
    v = v / w
    radius = u * u + v * v
    scale = camera[6] * (1.0 + camera[9] * radius + camera[10] * radius * radius)
    return u * scale + camera[7], v * scale + camera[8]


def ba(cameras, points, weights, camera_of, point_of, seen):
    total = 0.0
    for k in range(weights.shape[0]):
        u, v = project(cameras[camera_of[k]], points[point_of[k]])
        w = weights[k]
        total += (w * (u - seen[k, 0])) ** 2 + (w * (v - seen[k, 1])) ** 2 + (1.0 - w * w) ** 2
    return total
