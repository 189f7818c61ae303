"""Convolution of images with a bias per channel, channels last, by loops."""

import numpy as np

WRT = ("image", "weights", "bias")
SIZES = {
    "smoke": {"n": 2, "size": 5, "c_in": 2, "k": 3, "c_out": 3, "dtype": "float64"},
    "headline": {"n": 8, "size": 64, "c_in": 3, "k": 5, "c_out": 8, "dtype": "float32"},
}
ALONG = 1e-2  # single precision


def make(n, size, c_in, k, c_out, dtype):
    rng = np.random.default_rng(42)
    shapes = (n, size, size, c_in), (k, k, c_in, c_out), (c_out,)
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)


def conv2d_bias(image, weights, bias):
    K, _, c_in, c_out = weights.shape
    N, H, W = image.shape[0], image.shape[1] - K + 1, image.shape[2] - K + 1
    out = np.empty((N, H, W, c_out), image.dtype)
    for n in range(N):
        for i in range(H):
            for j in range(W):
                for o in range(c_out):
                    total = bias[o]
                    for p in range(K):
                        for q in range(K):
                            for c in range(c_in):
                                total += image[n, i + p, j + q, c] * weights[p, q, c, o]
                    out[n, i, j, o] = total
    return 0.5 * np.sum(out * out)
