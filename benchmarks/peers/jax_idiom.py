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
    # The changed matrix is never formed.
    x = x + beta * (y @ A + (u1 @ y) * v1 + (u2 @ y) * v2) + z
    w = w + alpha * (A @ x + u1 * (v1 @ x) + u2 * (v2 @ x))
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
        dx, dy, dz = (pos[None, :, axis] - pos[:, None, axis] for axis in range(3))
        inverse = lax.rsqrt(dx * dx + dy * dy + dz * dz + softening * softening)
        pull = G * mass * inverse**3
        acc = pull @ pos - jnp.sum(pull, axis=1)[:, None] * pos
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


def ba(cameras, points, weights, camera_of, point_of, seen):
    def project(camera, point):
        turn, apart = camera[:3], point - camera[3:6]
        square = turn @ turn
        theta = jnp.sqrt(jnp.where(square > 0.0, square, 1.0))
        cosine, sine = jnp.cos(theta), jnp.sin(theta) / theta
        along = (turn @ apart) * (1.0 - cosine) / theta**2
        across = jnp.cross(turn, apart)
        turned = jnp.where(square > 0.0, apart * cosine + across * sine + turn * along, apart + across)
        image = turned[:2] / turned[2]
        radius = image @ image
        return image * camera[6] * (1.0 + camera[9] * radius + camera[10] * radius**2) + camera[7:9]

    residual = weights[:, None] * (jax.vmap(project)(cameras[camera_of], points[point_of]) - seen)
    return jnp.sum(residual**2) + jnp.sum((1.0 - weights**2) ** 2)


def lstm(main, extra, state, text):
    layers, b = main.shape[0], main.shape[3]

    def step(carry, now_next):
        hidden, cell = carry
        now, following = now_next
        x = now * extra[0]
        hiddens, cells = [], []
        for layer in range(layers):
            weight, bias = main[layer]
            forget = jax.nn.sigmoid(x * weight[0] + bias[0])
            ingate = jax.nn.sigmoid(hidden[layer] * weight[1] + bias[1])
            outgate = jax.nn.sigmoid(x * weight[2] + bias[2])
            change = jnp.tanh(hidden[layer] * weight[3] + bias[3])
            cells.append(cell[layer] * forget + ingate * change)
            x = outgate * jnp.tanh(cells[-1])
            hiddens.append(x)
        guess = x * extra[1] + extra[2]
        gain = jnp.sum(following * (guess - jnp.log(2.0 + jnp.sum(jnp.exp(guess)))))
        return (jnp.stack(hiddens), jnp.stack(cells)), gain

    _, gains = lax.scan(step, (state[:, 0], state[:, 1]), (text[:-1], text[1:]))
    return -jnp.sum(gains) / ((text.shape[0] - 1) * b)


def ht(theta, u, parents, relatives, base, weights, triangles, seen):
    def rotation(a, b, c):
        cos_a, sin_a, cos_b, sin_b, cos_c, sin_c = (f(angle) for angle in (a, b, c) for f in (jnp.cos, jnp.sin))
        zero, one = jnp.zeros_like(a), jnp.ones_like(a)
        rows = (
            (cos_b * cos_c, sin_a * sin_b * cos_c - cos_a * sin_c, cos_a * sin_b * cos_c + sin_a * sin_c, zero),
            (cos_b * sin_c, sin_a * sin_b * sin_c + cos_a * cos_c, cos_a * sin_b * sin_c - sin_a * cos_c, zero),
            (-sin_b, sin_a * cos_b, cos_a * cos_b, zero),
            (zero, zero, zero, one),
        )
        return jnp.stack([jnp.stack(row) for row in rows])

    bent = theta[5:]
    local = relatives[1:] @ jax.vmap(rotation)(bent, 0.5 * bent, jnp.zeros_like(bent))
    bones = weights.shape[0]

    def join(world, bone):
        return world.at[bone].set(world[parents[bone]] @ local[bone - 1]), None

    world = jnp.zeros((bones, 4, 4)).at[0].set(rotation(*theta[:3]))
    world, _ = lax.scan(join, world, jnp.arange(1, bones))
    mesh = jnp.einsum("bv,bij,vj->vi", weights, world[:, :3], base)
    shares = jnp.column_stack([u, 1.0 - u.sum(1)])
    surface = jnp.einsum("kt,kti->ki", shares, mesh[triangles])
    shift = jnp.stack([theta[3], theta[4], jnp.zeros_like(theta[0])])
    return 0.5 * jnp.sum((seen - surface - shift) ** 2)


def kmeans(centroids, points):
    distances = jnp.sum(centroids**2, axis=1) - 2.0 * points @ centroids.T
    nearest = jnp.argmin(lax.stop_gradient(distances), axis=1)
    return jnp.sum((points - centroids[nearest]) ** 2)


def heat_3d(A, B, T):
    inner = (slice(1, -1),) * 3

    def half(X, Y):
        twice = 2.0 * X[inner]
        return Y.at[inner].set(
            0.125 * (X[2:, 1:-1, 1:-1] - twice + X[:-2, 1:-1, 1:-1])
            + 0.125 * (X[1:-1, 2:, 1:-1] - twice + X[1:-1, :-2, 1:-1])
            + 0.125 * (X[1:-1, 1:-1, 2:] - twice + X[1:-1, 1:-1, :-2])
            + X[inner]
        )

    def step(state, _):
        A, B = state
        B = half(A, B)
        return (half(B, A), B), None

    (A, _), _ = lax.scan(step, (A, B), None, length=T)
    return 0.5 * jnp.sum(A * A)


def seidel_2d(A, T):
    # Along a row, x[j] = (c[j] + x[j - 1]) / 9: a product with a triangular matrix.
    n = A.shape[0] - 2
    apart = np.arange(n)[:, None] - np.arange(n)
    powers = jnp.asarray(np.tril(9.0 ** -(np.maximum(apart, 0) + 1.0)))

    def row(above, rows):
        here, below = rows
        known = above[:-2] + above[1:-1] + above[2:] + here[1:-1] + here[2:] + below[:-2] + below[1:-1] + below[2:]
        new = here.at[1:-1].set(powers @ known.at[0].add(here[0]))
        return new, new

    def sweep(A, _):
        _, rows = lax.scan(row, A[0], (A[1:-1], A[2:]))
        return A.at[1:-1].set(rows), None

    A, _ = lax.scan(sweep, A, None, length=T)
    return 0.5 * jnp.sum(A * A)


def fdtd_2d(ex, ey, hz, source):
    def step(state, pulse):
        ex, ey, hz = state
        ey = ey.at[0].set(pulse).at[1:].add(-0.5 * (hz[1:] - hz[:-1]))
        ex = ex.at[:, 1:].add(-0.5 * (hz[:, 1:] - hz[:, :-1]))
        curl = ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1]
        return (ex, ey, hz.at[:-1, :-1].add(-0.7 * curl)), None

    (_, _, hz), _ = lax.scan(step, (ex, ey, hz), source)
    return 0.5 * jnp.sum(hz * hz)


def hdiff(in_field, coeff):
    middle = in_field[2:-2, 2:-2]
    lap = 4.0 * in_field[1:-1, 1:-1] - (
        in_field[2:, 1:-1] + in_field[:-2, 1:-1] + in_field[1:-1, 2:] + in_field[1:-1, :-2]
    )

    def limited(flux, rise):
        return jnp.where(flux * rise > 0.0, 0.0, flux)

    flux_x = limited(jnp.diff(lap[:, 1:-1], axis=0), jnp.diff(in_field[1:-1, 2:-2], axis=0))
    flux_y = limited(jnp.diff(lap[1:-1], axis=1), jnp.diff(in_field[2:-2, 1:-1], axis=1))
    out = middle - coeff * (jnp.diff(flux_x, axis=0) + jnp.diff(flux_y, axis=1))
    return 0.5 * jnp.sum(out * out)


def vadv(utens_stage, u_stage, wcon, u_pos, utens, dtr_stage):
    flow = 0.25 * (wcon[1:, :, 1:] + wcon[:-1, :, 1:])
    change = -0.5 * flow * (u_stage[:, :, 1:] - u_stage[:, :, :-1])
    none = jnp.zeros_like(u_stage[:, :, :1])
    upper = jnp.concatenate([0.5 * flow, none], axis=2)
    lower = jnp.concatenate([none, -0.5 * flow], axis=2)
    change = jnp.concatenate([change, none], axis=2) + jnp.concatenate([none, change], axis=2)
    right = dtr_stage * u_pos + utens + utens_stage + change
    data = lax.linalg.tridiagonal_solve(lower, dtr_stage - lower - upper, upper, right[..., None])[..., 0]
    out = dtr_stage * (data - u_pos)
    return 0.5 * jnp.sum(out * out)


def cavity_flow(u, v, p, nt, nit, dx, dy, dt, rho, nu):
    def halves(f):
        return f[1:-1, 2:], f[1:-1, :-2], f[2:, 1:-1], f[:-2, 1:-1]

    def pressure(p, source):
        east, west, north, south = halves(p)
        around = (east + west) * dy**2 + (north + south) * dx**2
        inner = (around - dx**2 * dy**2 * source) / (2.0 * (dx**2 + dy**2))
        p = p.at[1:-1, 1:-1].set(inner)
        p = p.at[:, -1].set(p[:, -2])
        p = p.at[0].set(p[1])
        p = p.at[:, 0].set(p[:, 1])
        return p.at[-1].set(0.0)

    def moved(f, u, v, push):
        here = f[1:-1, 1:-1]
        east, west, north, south = halves(f)
        carried = u[1:-1, 1:-1] * dt / dx * (here - west) + v[1:-1, 1:-1] * dt / dy * (here - south)
        spread = nu * dt * ((east - 2.0 * here + west) / dx**2 + (north - 2.0 * here + south) / dy**2)
        return jnp.pad(here - carried - push + spread, 1)

    def step(state, _):
        u, v, p = state
        (u_east, u_west, u_north, u_south), (v_east, v_west, v_north, v_south) = halves(u), halves(v)
        du_dx, dv_dy = (u_east - u_west) / (2.0 * dx), (v_north - v_south) / (2.0 * dy)
        du_dy, dv_dx = (u_north - u_south) / (2.0 * dy), (v_east - v_west) / (2.0 * dx)
        source = rho * ((du_dx + dv_dy) / dt - du_dx**2 - 2.0 * du_dy * dv_dx - dv_dy**2)
        p, _ = lax.scan(lambda p, _: (pressure(p, source), None), p, None, length=nit)
        east, west, north, south = halves(p)
        new_u = moved(u, u, v, dt / (2.0 * rho * dx) * (east - west)).at[-1].set(1.0)
        return (new_u, moved(v, u, v, dt / (2.0 * rho * dy) * (north - south)), p), None

    (u, v, p), _ = lax.scan(step, (u, v, p), None, length=nt)
    return 0.5 * (jnp.sum(u * u) + jnp.sum(v * v) + jnp.sum(p * p))


def k2mm(alpha, beta, A, B, C, D):
    out = alpha * (A @ B @ C) + beta * D
    return 0.5 * jnp.sum(out * out)


def softmax(x):
    out = jax.nn.softmax(x)
    return 0.5 * jnp.sum(out * out)


def mlp(x, w1, b1, w2, b2, w3, b3):
    hidden = jax.nn.relu(x @ w1 + b1)
    hidden = jax.nn.relu(hidden @ w2 + b2)
    return softmax(hidden @ w3 + b3)


def conv2d_bias(image, weights, bias):
    out = lax.conv_general_dilated(image, weights, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias
    return 0.5 * jnp.sum(out * out)


def syrk(alpha, beta, C, A):
    lower = np.tri(C.shape[0], dtype=bool)
    out = jnp.where(lower, beta * C + alpha * (A @ A.T), C)
    return 0.5 * jnp.sum(out * out)


def spmv(values, x, starts, columns):
    n = starts.shape[0] - 1
    rows = jnp.repeat(jnp.arange(n), jnp.diff(starts), total_repeat_length=values.shape[0])
    y = jax.ops.segment_sum(values * x[columns], rows, n, indices_are_sorted=True)
    return 0.5 * jnp.sum(y * y)
