import math

from numba import cuda


@cuda.jit
def ode_adjoint(k, x, steps, k_bar, x_bar, y_bar, v_tape):
    i = cuda.grid(1)
    if i < x.shape[0]:
        v = x[i]
        for _ in range(steps):
            v_tape[_, i] = v
            v += 0.1 * math.sin(k[i] * v)
        # backward: y[i] = v
        v_bar = y_bar[i]
        y_bar[i] = 0.0
        for _ in range(steps - 1, -1, -1):
            v = v_tape[_, i]
            # backward: v = v + 0.1 * math.sin(k[i] * v)
            k_i = k[i]
            t_bar = 0.1 * v_bar * math.cos(k_i * v)
            v_bar += t_bar * k_i
            k_bar[i] += t_bar * v
        # backward: v = x[i]
        x_bar[i] += v_bar
