import math

from numba import cuda, float64


@cuda.jit(device=True)
def add_block_sum(total, value, parts):
    """Add the sum of `value` over the threads of the block to `total[0]`, in shared memory: one atomic addition."""
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
        cuda.atomic.add(total, 0, parts[0])


@cuda.jit
def relax_adjoint(c, x, c_bar, x_bar, y_bar):
    s = cuda.shared.array(16, float64)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    parts = cuda.shared.array(16, float64)
    s_bar = cuda.shared.array(16, float64)
    s_bar[t] = 0.0
    left = (t + 15) % 16
    right = (t + 1) % 16
    s[t] = x[i]
    cuda.syncthreads()
    s_old_tape = cuda.local.array(6, float64)
    for _ in range(6):
        v = s[t] + c * math.sin(s[left] * s[right])
        cuda.syncthreads()
        s_old_tape[_] = s[t]
        s[t] = v
        cuda.syncthreads()
    # backward: y[i] = s[t]
    y_seed = y_bar[i]
    y_bar[i] = 0.0
    s_bar[t] += y_seed
    c_sum = 0.0
    for _ in range(5, -1, -1):
        cuda.syncthreads()
        s[t] = s_old_tape[_]
        # backward: s[t] = v
        v_bar = s_bar[t]
        s_bar[t] = 0.0
        cuda.syncthreads()
        # backward: v = s[t] + c * math.sin(s[left] * s[right])
        s_left = s[left]
        s_right = s[right]
        product = s_left * s_right
        c_sum += v_bar * math.sin(product)
        product_bar = v_bar * c * math.cos(product)
        cuda.atomic.add(s_bar, right, product_bar * s_left)
        cuda.atomic.add(s_bar, left, product_bar * s_right)
        cuda.atomic.add(s_bar, t, v_bar)
    cuda.syncthreads()
    # backward: s[t] = x[i]
    x_bar[i] += s_bar[t]
    add_block_sum(c_bar, c_sum, parts)
