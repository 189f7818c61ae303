"""Horizontal diffusion with a flux limiter."""

import numpy as np

WRT = ("in_field", "coeff")
SIZES = {"smoke": {"I": 4, "J": 5, "K": 3}, "headline": {"I": 128, "J": 128, "K": 160}}
ALONG = float("inf")  # the limiter jumps: a step of any length takes some points over


def make(I, J, K):
    rng = np.random.default_rng(42)
    return rng.random((I + 4, J + 4, K)), rng.random((I, J, K))


def hdiff(in_field, coeff):
    I, J = coeff.shape[0], coeff.shape[1]
    lap = 4.0 * in_field[1 : I + 3, 1 : J + 3, :] - (
        in_field[2 : I + 4, 1 : J + 3, :]
        + in_field[0 : I + 2, 1 : J + 3, :]
        + in_field[1 : I + 3, 2 : J + 4, :]
        + in_field[1 : I + 3, 0 : J + 2, :]
    )
    flux = lap[1:, 1 : J + 1, :] - lap[:-1, 1 : J + 1, :]
    rise = in_field[2 : I + 3, 2 : J + 2, :] - in_field[1 : I + 2, 2 : J + 2, :]
    flux_x = np.where(flux * rise > 0.0, 0.0, flux)
    flux = lap[1 : I + 1, 1:, :] - lap[1 : I + 1, :-1, :]
    rise = in_field[2 : I + 2, 2 : J + 3, :] - in_field[2 : I + 2, 1 : J + 2, :]
    flux_y = np.where(flux * rise > 0.0, 0.0, flux)
    out = in_field[2 : I + 2, 2 : J + 2, :] - coeff * (
        flux_x[1:, :, :] - flux_x[:-1, :, :] + flux_y[:, 1:, :] - flux_y[:, :-1, :]
    )
    return 0.5 * np.sum(out * out)
