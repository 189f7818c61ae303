"""The kernels as somebody who knows JAX writes them."""

import jax
import jax.numpy as jnp
from jax import lax


def lse(x):
    return jax.nn.logsumexp(x)


def llsq(x, n):
    t = -1.0 + 2.0 * jnp.arange(n) / (n - 1)
    residual = jnp.sign(t) - jnp.polyval(x[::-1], t, unroll=16)
    return 0.5 * jnp.sum(residual**2)


def ode(x, steps):
    h = 2.0 / steps

    def rate(y):
        return x * jnp.concatenate([jnp.ones(1), y[:-1]])

    def step(y, _):
        k1 = rate(y)
        k2 = rate(y + 0.5 * h * k1)
        k3 = rate(y + 0.5 * h * k2)
        k4 = rate(y + h * k3)
        return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

    y, _ = lax.scan(step, jnp.zeros_like(x), None, length=steps)
    return jnp.sum(y)


def jacobi_2d(A, B, T):
    def half(X, Y):
        mean = 0.2 * (X[1:-1, 1:-1] + X[1:-1, :-2] + X[1:-1, 2:] + X[2:, 1:-1] + X[:-2, 1:-1])
        return Y.at[1:-1, 1:-1].set(mean)

    def step(state, _):
        A, B = state
        B = half(A, B)
        return (half(B, A), B), None

    (A, _), _ = lax.scan(step, (A, B), None, length=T)
    return 0.5 * jnp.sum(A * A)


jacobi_2d_loops = jacobi_2d


def cholesky(A):
    # The kernel reads the lower triangle only.
    L = lax.linalg.cholesky(jnp.tril(A) + jnp.tril(A, -1).T, symmetrize_input=False)
    out = jnp.tril(L) + jnp.triu(A, 1)
    return 0.5 * jnp.sum(out * out)


def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    A = A + jnp.outer(u1, v1) + jnp.outer(u2, v2)
    x = x + beta * (A.T @ y) + z
    w = w + alpha * (A @ x)
    return 0.5 * jnp.sum(w * w)
