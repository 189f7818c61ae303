"""The kernels as somebody who knows JAX writes them."""

import math

import jax
import jax.numpy as jnp
import numpy as np
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


def gmm(alpha, mu, q, l, x, gamma, m):
    N, D = x.shape
    K = alpha.shape[0]
    column, row = np.triu_indices(D, 1)
    diagonal = jnp.exp(q)
    factor = jnp.zeros((K, D, D)).at[:, row, column].set(l).at[:, np.arange(D), np.arange(D)].set(diagonal)
    y = jnp.einsum("kij,nkj->nki", factor, x[:, None, :] - mu)
    terms = alpha + jnp.sum(q, axis=1) - 0.5 * jnp.sum(y * y, axis=2)
    total = jnp.sum(jax.nn.logsumexp(terms, axis=1))
    likelihood = total - N * (0.5 * D * math.log(2.0 * math.pi) + jax.nn.logsumexp(alpha))
    prior = 0.5 * gamma**2 * (jnp.sum(diagonal**2) + jnp.sum(l**2)) - m * jnp.sum(q)
    freedom = D + m + 1
    constant = freedom * D * (math.log(gamma) - 0.5 * math.log(2.0)) - 0.25 * D * (D - 1) * math.log(math.pi)
    constant -= sum(math.lgamma(0.5 * (freedom - d)) for d in range(D))
    return likelihood - prior + K * constant


def nbody(mass, pos, vel, steps, dt, G, softening):
    n = mass.shape[0]
    upper = np.triu(np.ones((n, n)), 1)

    def forces(pos):
        apart = pos[None, :, :] - pos[:, None, :]
        inverse = 1.0 / jnp.sqrt(jnp.sum(apart * apart, axis=2) + softening * softening)
        acc = jnp.einsum("ij,ijk->ik", G * mass * inverse**3, apart)
        return acc, -G * jnp.sum(upper * mass[:, None] * mass * inverse)

    def step(state, kick):
        pos, vel = state
        acc, potential = forces(pos)
        vel = vel + kick * dt * acc
        kinetic = 0.5 * jnp.sum(mass * jnp.sum(vel * vel, axis=1))
        vel = vel + 0.5 * dt * acc
        return (pos + dt * vel, vel), kinetic**2 + potential**2

    _, energies = lax.scan(step, (pos, vel), jnp.full(steps + 1, 0.5).at[0].set(0.0))
    return 0.5 * jnp.sum(energies)
