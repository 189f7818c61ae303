"""Functions of whole arrays, and what they are called with: their gradients are kernels with `target="cuda"`."""

import dataclasses
import math

import numpy as np
from numba import prange


@dataclasses.dataclass(frozen=True)
class Whole:
    """A function with arguments in double precision, and the arguments that it is differentiated by."""

    fun: object
    args: tuple
    argnums: tuple

    def given(self, precision):
        """Return copies of the arguments, in a precision."""
        real = np.dtype(precision).type
        return tuple(_given(arg, real) for arg in self.args)


def _given(arg, real):
    if isinstance(arg, np.ndarray):
        return arg.astype(real) if arg.dtype.kind == "f" else arg.copy()
    return np.float32(arg) if isinstance(arg, float) and real is np.float32 else arg


def map_sum(a, x):
    return np.sum(np.sin(a * x))


def saxpy_sum(a, x, y):
    z = a * x + y
    return np.sum(z * z)


def log_sum_exp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


def heat(start, c, steps):
    u = start.copy()
    for _ in range(steps):
        inner = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
        u[1:-1, 1:-1] = u[1:-1, 1:-1] + c * inner
    return np.sum(u * u)


def gathered(w, index, x):
    s = 0.0
    for i in prange(index.shape[0]):
        s += w[i] * x[index[i]] ** 2
    return s


def stencil(u, c):
    s = 0.0
    for i in prange(1, u.shape[0] - 1):
        v = u[i] + c * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        s += v * v * v
    return s


def nbody(place, mass):
    energy = 0.0
    for i in prange(place.shape[0]):
        for j in range(place.shape[0]):
            if i != j:
                dx = place[i, 0] - place[j, 0]
                dy = place[i, 1] - place[j, 1]
                energy -= mass[i] * mass[j] / math.sqrt(dx * dx + dy * dy + 0.01)
    return energy


def matrix_vector(a, x, y):
    s = 0.0
    for i in range(a.shape[0]):
        t = 0.0
        for j in range(a.shape[1]):
            t += a[i, j] * x[j]
        s += math.tanh(t) * y[i]
    return s


def black_scholes(price, strike, time, rate, volatility):
    spread = volatility * np.sqrt(time)
    d1 = (np.log(price / strike) + (rate + 0.5 * volatility * volatility) * time) / spread
    n1 = 1.0 / (1.0 + np.exp(-1.702 * d1))
    n2 = 1.0 / (1.0 + np.exp(-1.702 * (d1 - spread)))
    return np.sum(price * n1 - strike * np.exp(-rate * time) * n2)


def branches(x, a):
    s = 0.0
    for i in range(x.shape[0]):
        if x[i] > a:
            s += x[i] * x[i]
        else:
            s += math.sin(x[i]) * a
    return s


def layer(w, b, x):
    return np.sum(np.maximum(np.tanh(w @ x + b), 0.0) ** 2)


def perceptron(w1, w2, x):
    hidden = np.tanh(x @ w1)
    return np.sum((hidden @ w2) ** 2)


def cube(u):
    return np.sum(u[1:] * u[:-1] * np.abs(u[1:]))


def counted(x, a):
    v = x * a
    n = 0
    while np.sum(v * v) > 1.0 and n < 5:
        v = v * a
        n += 1
    return np.sum(v * np.exp(v))


def cases():
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.normal(size=shape)

    def positive(*shape):
        return rng.uniform(0.5, 2.0, size=shape)

    found = [
        Whole(map_sum, (1.3, draw(50)), (0, 1)),
        Whole(saxpy_sum, (1.3, draw(50), draw(50)), (0, 1, 2)),
        Whole(log_sum_exp, (draw(50),), (0,)),
        Whole(heat, (draw(7, 9), 0.1, 3), (0, 1)),
        Whole(gathered, (draw(40), rng.integers(0, 20, 40), draw(20)), (0, 2)),
        Whole(stencil, (draw(40), 0.1), (0, 1)),
        Whole(nbody, (draw(12, 2), draw(12)), (0, 1)),
        Whole(matrix_vector, (draw(10, 13), draw(13), draw(10)), (0, 1, 2)),
        Whole(black_scholes, (positive(40), positive(40), positive(40), 0.1, 0.3), (0, 3, 4)),
        Whole(branches, (draw(40), 0.1), (0, 1)),
        Whole(layer, (draw(9, 12), draw(9), draw(12)), (0, 1, 2)),
        Whole(perceptron, (draw(6, 5), draw(5, 3), draw(8, 6)), (0, 1, 2)),
        Whole(cube, (draw(5, 4, 6),), (0,)),
        Whole(counted, (draw(20), 0.7), (0, 1)),
    ]
    return {case.fun.__name__: case for case in found}
