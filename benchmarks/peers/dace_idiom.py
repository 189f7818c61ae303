"""The kernels as DaCe's differentiation takes them: the objective goes to `value`, arrays may be overwritten.

It fails on a product of an array with itself, and takes its square. What it can't compute of the arguments alone is a
function `KERNEL_constant`.
"""

import math

import dace
import numpy as np


def lse(x, value):
    top = np.max(x)
    value[0] = top + np.log(np.sum(np.exp(x - top)))


def llsq(x, n, value):
    t = -1.0 + 2.0 * np.arange(n) / (n - 1)
    fit = np.zeros(n)
    power = np.ones(n)
    for j in range(x.shape[0]):
        fit += x[j] * power
        power *= t
    sign = np.ones(n)  # it has no derivative of np.sign; n is even
    sign[: n // 2] = -1.0
    value[0] = 0.5 * np.sum((sign - fit) ** 2)


def ode(x, steps, value):
    h = 2.0 / steps
    y = np.zeros_like(x)
    k1 = np.zeros_like(x)
    k2 = np.zeros_like(x)
    k3 = np.zeros_like(x)
    k4 = np.zeros_like(x)
    for _ in range(steps):
        k1[0] = x[0]
        k1[1:] = x[1:] * y[:-1]
        k2[0] = x[0]
        k2[1:] = x[1:] * (y[:-1] + 0.5 * h * k1[:-1])
        k3[0] = x[0]
        k3[1:] = x[1:] * (y[:-1] + 0.5 * h * k2[:-1])
        k4[0] = x[0]
        k4[1:] = x[1:] * (y[:-1] + h * k3[:-1])
        y[:] = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    value[0] = np.sum(y)


def kmeans(centroids, points, value):
    distances = np.sum(centroids**2, axis=1) - 2.0 * (points @ centroids.T)
    value[0] = np.sum(points**2) + np.sum(np.min(distances, axis=1))


def jacobi_2d(A, B, T, value):
    for _ in range(T):
        B[1:-1, 1:-1] = 0.2 * (A[1:-1, 1:-1] + A[1:-1, :-2] + A[1:-1, 2:] + A[2:, 1:-1] + A[:-2, 1:-1])
        A[1:-1, 1:-1] = 0.2 * (B[1:-1, 1:-1] + B[1:-1, :-2] + B[1:-1, 2:] + B[2:, 1:-1] + B[:-2, 1:-1])
    value[0] = 0.5 * np.sum(A**2)


def heat_3d(A, B, T, value):
    for _ in range(T):
        B[1:-1, 1:-1, 1:-1] = (
            0.125 * (A[2:, 1:-1, 1:-1] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[:-2, 1:-1, 1:-1])
            + 0.125 * (A[1:-1, 2:, 1:-1] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[1:-1, :-2, 1:-1])
            + 0.125 * (A[1:-1, 1:-1, 2:] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[1:-1, 1:-1, :-2])
            + A[1:-1, 1:-1, 1:-1]
        )
        A[1:-1, 1:-1, 1:-1] = (
            0.125 * (B[2:, 1:-1, 1:-1] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[:-2, 1:-1, 1:-1])
            + 0.125 * (B[1:-1, 2:, 1:-1] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[1:-1, :-2, 1:-1])
            + 0.125 * (B[1:-1, 1:-1, 2:] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[1:-1, 1:-1, :-2])
            + B[1:-1, 1:-1, 1:-1]
        )
    value[0] = 0.5 * np.sum(A**2)


def seidel_2d(A, T, value):
    n = A.shape[0]
    for _ in range(T):
        for i in range(1, n - 1):
            A[i, 1:-1] += (
                A[i - 1, :-2] + A[i - 1, 1:-1] + A[i - 1, 2:] + A[i, 2:] + A[i + 1, :-2] + A[i + 1, 1:-1] + A[i + 1, 2:]
            )
            for j in range(1, n - 1):
                A[i, j] += A[i, j - 1]
                A[i, j] /= 9.0
    value[0] = 0.5 * np.sum(A**2)


def fdtd_2d(ex, ey, hz, source, value):
    for t in range(source.shape[0]):
        ey[0, :] = source[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    value[0] = 0.5 * np.sum(hz**2)


def hdiff(in_field, coeff, value):
    lap = 4.0 * in_field[1:-1, 1:-1] - (
        in_field[2:, 1:-1] + in_field[:-2, 1:-1] + in_field[1:-1, 2:] + in_field[1:-1, :-2]
    )
    flux1 = lap[1:, 1:-1] - lap[:-1, 1:-1]
    rise1 = in_field[2:-1, 2:-2] - in_field[1:-2, 2:-2]
    flux_x = np.where(flux1 * rise1 > 0.0, 0.0, flux1)
    flux2 = lap[1:-1, 1:] - lap[1:-1, :-1]
    rise2 = in_field[2:-2, 2:-1] - in_field[2:-2, 1:-2]
    flux_y = np.where(flux2 * rise2 > 0.0, 0.0, flux2)
    result = in_field[2:-2, 2:-2] - coeff * (flux_x[1:] - flux_x[:-1] + flux_y[:, 1:] - flux_y[:, :-1])
    value[0] = 0.5 * np.sum(result**2)


def vadv(utens_stage, u_stage, wcon, u_pos, utens, dtr_stage, value):
    ccol = np.zeros_like(u_pos)
    dcol = np.zeros_like(u_pos)
    data = np.zeros_like(u_pos)
    first = 0.125 * (wcon[1:, :, 1] + wcon[:-1, :, 1])
    pivot0 = dtr_stage - first
    ccol[:, :, 0] = first / pivot0
    change0 = -first * (u_stage[:, :, 1] - u_stage[:, :, 0])
    dcol[:, :, 0] = (dtr_stage * u_pos[:, :, 0] + utens[:, :, 0] + utens_stage[:, :, 0] + change0) / pivot0
    for k in range(1, u_pos.shape[2] - 1):
        lower = -0.125 * (wcon[1:, :, k] + wcon[:-1, :, k])
        upper = 0.125 * (wcon[1:, :, k + 1] + wcon[:-1, :, k + 1])
        change = -lower * (u_stage[:, :, k - 1] - u_stage[:, :, k]) - upper * (u_stage[:, :, k + 1] - u_stage[:, :, k])
        pivot = dtr_stage - lower - upper - ccol[:, :, k - 1] * lower
        ccol[:, :, k] = upper / pivot
        right = dtr_stage * u_pos[:, :, k] + utens[:, :, k] + utens_stage[:, :, k] + change
        dcol[:, :, k] = (right - dcol[:, :, k - 1] * lower) / pivot
    last = -0.125 * (wcon[1:, :, -1] + wcon[:-1, :, -1])
    change1 = -last * (u_stage[:, :, -2] - u_stage[:, :, -1])
    pivot1 = dtr_stage - last - ccol[:, :, -2] * last
    right1 = dtr_stage * u_pos[:, :, -1] + utens[:, :, -1] + utens_stage[:, :, -1] + change1
    data[:, :, -1] = (right1 - dcol[:, :, -2] * last) / pivot1
    for k in range(u_pos.shape[2] - 2, -1, -1):
        data[:, :, k] = dcol[:, :, k] - ccol[:, :, k] * data[:, :, k + 1]
    result = dtr_stage * (data - u_pos)
    value[0] = 0.5 * np.sum(result**2)


def cavity_flow(u, v, p, nt, nit, dx, dy, dt, rho, nu, value):
    b = np.zeros_like(p)
    un = np.zeros_like(u)
    vn = np.zeros_like(v)
    old = np.zeros_like(p)
    for _ in range(nt):
        un[:] = u
        vn[:] = v
        b[1:-1, 1:-1] = rho * (
            ((u[1:-1, 2:] - u[1:-1, :-2]) / (2.0 * dx) + (v[2:, 1:-1] - v[:-2, 1:-1]) / (2.0 * dy)) / dt
            - ((u[1:-1, 2:] - u[1:-1, :-2]) / (2.0 * dx)) ** 2
            - 2.0 * ((u[2:, 1:-1] - u[:-2, 1:-1]) / (2.0 * dy)) * ((v[1:-1, 2:] - v[1:-1, :-2]) / (2.0 * dx))
            - ((v[2:, 1:-1] - v[:-2, 1:-1]) / (2.0 * dy)) ** 2
        )
        for _ in range(nit):
            old[:] = p
            around = (old[1:-1, 2:] + old[1:-1, :-2]) * dy**2 + (old[2:, 1:-1] + old[:-2, 1:-1]) * dx**2
            p[1:-1, 1:-1] = (around - dx**2 * dy**2 * b[1:-1, 1:-1]) / (2.0 * (dx**2 + dy**2))
            p[:, -1] = p[:, -2]
            p[0, :] = p[1, :]
            p[:, 0] = p[:, 1]
            p[-1, :] = 0.0
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
    value[0] = 0.5 * (np.sum(u**2) + np.sum(v**2) + np.sum(p**2))


def k2mm(alpha, beta, A, B, C, D, value):
    result = alpha * (A @ B @ C) + beta * D
    value[0] = 0.5 * np.sum(result**2)


def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z, value):
    changed = A + u1[:, None] * v1 + u2[:, None] * v2
    moved = x + beta * (y @ changed) + z
    result = w + alpha * (changed @ moved)
    value[0] = 0.5 * np.sum(result**2)


def softmax(x, value):
    top = np.max(x, axis=3)
    e = np.exp(x - top[:, :, :, None])
    total = np.sum(e, axis=3)
    result = e / total[:, :, :, None]
    value[0] = 0.5 * np.sum(result**2)


def mlp(x, w1, b1, w2, b2, w3, b3, value):
    first = np.maximum(x @ w1 + b1, 0)
    second = np.maximum(first @ w2 + b2, 0)
    last = second @ w3 + b3
    top = np.max(last, axis=1)
    e = np.exp(last - top[:, None])
    total = np.sum(e, axis=1)
    result = e / total[:, None]
    value[0] = 0.5 * np.sum(result**2)


def conv2d_bias(image, weights, bias, value):
    result = np.zeros(
        (
            image.shape[0],
            image.shape[1] - weights.shape[0] + 1,
            image.shape[2] - weights.shape[0] + 1,
            weights.shape[3],
        ),
        image.dtype,
    )
    for i in range(image.shape[1] - weights.shape[0] + 1):
        for j in range(image.shape[2] - weights.shape[0] + 1):
            window = image[:, i : i + weights.shape[0], j : j + weights.shape[0], :, None]
            result[:, i, j, :] = np.sum(window * weights[None], axis=(1, 2, 3)) + bias
    value[0] = 0.5 * np.sum(result**2)


def syrk(alpha, beta, C, A, value):
    for i in range(A.shape[0]):
        C[i, : i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, : i + 1] += alpha * A[i, k] * A[: i + 1, k]
    value[0] = 0.5 * np.sum(C**2)


def cholesky(A, value):
    n = A.shape[0]
    A[0, 0] = np.sqrt(A[0, 0])
    for i in range(1, n):
        for j in range(i):
            A[i, j] -= np.dot(A[i, :j], A[j, :j])
            A[i, j] /= A[j, j]
        A[i, i] -= np.dot(A[i, :i], A[i, :i])
        A[i, i] = np.sqrt(A[i, i])
    value[0] = 0.5 * np.sum(A**2)


def spmv(values, x, starts, columns, value):
    y = np.zeros_like(x)
    for i in range(starts.shape[0] - 1):
        for k in dace.map[starts[i] : starts[i + 1]]:
            y[i] += values[k] * x[columns[k]]
    value[0] = 0.5 * np.sum(y**2)


def nbody(mass, pos, vel, steps, dt, G, softening, value):
    kick = np.full(steps + 1, 0.5 * dt)
    kick[0] = 0.0
    total = np.zeros(1)
    for step in range(steps + 1):
        dx = pos[:, 0] - pos[:, 0, None]
        dy = pos[:, 1] - pos[:, 1, None]
        dz = pos[:, 2] - pos[:, 2, None]
        inverse = 1.0 / np.sqrt(dx**2 + dy**2 + dz**2 + softening**2)
        pull = G * mass * inverse**3
        ax = np.sum(pull * dx, axis=1)
        ay = np.sum(pull * dy, axis=1)
        az = np.sum(pull * dz, axis=1)
        potential = -0.5 * G * (np.sum(mass * (inverse @ mass)) - np.sum(mass**2) / softening)
        vel[:, 0] += kick[step] * ax
        vel[:, 1] += kick[step] * ay
        vel[:, 2] += kick[step] * az
        kinetic = 0.5 * np.sum(mass * (vel[:, 0] ** 2 + vel[:, 1] ** 2 + vel[:, 2] ** 2))
        total[0] += kinetic**2 + potential**2
        vel[:, 0] += 0.5 * dt * ax
        vel[:, 1] += 0.5 * dt * ay
        vel[:, 2] += 0.5 * dt * az
        pos += dt * vel
    value[0] = 0.5 * total[0]


def lstm(main, extra, state, text, value):
    hidden = np.zeros((main.shape[0], main.shape[3]))
    cell = np.zeros((main.shape[0], main.shape[3]))
    hidden[:] = state[:, 0]
    cell[:] = state[:, 1]
    total = np.zeros(1)
    signal = np.zeros((text.shape[0], main.shape[0] + 1, main.shape[3]))
    for t in range(text.shape[0] - 1):
        signal[t, 0] = text[t] * extra[0]
        for layer in range(main.shape[0]):
            forget = 1.0 / (1.0 + np.exp(-(signal[t, layer] * main[layer, 0, 0] + main[layer, 1, 0])))
            ingate = 1.0 / (1.0 + np.exp(-(hidden[layer] * main[layer, 0, 1] + main[layer, 1, 1])))
            outgate = 1.0 / (1.0 + np.exp(-(signal[t, layer] * main[layer, 0, 2] + main[layer, 1, 2])))
            change = np.tanh(hidden[layer] * main[layer, 0, 3] + main[layer, 1, 3])
            cell[layer] = cell[layer] * forget + ingate * change
            hidden[layer] = outgate * np.tanh(cell[layer])
            signal[t, layer + 1] = hidden[layer]
        guess = signal[t, main.shape[0]] * extra[1] + extra[2]
        total[0] += np.sum(text[t + 1] * (guess - np.log(2.0 + np.sum(np.exp(guess)))))
    value[0] = -total[0] / ((text.shape[0] - 1) * text.shape[1])


def gmm(alpha, mu, q, l, x, gamma, m, constant, value):
    diagonal = np.exp(q)
    factor = np.zeros((q.shape[0], q.shape[1], q.shape[1]))
    for column in range(x.shape[1]):
        factor[:, column, column] = diagonal[:, column]
    for column in range(x.shape[1]):
        for row in range(column + 1, x.shape[1]):
            factor[:, row, column] = l[:, column * (2 * x.shape[1] - column - 1) / 2 + row - column - 1]
    terms = np.zeros((x.shape[0], q.shape[0]))
    for k in range(q.shape[0]):
        y = (x - mu[k]) @ np.transpose(factor[k])
        terms[:, k] = alpha[k] + np.sum(q[k]) - 0.5 * np.sum(y**2, axis=1)
    top = np.max(terms, axis=1)
    total = np.sum(top) + np.sum(np.log(np.sum(np.exp(terms - top[:, None]), axis=1)))
    highest = np.max(alpha)
    weight = highest + np.log(np.sum(np.exp(alpha - highest)))
    prior = 0.5 * gamma**2 * (np.sum(diagonal**2) + np.sum(l**2)) - m * np.sum(q)
    value[0] = total - x.shape[0] * weight - prior + constant


def gmm_constant(alpha, mu, q, l, x, gamma, m):
    N, D = x.shape
    freedom = D + m + 1
    constant = freedom * D * (math.log(gamma) - 0.5 * math.log(2.0)) - 0.25 * D * (D - 1) * math.log(math.pi)
    constant -= sum(math.lgamma(0.5 * (freedom - d)) for d in range(D))
    return alpha.shape[0] * constant - 0.5 * N * D * math.log(2.0 * math.pi)


def ba(cameras, points, weights, camera_of, point_of, seen, value):
    camera = cameras[camera_of]
    point = points[point_of]
    x = point[:, 0] - camera[:, 3]
    y = point[:, 1] - camera[:, 4]
    z = point[:, 2] - camera[:, 5]
    a = camera[:, 0]
    b = camera[:, 1]
    c = camera[:, 2]
    square = a**2 + b**2 + c**2
    theta = np.sqrt(square)
    cosine = np.cos(theta)
    sine = np.sin(theta) / theta
    along = (a * x + b * y + c * z) * (1.0 - cosine) / square
    w = z * cosine + (a * y - b * x) * sine + c * along
    u = (x * cosine + (b * z - c * y) * sine + a * along) / w
    v = (y * cosine + (c * x - a * z) * sine + b * along) / w
    radius = u**2 + v**2
    scale = camera[:, 6] * (1.0 + camera[:, 9] * radius + camera[:, 10] * radius**2)
    off_u = weights * (u * scale + camera[:, 7] - seen[:, 0])
    off_v = weights * (v * scale + camera[:, 8] - seen[:, 1])
    value[0] = np.sum(off_u**2 + off_v**2 + (1.0 - weights**2) ** 2)
