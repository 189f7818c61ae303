"""Kernels of the kinds people write, each with arguments and what it computes in NumPy, for complex steps.

Every kernel is made for single or double precision by `kernels(real)`: the types of shared arrays are constants.
The environment says whose `cuda` it is; the simulator wants it to be a global name of the module.
"""

import importlib
import math
import os
from dataclasses import dataclass

import numpy as np

cuda = importlib.import_module(os.environ.get("ADJOINT_TEST_CUDA", "numba") + ".cuda")

THREADS = 16
TILE = 4
STEPS = 6


@dataclass(frozen=True)
class Case:
    """`reference(*args)` returns what the kernel writes into the argument `output`, which starts as it is given."""

    name: str
    kernel: object
    grid: object
    block: object
    args: tuple
    output: int
    reference: object


def kernels(real):
    """Return the cases; `real` is the module's `float32` or `float64`."""
    dtype = np.dtype(str(real))
    rng = np.random.default_rng(1)

    def normal(*shape):
        return rng.normal(size=shape).astype(dtype)

    @cuda.jit
    def map_scalars(a, b, x, y):
        i = cuda.grid(1)
        if i < x.shape[0]:
            y[i] = math.sin(a * x[i]) + b

    @cuda.jit
    def saxpy(a, x, y):
        for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
            y[i] = a * x[i] + y[i]

    @cuda.jit
    def stencil_1d(c, u, out):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < 1 or i >= u.shape[0] - 1:
            return
        out[i] = u[i] + c * (u[i - 1] - 2.0 * u[i] + u[i + 1]) - u[i] ** 3

    @cuda.jit
    def stencil_2d(c, u, out):
        i, j = cuda.grid(2)
        if i >= 1 and i < u.shape[0] - 1 and j >= 1 and j < u.shape[1] - 1:
            around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
            out[i, j] = u[i, j] + c * (around - 4.0 * u[i, j]) - u[i, j] ** 3

    @cuda.jit
    def stencil_3d(u, out):
        i, j, k = cuda.grid(3)
        inside = i >= 1 and j >= 1 and k >= 1
        if inside and i < u.shape[0] - 1 and j < u.shape[1] - 1 and k < u.shape[2] - 1:
            total = u[i - 1, j, k] + u[i + 1, j, k] + u[i, j - 1, k] + u[i, j + 1, k] + u[i, j, k - 1] + u[i, j, k + 1]
            out[i, j, k] = u[i, j, k] * total

    @cuda.jit
    def uneven(w, u, v, out):
        """Neighbours at other distances to one side than to the other, of two arrays, one of them transposed."""
        i, j = cuda.grid(2)
        if 2 <= i and i < u.shape[0] - 1:
            if j < u.shape[1] - 3:
                near = w[0] * u[i, j] * u[i - 2, j + 3]
                out[i, j] = near * math.cos(v[j + 1, i + 1]) + out[i, j] * v[j, i]

    @cuda.jit
    def partial(u, out):
        """The grid ends before the array does: elements past it belong to no thread."""
        i = cuda.grid(1)
        if i >= 1 and i < u.shape[0] - 1:
            out[i] = u[i - 1] * u[i] * u[i + 1]

    @cuda.jit
    def wrapped(u, out):
        """The neighbour of the first element is the last."""
        i = cuda.grid(1)
        if i < u.shape[0]:
            out[i] = u[i] * u[i - 1]

    @cuda.jit
    def reduction(x, out):
        s = cuda.shared.array(THREADS, real)
        t = cuda.threadIdx.x
        i = cuda.grid(1)
        s[t] = x[i] * x[i] if i < x.shape[0] else 0.0
        cuda.syncthreads()
        n = cuda.blockDim.x // 2
        while n > 0:
            if t < n:
                s[t] += s[t + n]
            cuda.syncthreads()
            n //= 2
        if t == 0:
            cuda.atomic.add(out, 0, math.sqrt(s[0]))

    @cuda.jit
    def folded(x, y):
        """Threads read elements of other threads again and again, with no barrier between."""
        s = cuda.shared.array(THREADS, real)
        t = cuda.threadIdx.x
        i = cuda.grid(1)
        s[t] = x[i]
        cuda.syncthreads()
        v = real(0.0)
        for step in range(3):
            n = 4 >> step
            if t < n:
                v += s[t + n] * s[t]
        y[i] = v

    @cuda.jit
    def matmul(a, b, c):
        sa = cuda.shared.array((TILE, TILE), real)
        sb = cuda.shared.array((TILE, TILE), real)
        i, j = cuda.grid(2)
        ti = cuda.threadIdx.x
        tj = cuda.threadIdx.y
        total = real(0.0)
        for tile in range((a.shape[1] + TILE - 1) // TILE):
            sa[ti, tj] = 0.0
            sb[ti, tj] = 0.0
            if i < a.shape[0] and tj + tile * TILE < a.shape[1]:
                sa[ti, tj] = a[i, tj + tile * TILE]
            if j < b.shape[1] and ti + tile * TILE < b.shape[0]:
                sb[ti, tj] = b[ti + tile * TILE, j]
            cuda.syncthreads()
            for k in range(TILE):
                total += sa[ti, k] * sb[k, tj]
            cuda.syncthreads()
        if i < c.shape[0] and j < c.shape[1]:
            c[i, j] = total * total

    @cuda.jit
    def nbody(eps, pos, m, acc):
        sp = cuda.shared.array((THREADS, 3), real)
        sm = cuda.shared.array(THREADS, real)
        t = cuda.threadIdx.x
        i = cuda.grid(1)
        px = pos[i, 0]
        py = pos[i, 1]
        pz = pos[i, 2]
        ax = real(0.0)
        ay = real(0.0)
        az = real(0.0)
        for tile in range(pos.shape[0] // THREADS):
            sp[t, 0] = pos[tile * THREADS + t, 0]
            sp[t, 1] = pos[tile * THREADS + t, 1]
            sp[t, 2] = pos[tile * THREADS + t, 2]
            sm[t] = m[tile * THREADS + t]
            cuda.syncthreads()
            for k in range(THREADS):
                dx = sp[k, 0] - px
                dy = sp[k, 1] - py
                dz = sp[k, 2] - pz
                r2 = dx * dx + dy * dy + dz * dz + eps
                inv = 1.0 / math.sqrt(r2)
                w = sm[k] * inv * inv * inv
                ax += w * dx
                ay += w * dy
                az += w * dz
            cuda.syncthreads()
        acc[i, 0] = ax
        acc[i, 1] = ay
        acc[i, 2] = az

    @cuda.jit
    def relax(c, x, y):
        s = cuda.shared.array(THREADS, real)
        t = cuda.threadIdx.x
        i = cuda.grid(1)
        left = (t + THREADS - 1) % THREADS
        right = (t + 1) % THREADS
        s[t] = x[i]
        cuda.syncthreads()
        for _ in range(STEPS):
            v = s[t] + c * math.sin(s[left] * s[right])
            cuda.syncthreads()
            s[t] = v
            cuda.syncthreads()
        y[i] = s[t]

    @cuda.jit
    def histogram(bins, w, h):
        i = cuda.grid(1)
        if i >= w.shape[0]:
            return
        cuda.atomic.add(h, bins[i], w[i] * w[i])

    @cuda.jit
    def csr(start, column, value, x, y):
        i = cuda.grid(1)
        if i < y.shape[0]:
            total = real(0.0)
            for k in range(start[i], start[i + 1]):
                total += value[k] * x[column[k]]
            y[i] = math.tanh(total)

    @cuda.jit
    def ode(k, x, y, steps):
        i = cuda.grid(1)
        if i < x.shape[0]:
            v = x[i]
            for _ in range(steps):
                v = v + 0.1 * math.sin(k[i] * v)
            y[i] = v

    @cuda.jit
    def ode_constant(k, x, y):
        i = cuda.grid(1)
        if i < x.shape[0]:
            v = x[i]
            for _ in range(STEPS):
                v = v + 0.1 * math.sin(k[i] * v)
            y[i] = v

    @cuda.jit(device=True)
    def normal_cdf(d):
        return 0.5 * (1.0 + math.erf(d / math.sqrt(2.0)))

    @cuda.jit
    def black_scholes(spot, strike, time, rate, vol, call):
        i = cuda.grid(1)
        if i >= spot.shape[0]:
            return
        root = vol * math.sqrt(time[i])
        d1 = (math.log(spot[i] / strike[i]) + (rate + 0.5 * vol * vol) * time[i]) / root
        call[i] = spot[i] * normal_cdf(d1) - strike[i] * math.exp(-rate * time[i]) * normal_cdf(d1 - root)

    @cuda.jit(device=True)
    def clamp(v, low, high):
        if v < low:
            return low
        if v > high:
            return high
        return v

    @cuda.jit(device=True)
    def smooth(v, n):
        for _ in range(n):
            v = v - 0.1 * clamp(v * v * v, -1.0, 1.0)
        return v

    @cuda.jit
    def device_functions(x, y):
        i = cuda.grid(1)
        if i < x.shape[0]:
            y[i] = smooth(x[i], 3) * max(x[i], 0.5)

    n = 2 * THREADS + 5
    blocks = -(-n // THREADS)
    u2, u3 = normal(6, 7) * dtype.type(0.5), normal(4, 5, 6)
    out2, out3 = np.zeros_like(u2), np.zeros_like(u3)
    bodies = 2 * THREADS
    # The rows 0 and 2 share entries, so that an addition to the gradient of one must be atomic.
    start, column = np.array([0, 3, 1, 5, 7]), np.array([0, 3, 1, 2, 3, 0, 4])
    time = np.abs(normal(n)) + dtype.type(0.5)

    def price():
        return np.abs(normal(n)) + dtype.type(1.0)

    def zeros(*shape):
        return np.zeros(shape, dtype)

    return [
        Case("map_scalars", map_scalars, blocks, THREADS, (1.3, 0.4, normal(n), zeros(n)), 3, _map_scalars),
        Case("saxpy", saxpy, 2, THREADS, (1.3, normal(n), normal(n)), 2, lambda a, x, y: a * x + y),
        Case("stencil_1d", stencil_1d, blocks, THREADS, (0.2, normal(n), zeros(n)), 2, _stencil_1d),
        Case("stencil_2d", stencil_2d, (2, 2), (4, 4), (0.2, u2, out2), 2, _stencil_2d),
        Case("stencil_3d", stencil_3d, (2, 2, 2), (2, 4, 4), (u3, out3), 1, _stencil_3d),
        Case("reduction", reduction, blocks, THREADS, (normal(n), zeros(1)), 1, _reduction),
        Case("matmul", matmul, (2, 2), (TILE, TILE), (normal(6, 7), normal(7, 5), zeros(6, 5)), 2, _matmul),
        Case(
            "nbody",
            nbody,
            bodies // THREADS,
            THREADS,
            (0.1, normal(bodies, 3), np.abs(normal(bodies)), zeros(bodies, 3)),
            3,
            _nbody,
        ),
        Case("relax", relax, 2, THREADS, (0.3, normal(2 * THREADS), zeros(2 * THREADS)), 2, _relax),
        Case("histogram", histogram, blocks, THREADS, (rng.integers(0, 4, n), normal(n), zeros(4)), 2, _histogram),
        Case("csr", csr, 1, THREADS, (start, column, normal(7), normal(5), zeros(4)), 4, _csr),
        Case("ode", ode, blocks, THREADS, (np.abs(normal(n)), normal(n), zeros(n), STEPS), 2, _ode),
        Case("ode_constant", ode_constant, blocks, THREADS, (np.abs(normal(n)), normal(n), zeros(n)), 2, _ode),
        Case(
            "black_scholes",
            black_scholes,
            blocks,
            THREADS,
            (price(), price(), time, 0.03, 0.4, zeros(n)),
            5,
            _black_scholes,
        ),
        Case("device_functions", device_functions, blocks, THREADS, (normal(n), zeros(n)), 1, _device_functions),
        Case("uneven", uneven, (3, 2), (3, 5), (normal(1), normal(6, 7), normal(7, 6), normal(6, 7)), 3, _uneven),
        Case("partial", partial, 1, THREADS, (normal(n), zeros(n)), 1, _partial),
        Case("wrapped", wrapped, blocks, THREADS, (normal(n), zeros(n)), 1, lambda u, out: u * np.roll(u, 1)),
        Case("folded", folded, 2, THREADS, (normal(2 * THREADS), zeros(2 * THREADS)), 1, _folded),
    ]


def _map_scalars(a, b, x, y):
    return np.sin(a * x) + b


def _stencil_1d(c, u, out):
    out = out + 0 * c
    out[1:-1] = u[1:-1] + c * (u[:-2] - 2.0 * u[1:-1] + u[2:]) - u[1:-1] ** 3
    return out


def _stencil_2d(c, u, out):
    out, inner = out + 0 * c, (slice(1, -1), slice(1, -1))
    around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
    out[inner] = u[inner] + c * (around - 4.0 * u[inner]) - u[inner] ** 3
    return out


def _stencil_3d(u, out):
    out, mid = out + 0 * u, slice(1, -1)
    total = u[:-2, mid, mid] + u[2:, mid, mid] + u[mid, :-2, mid] + u[mid, 2:, mid] + u[mid, mid, :-2] + u[mid, mid, 2:]
    out[mid, mid, mid] = u[mid, mid, mid] * total
    return out


def _uneven(w, u, v, out):
    out, i, j = out + 0 * w[0], slice(2, -1), slice(0, -3)
    turned = v.T
    near = w[0] * u[i, j] * u[0:-3, 3:]
    out[i, j] = near * np.cos(turned[3:, 1:-2]) + out[i, j] * turned[i, j]
    return out


def _partial(u, out):
    out, i = out + 0 * u, slice(1, THREADS)
    out[i] = u[0 : THREADS - 1] * u[i] * u[2 : THREADS + 1]
    return out


def _reduction(x, out):
    parts = [np.sqrt((x[k : k + THREADS] ** 2).sum()) for k in range(0, len(x), THREADS)]
    return out + sum(parts)


def _folded(x, y):
    s = x.reshape(-1, THREADS)
    v = 0 * s
    for n in (4, 2, 1):
        v[:, :n] += s[:, n : 2 * n] * s[:, :n]
    return v.reshape(-1)


def _matmul(a, b, c):
    return (a @ b) ** 2


def _nbody(eps, pos, m, acc):
    d = pos[None] - pos[:, None]
    r2 = (d * d).sum(-1) + eps
    return (m[None, :, None] * d * (r2**-1.5)[:, :, None]).sum(1)


def _relax(c, x, y):
    parts = []
    for s in x.reshape(-1, THREADS):
        for _ in range(STEPS):
            s = s + c * np.sin(np.roll(s, 1) * np.roll(s, -1))
        parts.append(s)
    return np.concatenate(parts)


def _histogram(bins, w, h):
    h = h + 0 * w[0]
    np.add.at(h, bins, w * w)
    return h


def _csr(start, column, value, x, y):
    rows = [sum((value[k] * x[column[k]] for k in range(a, b)), 0 * x[0]) for a, b in zip(start, start[1:])]
    return np.tanh(np.array(rows))


def _ode(k, x, y, steps=STEPS):
    for _ in range(steps):
        x = x + 0.1 * np.sin(k * x)
    return x


def _cdf(d):
    """The distribution function by its series, for complex numbers."""
    if np.isrealobj(d):
        return np.array([0.5 * (1.0 + math.erf(v / math.sqrt(2.0))) for v in d])
    slope = np.exp(-d.real * d.real / 2) / math.sqrt(2 * math.pi)
    return _cdf(d.real) + 1j * d.imag * slope  # the step is so small that its square is nothing


def _black_scholes(spot, strike, time, rate, vol, call):
    root = vol * np.sqrt(time)
    d1 = (np.log(spot / strike) + (rate + 0.5 * vol * vol) * time) / root
    return spot * _cdf(d1) - strike * np.exp(-rate * time) * _cdf(d1 - root)


def _device_functions(x, y):
    v = x
    for _ in range(3):
        cube = v * v * v
        v = v - 0.1 * np.where(cube.real < -1.0, -1.0, np.where(cube.real > 1.0, 1.0, cube))
    return v * np.where(x.real > 0.5, x, 0.5)


def reference_gradients(case, seed):
    """Return for each floating-point argument that `case` reads the gradient of `sum(seed * output)`."""
    args = [np.asarray(a, complex if _is_float(a) else None) for a in case.args]
    found = {}
    for k, arg in enumerate(args):
        if not _is_float(case.args[k]):
            continue
        gradient = np.zeros(arg.shape)
        for index in np.ndindex(arg.shape):
            old = arg[index]
            arg[index] = old + 1e-30j
            gradient[index] = (seed * case.reference(*_plain(args)).imag).sum() / 1e-30
            arg[index] = old
        found[k] = gradient
    return found


def _plain(args):
    return [a[()] if a.ndim == 0 else a for a in args]


def _is_float(value):
    return np.asarray(value).dtype.kind == "f"
