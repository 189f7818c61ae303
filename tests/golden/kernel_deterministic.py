import math

from numba import cuda, float64


@cuda.jit(device=True)
def add_block_sum(total, value, parts):
    """Put the sum of `value` over the threads of the block, made in shared memory, at the place of the block."""
    t = cuda.threadIdx.x
    parts[t] = value
    cuda.syncthreads()
    n = 8
    while n > 0:
        if t < n and t + n < 16:
            parts[t] += parts[t + n]
        cuda.syncthreads()
        n //= 2
    if t == 0:
        total[cuda.blockIdx.x + cuda.gridDim.x * (cuda.blockIdx.y + cuda.gridDim.y * cuda.blockIdx.z)] = parts[0]


@cuda.jit
def add_in_order(total, parts):
    """Add what the blocks have found to `total[0]`, one after the other."""
    if cuda.grid(1) == 0:
        for k in range(parts.shape[0]):
            total[0] += parts[k]


@cuda.jit
def map_scalars_adjoint(a, x, a_bar, b_bar, x_bar, y_bar):
    i = cuda.grid(1)
    parts = cuda.shared.array(16, float64)
    a_sum = 0.0
    b_sum = 0.0
    if i < x.shape[0]:
        x_i = x[i]
        # backward: y[i] = math.sin(a * x[i]) + b
        b_sum = y_bar[i]
        y_bar[i] = 0.0
        t_bar = b_sum * math.cos(a * x_i)
        a_sum = t_bar * x_i
        x_bar[i] += t_bar * a
    add_block_sum(a_bar, a_sum, parts)
    add_block_sum(b_bar, b_sum, parts)
