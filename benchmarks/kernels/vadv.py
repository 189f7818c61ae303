"""Vertical advection: a tridiagonal system in every column, eliminated downwards and substituted upwards."""

import numpy as np

WRT = ("utens_stage", "u_stage", "wcon", "u_pos", "utens")
SIZES = {"smoke": {"I": 3, "J": 4, "K": 5}, "headline": {"I": 112, "J": 112, "K": 80}}
# Pivots come near zero: a rounding of the arguments changes the gradient by 1e-7 at headline size.
TOLERANCE = 1e-5


def make(I, J, K):
    rng = np.random.default_rng(42)
    utens_stage, u_stage, u_pos, utens = (rng.random((I, J, K)) for _ in range(4))
    return utens_stage, u_stage, rng.random((I + 1, J, K)), u_pos, utens, 3.0 / 20.0


def vadv(utens_stage, u_stage, wcon, u_pos, utens, dtr_stage):
    I, J, K = utens_stage.shape
    ccol = np.empty((I, J, K))
    dcol = np.empty((I, J, K))
    for k in range(K):
        diagonal = np.full((I, J), dtr_stage)
        change = np.zeros((I, J))
        upper = np.zeros((I, J))
        lower = np.zeros((I, J))
        if k > 0:
            flow = -0.25 * (wcon[1:, :, k] + wcon[:-1, :, k])
            lower = 0.5 * flow
            change = change - flow * 0.5 * (u_stage[:, :, k - 1] - u_stage[:, :, k])
            diagonal = diagonal - lower
        if k < K - 1:
            flow = 0.25 * (wcon[1:, :, k + 1] + wcon[:-1, :, k + 1])
            upper = 0.5 * flow
            change = change - flow * 0.5 * (u_stage[:, :, k + 1] - u_stage[:, :, k])
            diagonal = diagonal - upper
        right = dtr_stage * u_pos[:, :, k] + utens[:, :, k] + utens_stage[:, :, k] + change
        if k > 0:
            diagonal = diagonal - ccol[:, :, k - 1] * lower
            right = right - dcol[:, :, k - 1] * lower
        ccol[:, :, k] = upper / diagonal
        dcol[:, :, k] = right / diagonal
    out = np.empty((I, J, K))
    data = np.zeros((I, J))
    for k in range(K - 1, -1, -1):
        data = dcol[:, :, k] - ccol[:, :, k] * data
        out[:, :, k] = dtr_stage * (data - u_pos[:, :, k])
    return 0.5 * np.sum(out * out)
