"""Incompressible flow in a cavity with a moving lid: explicit steps, pressure by an inner iteration."""

import numpy as np

WRT = ("u", "v", "p")
SIZES = {"smoke": {"n": 7, "nt": 2, "nit": 3}, "headline": {"n": 121, "nt": 50, "nit": 10}}


def make(n, nt, nit):
    rng = np.random.default_rng(42)
    u, v, p = (0.1 * rng.standard_normal((n, n)) for _ in range(3))
    return u, v, p, nt, nit, 2.0 / (n - 1), 2.0 / (n - 1), 1e-4, 1.0, 0.1


def cavity_flow(u, v, p, nt, nit, dx, dy, dt, rho, nu):
    u = u.copy()
    v = v.copy()
    p = p.copy()
    b = np.zeros_like(p)
    for _ in range(nt):
        du_dx = (u[1:-1, 2:] - u[1:-1, :-2]) / (2.0 * dx)
        dv_dy = (v[2:, 1:-1] - v[:-2, 1:-1]) / (2.0 * dy)
        du_dy = (u[2:, 1:-1] - u[:-2, 1:-1]) / (2.0 * dy)
        dv_dx = (v[1:-1, 2:] - v[1:-1, :-2]) / (2.0 * dx)
        b[1:-1, 1:-1] = rho * ((du_dx + dv_dy) / dt - du_dx**2 - 2.0 * du_dy * dv_dx - dv_dy**2)
        for _ in range(nit):
            old = p.copy()
            around = (old[1:-1, 2:] + old[1:-1, :-2]) * dy**2 + (old[2:, 1:-1] + old[:-2, 1:-1]) * dx**2
            p[1:-1, 1:-1] = (around - dx**2 * dy**2 * b[1:-1, 1:-1]) / (2.0 * (dx**2 + dy**2))
            p[:, -1] = p[:, -2]
            p[0, :] = p[1, :]
            p[:, 0] = p[:, 1]
            p[-1, :] = 0.0
        un = u.copy()
        vn = v.copy()
        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, :-2])
            - vn[1:-1, 1:-1] * dt / dy * (un[1:-1, 1:-1] - un[:-2, 1:-1])
            - dt / (2.0 * rho * dx) * (p[1:-1, 2:] - p[1:-1, :-2])
            + nu * dt / dx**2 * (un[1:-1, 2:] - 2.0 * un[1:-1, 1:-1] + un[1:-1, :-2])
            + nu * dt / dy**2 * (un[2:, 1:-1] - 2.0 * un[1:-1, 1:-1] + un[:-2, 1:-1])
        )
        v[1:-1, 1:-1] = (
            vn[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (vn[1:-1, 1:-1] - vn[1:-1, :-2])
            - vn[1:-1, 1:-1] * dt / dy * (vn[1:-1, 1:-1] - vn[:-2, 1:-1])
            - dt / (2.0 * rho * dy) * (p[2:, 1:-1] - p[:-2, 1:-1])
            + nu * dt / dx**2 * (vn[1:-1, 2:] - 2.0 * vn[1:-1, 1:-1] + vn[1:-1, :-2])
            + nu * dt / dy**2 * (vn[2:, 1:-1] - 2.0 * vn[1:-1, 1:-1] + vn[:-2, 1:-1])
        )
        u[0, :] = 0.0
        u[:, 0] = 0.0
        u[:, -1] = 0.0
        u[-1, :] = 1.0
        v[0, :] = 0.0
        v[-1, :] = 0.0
        v[:, 0] = 0.0
        v[:, -1] = 0.0
    return 0.5 * (np.sum(u * u) + np.sum(v * v) + np.sum(p * p))
