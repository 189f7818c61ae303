"""The kernels as somebody who knows PyTorch writes them."""

import math

import torch
from torch.nn import functional

# Where a loop takes steps, a step is compiled: the whole loop, unrolled, takes the compiler many minutes.
STEPS = {
    "ode": "ode_step",
    "jacobi_2d": "jacobi_2d_half",
    "heat_3d": "heat_3d_half",
    "seidel_2d": "seidel_2d_row",
    "fdtd_2d": "fdtd_2d_step",
    "lstm": "lstm_step",
    "vadv": "vadv_down",
    "cavity_flow": "cavity_flow_step",
    "nbody": "nbody_step",
}


def lse(x):
    return torch.logsumexp(x, 0)


def llsq(x, n):
    t = -1.0 + 2.0 * torch.arange(n, dtype=x.dtype) / (n - 1)
    residual = torch.sign(t) - torch.vander(t, x.shape[0], increasing=True) @ x
    return 0.5 * torch.sum(residual**2)


def ode_step(y, x, h):
    def rate(y):
        return x * functional.pad(y[:-1], (1, 0), value=1.0)

    k1 = rate(y)
    k2 = rate(y + 0.5 * h * k1)
    k3 = rate(y + 0.5 * h * k2)
    k4 = rate(y + h * k3)
    return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def ode(x, steps):
    y = torch.zeros_like(x)
    for _ in range(steps):
        y = ode_step(y, x, 2.0 / steps)
    return torch.sum(y)


def jacobi_2d_half(X, Y):
    Y = Y.clone()
    Y[1:-1, 1:-1] = 0.2 * (X[1:-1, 1:-1] + X[1:-1, :-2] + X[1:-1, 2:] + X[2:, 1:-1] + X[:-2, 1:-1])
    return Y


def jacobi_2d(A, B, T):
    for _ in range(T):
        B = jacobi_2d_half(A, B)
        A = jacobi_2d_half(B, A)
    return 0.5 * torch.sum(A * A)


jacobi_2d_loops = jacobi_2d


def cholesky(A):
    # The kernel reads the lower triangle only.
    L = torch.linalg.cholesky(torch.tril(A) + torch.tril(A, -1).T)
    out = L + torch.triu(A, 1)
    return 0.5 * torch.sum(out * out)


def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    # The changed matrix is never formed.
    x = x + beta * (y @ A + (u1 @ y) * v1 + (u2 @ y) * v2) + z
    w = w + alpha * (A @ x + u1 * (v1 @ x) + u2 * (v2 @ x))
    return 0.5 * torch.sum(w * w)


def gmm(alpha, mu, q, l, x, gamma, m):
    N, D = x.shape
    K = alpha.shape[0]
    column, row = torch.triu_indices(D, D, 1)
    diagonal = torch.exp(q)
    factor = torch.diag_embed(diagonal)
    factor[:, row, column] = l
    y = torch.einsum("kij,nkj->nki", factor, x[:, None, :] - mu)
    terms = alpha + torch.sum(q, 1) - 0.5 * torch.sum(y * y, 2)
    total = torch.sum(torch.logsumexp(terms, 1))
    likelihood = total - N * (0.5 * D * math.log(2.0 * math.pi) + torch.logsumexp(alpha, 0))
    prior = 0.5 * gamma**2 * (torch.sum(diagonal**2) + torch.sum(l**2)) - m * torch.sum(q)
    freedom = D + m + 1
    constant = freedom * D * (math.log(gamma) - 0.5 * math.log(2.0)) - 0.25 * D * (D - 1) * math.log(math.pi)
    constant -= sum(math.lgamma(0.5 * (freedom - d)) for d in range(D))
    return likelihood - prior + K * constant


def ba(cameras, points, weights, camera_of, point_of, seen):
    turn, centre, focal, middle, bend = torch.split(cameras[camera_of], (3, 3, 1, 2, 2), 1)
    apart = points[point_of] - centre
    square = torch.sum(turn * turn, 1, keepdim=True)
    theta = torch.sqrt(torch.where(square > 0.0, square, 1.0))
    cosine, sine = torch.cos(theta), torch.sin(theta) / theta
    along = torch.sum(turn * apart, 1, keepdim=True) * (1.0 - cosine) / theta**2
    across = torch.linalg.cross(turn, apart)
    turned = torch.where(square > 0.0, apart * cosine + across * sine + turn * along, apart + across)
    image = turned[:, :2] / turned[:, 2:]
    radius = torch.sum(image * image, 1, keepdim=True)
    found = image * focal * (1.0 + bend[:, :1] * radius + bend[:, 1:] * radius**2) + middle
    return torch.sum((weights[:, None] * (found - seen)) ** 2) + torch.sum((1.0 - weights**2) ** 2)


def lstm_step(x, hidden, cell, main):
    hidden, cell = list(hidden), list(cell)
    for layer, (weight, bias) in enumerate(main):
        forget, outgate = torch.sigmoid(x * weight[0::2] + bias[0::2])
        ingate = torch.sigmoid(hidden[layer] * weight[1] + bias[1])
        change = torch.tanh(hidden[layer] * weight[3] + bias[3])
        cell[layer] = cell[layer] * forget + ingate * change
        x = hidden[layer] = outgate * torch.tanh(cell[layer])
    return hidden, cell


def lstm(main, extra, state, text):
    length, b = text.shape
    hidden, cell = list(state[:, 0]), list(state[:, 1])
    outputs = []
    for x in text[:-1] * extra[0]:
        hidden, cell = lstm_step(x, hidden, cell, main)
        outputs.append(hidden[-1])
    guess = torch.stack(outputs) * extra[1] + extra[2]
    total = torch.sum(text[1:] * (guess - torch.log(2.0 + torch.sum(torch.exp(guess), 1, keepdim=True))))
    return -total / ((length - 1) * b)


def ht(theta, u, parents, relatives, base, weights, triangles, seen):
    def rotation(a, b, c):
        cos_a, sin_a, cos_b, sin_b, cos_c, sin_c = (f(angle) for angle in (a, b, c) for f in (torch.cos, torch.sin))
        zero, one = torch.zeros_like(a), torch.ones_like(a)
        rows = (
            (cos_b * cos_c, sin_a * sin_b * cos_c - cos_a * sin_c, cos_a * sin_b * cos_c + sin_a * sin_c, zero),
            (cos_b * sin_c, sin_a * sin_b * sin_c + cos_a * cos_c, cos_a * sin_b * sin_c - sin_a * cos_c, zero),
            (-sin_b, sin_a * cos_b, cos_a * cos_b, zero),
            (zero, zero, zero, one),
        )
        return torch.stack([torch.stack(row, -1) for row in rows], -2)

    bent = theta[5:]
    local = relatives[1:] @ rotation(bent, 0.5 * bent, torch.zeros_like(bent))
    world = [rotation(*theta[:3])]
    for parent, turn in zip(parents[1:].tolist(), local, strict=True):
        world.append(world[parent] @ turn)
    mesh = torch.einsum("bv,bij,vj->vi", weights, torch.stack(world)[:, :3], base)
    shares = torch.cat([u, 1.0 - u.sum(1, keepdim=True)], 1)
    surface = torch.einsum("kt,kti->ki", shares, mesh[triangles])
    shift = functional.pad(theta[3:5], (0, 1))
    return 0.5 * torch.sum((seen - surface - shift) ** 2)


def kmeans(centroids, points):
    with torch.no_grad():
        distances = torch.sum(centroids**2, 1) - 2.0 * (points @ centroids.T)
        nearest = torch.argmin(distances, 1)
    return torch.sum((points - centroids[nearest]) ** 2)


def heat_3d_half(X, Y):
    inner = (slice(1, -1),) * 3
    Y = Y.clone()
    twice = 2.0 * X[inner]
    Y[inner] = (
        0.125 * (X[2:, 1:-1, 1:-1] - twice + X[:-2, 1:-1, 1:-1])
        + 0.125 * (X[1:-1, 2:, 1:-1] - twice + X[1:-1, :-2, 1:-1])
        + 0.125 * (X[1:-1, 1:-1, 2:] - twice + X[1:-1, 1:-1, :-2])
        + X[inner]
    )
    return Y


def heat_3d(A, B, T):
    for _ in range(T):
        B = heat_3d_half(A, B)
        A = heat_3d_half(B, A)
    return 0.5 * torch.sum(A * A)


def seidel_2d_row(above, here, below, powers):
    known = above[:-2] + above[1:-1] + above[2:] + here[1:-1] + here[2:] + below[:-2] + below[1:-1] + below[2:]
    known[0] += here[0]
    return torch.cat([here[:1], powers @ known, here[-1:]])


def seidel_2d(A, T):
    # Along a row, x[j] = (c[j] + x[j - 1]) / 9: a product with a triangular matrix.
    n = A.shape[0] - 2
    index = torch.arange(n, dtype=A.dtype)
    powers = torch.tril(9.0 ** -((index[:, None] - index).clamp(min=0.0) + 1.0))
    for _ in range(T):
        rows = [A[0]]
        for i in range(1, n + 1):
            rows.append(seidel_2d_row(rows[-1], A[i], A[i + 1], powers))
        A = torch.stack([*rows, A[-1]])
    return 0.5 * torch.sum(A * A)


def fdtd_2d_step(ex, ey, hz, pulse):
    ex, ey, hz = ex.clone(), ey.clone(), hz.clone()
    ey[0] = pulse
    ey[1:] -= 0.5 * (hz[1:] - hz[:-1])
    ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
    hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return ex, ey, hz


def fdtd_2d(ex, ey, hz, source):
    for pulse in source:
        ex, ey, hz = fdtd_2d_step(ex, ey, hz, pulse)
    return 0.5 * torch.sum(hz * hz)


def hdiff(in_field, coeff):
    lap = 4.0 * in_field[1:-1, 1:-1] - (
        in_field[2:, 1:-1] + in_field[:-2, 1:-1] + in_field[1:-1, 2:] + in_field[1:-1, :-2]
    )

    def limited(flux, rise):
        return torch.where(flux * rise > 0.0, 0.0, flux)

    flux_x = limited(torch.diff(lap[:, 1:-1], dim=0), torch.diff(in_field[1:-1, 2:-2], dim=0))
    flux_y = limited(torch.diff(lap[1:-1], dim=1), torch.diff(in_field[2:-2, 1:-1], dim=1))
    out = in_field[2:-2, 2:-2] - coeff * (torch.diff(flux_x, dim=0) + torch.diff(flux_y, dim=1))
    return 0.5 * torch.sum(out * out)


def vadv_down(ccol, dcol, lower, diagonal, upper, right):
    pivot = diagonal - ccol * lower
    return upper / pivot, (right - dcol * lower) / pivot


def vadv(utens_stage, u_stage, wcon, u_pos, utens, dtr_stage):
    utens_stage, u_stage, wcon, u_pos, utens = (
        field.movedim(2, 0) for field in (utens_stage, u_stage, wcon, u_pos, utens)
    )
    flow = 0.25 * (wcon[1:, 1:] + wcon[1:, :-1])
    change = -0.5 * flow * torch.diff(u_stage, dim=0)
    none = torch.zeros_like(u_stage[:1])
    upper = torch.cat([0.5 * flow, none])
    lower = torch.cat([none, -0.5 * flow])
    diagonal = dtr_stage - lower - upper
    right = dtr_stage * u_pos + utens + utens_stage + torch.cat([change, none]) + torch.cat([none, change])
    columns = []
    ccol = dcol = none[0]
    for k in range(len(right)):
        ccol, dcol = vadv_down(ccol, dcol, lower[k], diagonal[k], upper[k], right[k])
        columns.append((ccol, dcol))
    data = [none[0]]
    for ccol, dcol in reversed(columns):
        data.append(dcol - ccol * data[-1])
    out = dtr_stage * (torch.stack(data[:0:-1]) - u_pos)
    return 0.5 * torch.sum(out * out)


def halves(f):
    return f[1:-1, 2:], f[1:-1, :-2], f[2:, 1:-1], f[:-2, 1:-1]


def cavity_flow_pressure(p, source, dx, dy):
    east, west, north, south = halves(p)
    around = (east + west) * dy**2 + (north + south) * dx**2
    p = p.clone()
    p[1:-1, 1:-1] = (around - dx**2 * dy**2 * source) / (2.0 * (dx**2 + dy**2))
    p[:, -1] = p[:, -2]
    p[0] = p[1]
    p[:, 0] = p[:, 1]
    p[-1] = 0.0
    return p


def cavity_flow_step(u, v, p, nit, dx, dy, dt, rho, nu):
    def moved(f, push):
        here = f[1:-1, 1:-1]
        east, west, north, south = halves(f)
        carried = u[1:-1, 1:-1] * dt / dx * (here - west) + v[1:-1, 1:-1] * dt / dy * (here - south)
        spread = nu * dt * ((east - 2.0 * here + west) / dx**2 + (north - 2.0 * here + south) / dy**2)
        return functional.pad(here - carried - push + spread, (1, 1, 1, 1))

    (u_east, u_west, u_north, u_south), (v_east, v_west, v_north, v_south) = halves(u), halves(v)
    du_dx, dv_dy = (u_east - u_west) / (2.0 * dx), (v_north - v_south) / (2.0 * dy)
    du_dy, dv_dx = (u_north - u_south) / (2.0 * dy), (v_east - v_west) / (2.0 * dx)
    source = rho * ((du_dx + dv_dy) / dt - du_dx**2 - 2.0 * du_dy * dv_dx - dv_dy**2)
    for _ in range(nit):
        p = cavity_flow_pressure(p, source, dx, dy)
    east, west, north, south = halves(p)
    new_u = moved(u, dt / (2.0 * rho * dx) * (east - west))
    new_u[-1] = 1.0
    return new_u, moved(v, dt / (2.0 * rho * dy) * (north - south)), p


def cavity_flow(u, v, p, nt, nit, dx, dy, dt, rho, nu):
    for _ in range(nt):
        u, v, p = cavity_flow_step(u, v, p, nit, dx, dy, dt, rho, nu)
    return 0.5 * (torch.sum(u * u) + torch.sum(v * v) + torch.sum(p * p))


def k2mm(alpha, beta, A, B, C, D):
    out = alpha * (A @ B @ C) + beta * D
    return 0.5 * torch.sum(out * out)


def softmax(x):
    out = torch.softmax(x, -1)
    return 0.5 * torch.sum(out * out)


def mlp(x, w1, b1, w2, b2, w3, b3):
    hidden = torch.relu(torch.addmm(b1, x, w1))
    hidden = torch.relu(torch.addmm(b2, hidden, w2))
    return softmax(torch.addmm(b3, hidden, w3))


def conv2d_bias(image, weights, bias):
    out = functional.conv2d(image.permute(0, 3, 1, 2), weights.permute(3, 2, 0, 1), bias)
    return 0.5 * torch.sum(out * out)


def syrk(alpha, beta, C, A):
    lower = torch.ones_like(C, dtype=torch.bool).tril()
    out = torch.where(lower, beta * C + alpha * (A @ A.T), C)
    return 0.5 * torch.sum(out * out)


def nbody_step(mass, pos, vel, kick, dt, G, softening):
    dx, dy, dz = (pos[None, :, axis] - pos[:, None, axis] for axis in range(3))
    inverse = torch.rsqrt(dx * dx + dy * dy + dz * dz + softening * softening)
    pull = G * mass * inverse**3
    acc = pull @ pos - torch.sum(pull, 1, keepdim=True) * pos
    potential = -G * torch.sum(torch.triu(mass[:, None] * mass * inverse, 1))
    vel = vel + kick * acc
    kinetic = 0.5 * torch.sum(mass * torch.sum(vel * vel, 1))
    vel = vel + 0.5 * dt * acc
    return pos + dt * vel, vel, kinetic**2 + potential**2


def nbody(mass, pos, vel, steps, dt, G, softening):
    total = 0.0
    for kick in (0.0, *(0.5 * dt,) * steps):
        pos, vel, energy = nbody_step(mass, pos, vel, kick, dt, G, softening)
        total = total + energy
    return 0.5 * total


def spmv(values, x, starts, columns):
    n = starts.shape[0] - 1
    rows = torch.repeat_interleave(torch.arange(n), torch.diff(starts), output_size=values.shape[0])
    y = torch.zeros_like(x).index_add(0, rows, values * x[columns])
    return 0.5 * torch.sum(y * y)
