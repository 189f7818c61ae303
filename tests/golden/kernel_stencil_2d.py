from numba import cuda, float64


@cuda.jit(device=True)
def add_block_sum(total, value, parts):
    """Add the sum of `value` over the threads of the block to `total[0]`, in shared memory: one atomic addition."""
    t = cuda.threadIdx.x + 4 * cuda.threadIdx.y
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
def stencil_2d_clear(u, out_bar):
    i, j = cuda.grid(2)
    if i >= 1 and i < u.shape[0] - 1 and j >= 1 and j < u.shape[1] - 1:
        out_bar[i, j] = 0.0


@cuda.jit
def stencil_2d_adjoint(c, u, c_bar, u_bar, out_bar):
    i, j = cuda.grid(2)
    parts = cuda.shared.array(16, float64)
    u_sum = 0.0
    c_sum = 0.0
    if i >= 1 and i < u.shape[0] - 1 and j >= 1 and j < u.shape[1] - 1:
        around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
        u_i_j = u[i, j]
        # backward: out[i, j] = u[i, j] + c * (around - 4.0 * u[i, j]) - u[i, j] ** 3
        out_seed = out_bar[i, j]
        c_sum = out_seed * (around - 4.0 * u_i_j)
        around_bar = out_seed * c
        u_sum += out_seed - 3.0 * u_i_j**2 * out_seed - 4.0 * around_bar
    if i >= 0 and i < u.shape[0] - 2 and j >= 1 and j < u.shape[1] - 1:
        u_sum += out_bar[i + 1, j] * c
    if i >= 1 and i < u.shape[0] - 1 and j >= 0 and j < u.shape[1] - 2:
        u_sum += out_bar[i, j + 1] * c
    if i >= 1 and i < u.shape[0] - 1 and j >= 2 and j < u.shape[1]:
        u_sum += out_bar[i, j - 1] * c
    if i >= 2 and i < u.shape[0] and j >= 1 and j < u.shape[1] - 1:
        u_sum += out_bar[i - 1, j] * c
    if i < u_bar.shape[0] and j < u_bar.shape[1]:
        u_bar[i, j] += u_sum
    add_block_sum(c_bar, c_sum, parts)
