import numpy as np


def heat_step_in_slices_value_and_grad(u0, steps):
    u = u0.copy()
    for _ in range(steps):
        u[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    value = np.sum(u**2)
    # backward: return np.sum(u**2)
    u_bar = 2.0 * u
    for _ in range(steps - 1, -1, -1):
        # backward: u[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        t_bar = 0.2 * u_bar[1:-1]
        u_bar[:-2] += t_bar
        u_bar[2:] += t_bar
        u_bar[1:-1] -= 2.0 * t_bar
    return value, u_bar
